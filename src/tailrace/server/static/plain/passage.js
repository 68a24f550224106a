// @ts-check
/**
 * Passage: a source in the text of its document, marked, beside the conversation; on a narrow
 * screen above it.
 *
 * Rule 1: places are counted in Unicode code points, as the server counts them.
 * Rule 2: a document that has changed since is not shown as the source: the words that were found
 *     are, and that is said.
 */

import { describeError, toChatError } from '../core.js'
import { attribute, iconButton, make, setText } from './dom.js'

/** @typedef {import('../core.js').Source} Source */
/** @typedef {Omit<import('./app.js').App, 'passage'>} App */
/** @typedef {{start: number, end: number, text: string}} Piece */

const AROUND = 1200
const WIDE = '(min-width: 75rem)'

export class Passage {
  #title = make('h2', { tabindex: -1, id: 'passage-title' })
  #place = make('p')
  #text = make('div', { class: 'text', tabindex: 0 })
  /** @type {readonly Source[]} */
  #sources = []
  #at = 0
  /** @type {HTMLElement | null} */
  #opener = null
  #asked = 0
  #wide = matchMedia(WIDE)

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words } = app
    this.previous = iconButton('previous', words.say('passage.previous'), {
      onclick: () => this.#step(-1),
    })
    this.next = iconButton('next', words.say('passage.next'), { onclick: () => this.#step(1) })
    const close = iconButton('close', words.say('passage.close'), { onclick: () => this.close() })
    const ask = make(
      'button',
      { type: 'button', class: 'button', onclick: () => this.#askAbout() },
      words.say('documents.ask'),
    )
    attribute(this.#text, 'aria-label', words.say('passage.text'))
    attribute(this.#text, 'role', 'group')
    this.element = make(
      'dialog',
      { class: 'passage', 'aria-labelledby': 'passage-title' },
      make(
        'header',
        {},
        make('div', {}, this.#title, this.#place),
        this.previous,
        this.next,
        close,
      ),
      this.#text,
      make('footer', {}, ask),
    )
    this.element.addEventListener('close', () => this.#closed())
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      this.close()
    })
    this.element.addEventListener('click', (event) => event.target === this.element && this.close())
    this.#wide.addEventListener('change', () => this.element.open && this.#place_(), { signal })
    signal.addEventListener('abort', () => this.element.remove())
  }

  /**
   * Opens one of `sources`; closing it gives the focus back to `opener`.
   *
   * @param {readonly Source[]} sources
   * @param {number} at
   * @param {HTMLElement} opener
   */
  open(sources, at, opener) {
    const same = this.element.open && this.#opener === opener
    this.close()
    if (same) return
    this.#opener = opener
    this.#sources = sources
    attribute(opener, 'aria-expanded', 'true')
    this.#place_()
    this.#show(at)
    this.#title.focus({ preventScroll: true })
  }

  close() {
    if (this.element.open) this.element.close()
  }

  #closed() {
    const opener = this.#opener
    if (!opener || this.element.open) return
    this.#opener = null
    attribute(opener, 'aria-expanded', 'false')
    if (opener.isConnected) opener.focus({ preventScroll: true })
  }

  /** Beside the conversation where there is room, above it elsewhere. */
  #place_() {
    const opener = this.#opener
    this.#opener = null
    this.element.close()
    if (this.#wide.matches) this.element.show()
    else this.element.showModal()
    this.#opener = opener
  }

  /** @param {number} by */
  #step(by) {
    const at = this.#at + by
    if (at >= 0 && at < this.#sources.length) void this.#show(at)
  }

  /** @param {number} at */
  async #show(at) {
    const source = this.#sources[at]
    if (!source) return
    const { words, client } = this.app
    this.#at = at
    this.#asked += 1
    const asked = this.#asked
    setText(this.#title, source.title)
    setText(
      this.#place,
      words.say('passage.place', { number: at + 1, count: this.#sources.length }),
    )
    attribute(this.previous, 'aria-disabled', at === 0)
    attribute(this.next, 'aria-disabled', at === this.#sources.length - 1)
    this.#text.replaceChildren(make('p', { class: 'waiting' }, words.say('passage.loading')))
    try {
      const found = await client.getPassage(
        source.documentId,
        Math.max(0, source.charStart - AROUND),
        source.charEnd + AROUND,
      )
      if (asked !== this.#asked) return
      if (found.revision !== source.revision)
        this.#showSnippet(source, words.say('passage.changed'))
      else this.#showPieces(source, { start: found.start, end: found.end, text: found.text })
    } catch (cause) {
      const error = await toChatError(cause)
      if (asked !== this.#asked) return
      const gone = error.code === 'not_found'
      this.#showSnippet(
        source,
        gone ? words.say('passage.gone') : describeError(error, words.language).title,
      )
    }
  }

  /**
   * @param {Source} source
   * @param {Piece} piece
   */
  #showPieces(source, piece) {
    const { words } = this.app
    const points = Array.from(piece.text)
    const from = source.charStart - piece.start
    const to = source.charEnd - piece.start
    const mark = make('mark', {}, points.slice(from, to).join(''))
    const text = make(
      'p',
      { class: 'words', dir: 'auto' },
      points.slice(0, from).join(''),
      mark,
      points.slice(to).join(''),
    )
    /** @type {(label: string, start: number, end: number) => HTMLElement} */
    const more = (label, start, end) =>
      make(
        'button',
        {
          type: 'button',
          class: 'button quiet more',
          onclick: () => this.#widen(source, piece, start, end),
        },
        label,
      )
    const begins = piece.start === 0
    const ends = piece.end < source.charEnd + AROUND && piece.end <= piece.start + points.length
    this.#text.replaceChildren(
      ...[
        !begins &&
          more(words.say('passage.before'), Math.max(0, piece.start - 4 * AROUND), piece.start),
        text,
        !ends && more(words.say('passage.after'), piece.end, piece.end + 4 * AROUND),
      ].filter((each) => each !== false),
    )
    mark.scrollIntoView({ block: 'center' })
  }

  /**
   * Shows more of the document, before or after what is there.
   *
   * @param {Source} source
   * @param {Piece} piece
   * @param {number} start
   * @param {number} end
   */
  async #widen(source, piece, start, end) {
    const asked = this.#asked
    const found = await this.app.client.getPassage(source.documentId, start, end).catch(() => null)
    if (!found || asked !== this.#asked || found.revision !== source.revision) return
    this.#showPieces(source, {
      start: Math.min(piece.start, found.start),
      end: Math.max(piece.end, found.end),
      text: found.start < piece.start ? found.text + piece.text : piece.text + found.text,
    })
  }

  /**
   * The words that were found, where their document cannot be shown.
   *
   * @param {Source} source
   * @param {string} why
   */
  #showSnippet(source, why) {
    this.#text.replaceChildren(
      make('p', { class: 'note' }, why),
      make('p', { class: 'words', dir: 'auto' }, make('mark', {}, source.snippet)),
    )
  }

  #askAbout() {
    const source = this.#sources[this.#at]
    this.#opener = null
    this.close()
    if (source) this.app.scope.set({ documentId: source.documentId, title: source.title })
  }
}
