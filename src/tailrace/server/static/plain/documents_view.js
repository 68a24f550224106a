// @ts-check
/**
 * DocumentsView: every document with its state and how much of all can be found; search by name, filter
 * by state, add, remove.
 */

import { describeError } from '../core.js'
import { Adding } from './adding.js'
import { ask } from './asking.js'
import { READY } from './documents.js'
import { arrange, icon, iconButton, make, setText } from './dom.js'
import { StatusFilter } from './status_filter.js'

/** @typedef {import('../core.js').DocumentInfo} DocumentInfo */
/** @typedef {import('./app.js').App} App */

const SHOWN = 200

export class DocumentsView {
  #count = make('p', { class: 'lead' })
  #coverage = make('p', { class: 'lead coverage' })
  #list = make('ul', { class: 'documents' })
  #note = make('p', { class: 'lead' })
  #search
  #most = SHOWN

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words, uploads } = app
    this.#search = make('input', {
      type: 'search',
      class: 'field',
      'aria-label': words.say('documents.search'),
      placeholder: words.say('documents.search'),
      oninput: () => this.#show(),
    })
    this.filter = new StatusFilter(words, () => this.#show())
    this.heading = make('h1', { tabindex: -1 }, words.say('documents.title'))
    const add = make(
      'button',
      { type: 'button', class: 'button primary', onclick: () => uploads.choose() },
      icon('upload'),
      words.say('documents.add'),
    )
    this.slot = make('div')
    const more = make(
      'button',
      { type: 'button', class: 'button', hidden: true, onclick: () => this.#showMore() },
      words.say('documents.more'),
    )
    this.more = more
    this.element = make(
      'div',
      { class: 'view page-view' },
      make(
        'div',
        { class: 'column' },
        make(
          'div',
          { class: 'head' },
          make('div', {}, this.heading, this.#count, this.#coverage),
          add,
        ),
        this.slot,
        new Adding(app, signal).element,
        make('div', { class: 'finder' }, icon('search'), this.#search),
        this.filter.element,
        this.#note,
        this.#list,
        more,
        make(
          'p',
          { class: 'aside' },
          words.say('documents.folders'),
          ' ',
          make('code', {}, 'tailrace docs add ~/notes'),
        ),
        make('p', { class: 'aside kinds' }, words.say('documents.kinds')),
      ),
    )
    signal.addEventListener(
      'abort',
      app.documents.subscribe(() => this.#show()),
    )
    this.#show()
  }

  #showMore() {
    this.#most += SHOWN
    this.#show()
  }

  #show() {
    const { words, documents } = this.app
    const { items, total, ready, coverage, loaded, error } = documents.value
    const wanted = this.#search.value.trim().toLowerCase()
    const named = items.filter((item) =>
      `${item.title}\n${item.source}`.toLowerCase().includes(wanted),
    )
    this.filter.update(named)
    const found = named.filter((item) => this.filter.lets(item))
    setText(this.#count, loaded ? words.say('documents.count', { count: ready }) : '')
    setText(this.#coverage, coverage ? covered(coverage, words) : '')
    this.#coverage.hidden = this.#coverage.textContent === ''
    arrange(
      this.#list,
      found.slice(0, this.#most).map((item) => this.#row(item)),
    )
    this.more.hidden = found.length <= this.#most
    setText(
      this.#note,
      error ? describeError(error, words.language).title : this.#emptiness(found.length, total),
    )
    this.#note.hidden = this.#note.textContent === '' || (!loaded && !error)
  }

  /**
   * @param {number} found
   * @param {number} total
   */
  #emptiness(found, total) {
    if (found > 0) return ''
    if (this.filter.isOn) return this.app.words.say('documents.none_such')
    return this.app.words.say(total === 0 ? 'documents.none' : 'documents.not_found')
  }

  /** @type {WeakMap<DocumentInfo, HTMLElement>} */
  #rows = new WeakMap()

  /** @param {DocumentInfo} item */
  #row(item) {
    let row = this.#rows.get(item)
    if (!row) {
      row = this.#makeRow(item)
      this.#rows.set(item, row)
    }
    return row
  }

  /** @param {DocumentInfo} item */
  #makeRow(item) {
    const { words } = this.app
    const ready = READY.has(item.status)
    const facts = [item.kind, words.bytes(item.size_bytes), words.moment(new Date(item.updated_at))]
    if (item.origin === 'sample' || item.origin === 'web')
      facts.unshift(words.say(`documents.${item.origin}`))
    const about = make(
      'button',
      { type: 'button', class: 'button quiet', onclick: () => this.#askAbout(item) },
      words.say('documents.ask'),
    )
    const remove = iconButton('delete', words.say('documents.remove', { name: item.title }), {
      onclick: () => void this.#remove(item),
    })
    return make(
      'li',
      { class: item.status },
      icon('document'),
      make(
        'div',
        { class: 'what' },
        make('p', { class: 'name', dir: 'auto' }, item.title),
        make('p', { class: 'facts' }, facts.filter(Boolean).join(' · ')),
        item.source !== item.title && make('p', { class: 'facts path', dir: 'auto' }, item.source),
        (item.status === 'skipped' || item.status === 'failed') &&
          make(
            'p',
            { class: 'reason' },
            `${words.say(`documents.${item.status}`)}: ${item.reason}`,
          ),
      ),
      make('div', { class: 'acts' }, ready && about, remove),
    )
  }

  /** @param {DocumentInfo} item */
  #askAbout(item) {
    const { scope, address, session } = this.app
    scope.set({ documentId: item.id, title: item.title })
    address.go({ view: 'chat', conversationId: session.getSnapshot().conversationId })
  }

  /** @param {DocumentInfo} item */
  async #remove(item) {
    const { words, documents } = this.app
    const sure = await ask(words, {
      title: words.say('documents.remove_title'),
      text: words.say('documents.remove_text', { name: item.title }),
      yes: words.say('documents.remove_yes'),
    })
    if (!sure) return
    await documents.remove(item.id)
    this.heading.focus({ preventScroll: true })
  }
}

/**
 * How much can be found by meaning; nothing is said where nothing does that.
 *
 * @param {import('../core.js').DocumentCoverage} coverage
 * @param {import('./words.js').Words} words
 */
function covered({ pieces, pieces_embedded: done, model, state }, words) {
  if (model === '' || pieces === 0) return ''
  if (state === 'failed') return words.say('coverage.failed', { done, count: pieces })
  return words.say(done >= pieces ? 'coverage.all' : 'coverage.some', { done, count: pieces })
}
