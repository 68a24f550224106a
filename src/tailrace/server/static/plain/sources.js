// @ts-check
/**
 * SourceRow: the passages an answer rests on, each a button that opens it in its document.
 *
 * Rule: their numbers stay, so that those in the text stay; what is cited is always in sight.
 */

import { attribute, make } from './dom.js'

/** @typedef {import('../core.js').Source} Source */
/** @typedef {import('../core.js').Citation} Citation */
/** @typedef {import('./app.js').App} App */
/**
 * What became of a document since: it was changed, or removed.
 *
 * @typedef {'stale' | 'gone'} Age
 */

const SHOWN = 6

export class SourceRow {
  element = make('ul', { class: 'sources' })
  /** @type {readonly Source[]} */
  #sources = []
  /** @type {readonly Citation[]} */
  #citations = []
  /** @type {ReadonlyMap<string, Age>} by source */
  #ages = new Map()
  #all = false

  /** @param {App} app */
  constructor(app) {
    this.app = app
    attribute(this.element, 'aria-label', app.words.say('sources.title'))
  }

  /**
   * @param {readonly Source[]} sources
   * @param {readonly Citation[]} citations
   */
  update(sources, citations) {
    if (sources === this.#sources && citations === this.#citations) return
    this.#sources = sources
    this.#citations = citations
    this.#show()
  }

  /**
   * Shows which documents are not as they were any more.
   *
   * @param {ReadonlyMap<string, Age>} ages
   */
  age(ages) {
    if (ages.size === 0 && this.#ages.size === 0) return
    this.#ages = ages
    this.#show()
  }

  #show() {
    const cited = new Set(this.#citations.map((citation) => citation.sourceId))
    const isShown = (/** @type {Source} */ source, /** @type {number} */ at) =>
      this.#all || at < SHOWN || cited.has(source.id)
    const shown = this.#sources.filter(isShown)
    const items = shown.map((source) =>
      make('li', {}, this.#button(source, this.#sources.indexOf(source), cited.has(source.id))),
    )
    if (shown.length < this.#sources.length) {
      const rest = this.app.words.say('sources.rest', {
        count: this.#sources.length - shown.length,
      })
      items.push(
        make(
          'li',
          {},
          make(
            'button',
            {
              type: 'button',
              class: 'button quiet rest',
              onclick: () => this.#showAll(),
            },
            rest,
          ),
        ),
      )
    }
    this.element.replaceChildren(...items)
  }

  #showAll() {
    this.#all = true
    this.#show()
    this.element.querySelectorAll('button')[SHOWN]?.focus()
  }

  /**
   * @param {Source} source
   * @param {number} at
   * @param {boolean} cited
   */
  #button(source, at, cited) {
    const { words, passage } = this.app
    const age = this.#ages.get(source.id)
    const again = this.#sources.some((other) => other !== source && other.title === source.title)
    const opener = make(
      'button',
      {
        type: 'button',
        class: `source ${cited ? 'cited' : ''} ${age ?? ''}`,
        title: source.snippet,
        'aria-expanded': 'false',
        'aria-haspopup': 'dialog',
        onclick: () => passage.open(this.#sources.map(placeOf), at, opener),
      },
      make('span', { class: 'hidden-label' }, `${words.say('source.name')} `),
      make('span', { class: 'number' }, String(at + 1)),
      ' ',
      make(
        'span',
        { class: 'title', dir: 'auto' },
        source.title,
        again && make('span', { class: 'which' }, ` ${gist(source)}`),
      ),
      source.page !== null &&
        make('span', { class: 'page' }, words.say('source.page', { page: source.page })),
      age && make('span', { class: 'age' }, ' ', words.say(`source.${age}`)),
      cited && make('span', { class: 'hidden-label' }, ` ${words.say('source.cited')}`),
    )
    return opener
  }
}

/**
 * Where a source is, as the passage shows it.
 *
 * @param {Source} source
 * @param {number} at
 * @returns {import('./passage_text.js').Place}
 */
function placeOf(source, at) {
  return { ...source, words: source.snippet, number: at + 1, quoted: false }
}

/**
 * The words of a passage without its marks, to tell it from others of the same document.
 *
 * @param {Source} source
 */
function gist({ snippet, title }) {
  const marks = /[^\p{L}\p{N}\p{P}\s]|[#*|_>[\]-]/gu
  const words = snippet.replace(marks, ' ').replace(/\s+/g, ' ').trim()
  return words.startsWith(title) ? words.slice(title.length).trim() : words
}
