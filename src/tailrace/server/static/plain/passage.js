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
/**
 * A piece of a document's text; `whole` once its end is in it.
 *
 * @typedef {{start: number, end: number, text: string, whole: boolean}} Piece
 */

const AROUND = 1200
const MORE = 4 * AROUND
const WIDE = '(min-width: 75rem)'

export class Passage {
  #title = make('h2', { tabindex: -1, id: 'passage-title' })
  #position = make('p')
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
        make('div', {}, this.#title, this.#position),
        this.previous,
        this.next,
        close,
      ),
      this.#text,
      make('footer', {}, ask),
    )
    this.element.addEventListener('close', () => this.#closed())
    document.addEventListener('keydown', (event) => this.#pressed(event), { signal })
    this.element.addEventListener('click', (event) => event.target === this.element && this.close())
    this.#wide.addEventListener('change', () => this.element.open && this.#place(), { signal })
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
    this.#place()
    this.#show(at)
    this.#title.focus({ preventScroll: true })
  }

  close() {
    if (!this.element.open) return
    this.element.close()
    this.#closed() // its event comes later, when the focus may have moved on
  }

  #closed() {
    const opener = this.#opener
    if (!opener || this.element.open) return
    this.#opener = null
    attribute(opener, 'aria-expanded', 'false')
    if (opener.isConnected) opener.focus({ preventScroll: true })
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key !== 'Escape' || event.defaultPrevented || !this.element.open) return
    const above = document.querySelector('dialog:modal, :popover-open')
    if (above && above !== this.element) return // it is what Escape closes
    event.preventDefault()
    this.close()
  }

  /** Beside the conversation where there is room, above it elsewhere. */
  #place() {
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
      this.#position,
      words.say('passage.place', { number: at + 1, count: this.#sources.length }),
    )
    attribute(this.previous, 'aria-disabled', at === 0 ? 'true' : null)
    attribute(this.next, 'aria-disabled', at === this.#sources.length - 1 ? 'true' : null)
    this.#text.replaceChildren(make('p', { class: 'waiting' }, words.say('passage.loading')))
    try {
      const start = Math.max(0, source.charStart - AROUND)
      const end = source.charEnd + AROUND
      const found = await client.getPassage(source.documentId, start, end)
      if (asked !== this.#asked) return
      if (found.revision === source.revision) {
        this.#showPiece(source, { ...found, whole: found.end < end }).scrollIntoView()
      } else this.#showSnippet(source, words.say('passage.changed'))
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
   * The mark in the piece, shown.
   *
   * @param {Source} source
   * @param {Piece} piece
   */
  #showPiece(source, piece) {
    const { words } = this.app
    const points = Array.from(piece.text)
    /** @type {(from: number, to?: number) => string} */
    const slice = (from, to) => points.slice(from, to).join('')
    const from = source.charStart - piece.start
    const to = source.charEnd - piece.start
    const mark = make('mark', {}, slice(from, to))
    const text = make('p', { class: 'words', dir: 'auto' }, slice(0, from), mark, slice(to))
    /** @type {(key: 'passage.before' | 'passage.after', start: number, end: number) => Node} */
    const more = (key, start, end) =>
      make(
        'button',
        {
          type: 'button',
          class: 'button quiet more',
          onclick: () => void this.#widen(source, piece, start, end),
        },
        words.say(key),
      )
    const { start, end } = piece
    this.#text.replaceChildren(
      ...(start > 0 ? [more('passage.before', Math.max(0, start - MORE), start)] : []),
      text,
      ...(piece.whole ? [] : [more('passage.after', end, end + MORE)]),
    )
    return mark
  }

  /**
   * Shows more of the document, before or after what is there; what is being read stays in place.
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
    const { scrollHeight, scrollTop } = this.#text
    if (found.start < piece.start) {
      this.#showPiece(source, { ...piece, start: found.start, text: found.text + piece.text })
      this.#text.scrollTop = scrollTop + this.#text.scrollHeight - scrollHeight
    } else {
      const text = piece.text + found.text
      this.#showPiece(source, { ...piece, end: found.end, text, whole: found.end < end })
      this.#text.scrollTop = scrollTop
    }
    this.#text.focus({ preventScroll: true })
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
