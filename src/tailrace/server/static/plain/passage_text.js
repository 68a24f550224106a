// @ts-check
/**
 * PassageText: the text of a document around a place in it, which is marked.
 *
 * Rule 1: places are counted in Unicode code points, as the server counts them.
 * Rule 2: what is marked is what was found or quoted, in the revision it is from. A document that
 *     has changed since says so, and can be seen as it is now.
 * Rule 3: where that revision or the document is gone, the words alone are shown, and why.
 */

import { ChatFailure, describeError, toChatError } from '../core.js'
import { make } from './dom.js'

/** @typedef {Omit<import('./app.js').App, 'passage'>} App */
/**
 * A place in a document, and the words there.
 *
 * @typedef {object} Place
 * @property {number} documentId
 * @property {number} revision
 * @property {string} title
 * @property {number} charStart
 * @property {number} charEnd
 * @property {number | null} page
 * @property {string} words
 * @property {number} number of its source
 * @property {boolean} quoted whether the answer quotes them
 */
/**
 * A piece of a document's text; `whole` once its end is in it.
 *
 * @typedef {{start: number, end: number, text: string, whole: boolean}} Piece
 */

const AROUND = 1200
const MORE = 4 * AROUND
/** How far from where words were they are looked for in a text that has changed. */
const NEAR = 9000

export class PassageText {
  #text
  #asked = 0

  /** @param {App} app */
  constructor(app) {
    this.app = app
    const label = app.words.say('passage.text')
    this.#text = make('div', { class: 'text', tabindex: 0, role: 'group', 'aria-label': label })
    this.element = this.#text
  }

  /**
   * The place in the revision it is from.
   *
   * @param {Place} place
   */
  async show(place) {
    const { words, client } = this.app
    const asked = this.#wait()
    const { documentId, revision } = place
    try {
      const start = Math.max(0, place.charStart - AROUND)
      const end = place.charEnd + AROUND
      const found = await client.getPassage(documentId, start, end, { revision })
      if (asked !== this.#asked) return
      if (found.revision !== revision) this.#showWords(place, words.say('passage.changed'), true)
      else {
        const piece = { ...found, whole: found.end >= found.total_chars }
        this.#showPiece(place, piece, found.stale ? [this.#changed(place)] : []).scrollIntoView()
      }
    } catch (cause) {
      const error = await toChatError(cause)
      if (asked !== this.#asked) return
      const status = cause instanceof ChatFailure ? cause.status : null
      if (status === 404) this.#showWords(place, words.say('passage.gone'), false)
      else if (status === 410) this.#showWords(place, words.say('passage.trimmed'), true)
      else this.#showWords(place, describeError(error, words.language).title, false)
    }
  }

  /**
   * The document as it is now; its words marked where they still stand.
   *
   * @param {Place} place
   */
  async #loadCurrent(place) {
    const { words, client } = this.app
    const asked = this.#wait()
    const { documentId, charStart, charEnd } = place
    try {
      const start = Math.max(0, charStart - NEAR)
      const found = await client.getPassage(documentId, start, Math.max(charEnd, start) + NEAR)
      if (asked !== this.#asked) return
      const at = indexOf(found.text, place.words)
      const length = Array.from(place.words).length
      const from = at === null ? Math.min(charStart, found.end) : found.start + at
      const now = { ...place, revision: found.revision, charStart: from }
      const here = { ...now, charEnd: at === null ? from : from + length }
      const piece = cut(found, here)
      const note = words.say(at === null ? 'passage.now_without' : 'passage.now')
      const back = this.#note(note, words.say('passage.then'), () => void this.show(place))
      this.#showPiece(here, piece, [back]).scrollIntoView()
    } catch (cause) {
      const error = await toChatError(cause)
      if (asked !== this.#asked) return
      this.#showWords(place, describeError(error, words.language).title, false)
    }
  }

  /** What is asked from now on counts. */
  #wait() {
    this.#asked += 1
    const text = this.app.words.say('passage.loading')
    this.#text.replaceChildren(make('p', { class: 'waiting' }, text))
    return this.#asked
  }

  /** @param {Place} place */
  #changed(place) {
    const { words } = this.app
    const now = () => void this.#loadCurrent(place)
    return this.#note(words.say('passage.stale'), words.say('passage.see_now'), now)
  }

  /**
   * @param {string} text
   * @param {string} label
   * @param {() => void} onclick
   */
  #note(text, label, onclick) {
    const act = () => {
      onclick()
      this.#text.focus({ preventScroll: true }) // the button goes
    }
    const button = make('button', { type: 'button', class: 'button', onclick: act }, label)
    return make('div', { class: 'note' }, make('p', {}, text), button)
  }

  /**
   * The mark in the piece, shown below `notes`.
   *
   * @param {Place} place
   * @param {Piece} piece
   * @param {readonly Node[]} notes
   */
  #showPiece(place, piece, notes) {
    const { words } = this.app
    const points = Array.from(piece.text)
    /** @type {(from: number, to?: number) => string} */
    const slice = (from, to) => points.slice(from, to).join('')
    const from = place.charStart - piece.start
    const to = place.charEnd - piece.start
    const mark = make('mark', {}, slice(from, to))
    const text = make('p', { class: 'words', dir: 'auto' }, slice(0, from), mark, slice(to))
    /** @type {(key: 'passage.before' | 'passage.after', start: number, end: number) => Node} */
    const more = (key, start, end) =>
      make(
        'button',
        {
          type: 'button',
          class: 'button quiet more',
          onclick: () => void this.#widen(place, piece, notes, start, end),
        },
        words.say(key),
      )
    const { start, end } = piece
    this.#text.replaceChildren(
      ...notes,
      ...(start > 0 ? [more('passage.before', Math.max(0, start - MORE), start)] : []),
      text,
      ...(piece.whole ? [] : [more('passage.after', end, end + MORE)]),
    )
    return mark
  }

  /**
   * Shows more of the document, before or after what is there; what is being read stays in place.
   *
   * @param {Place} place
   * @param {Piece} piece
   * @param {readonly Node[]} notes
   * @param {number} start
   * @param {number} end
   */
  async #widen(place, piece, notes, start, end) {
    const asked = this.#asked
    const { documentId, revision } = place
    const { client } = this.app
    const found = await client.getPassage(documentId, start, end, { revision }).catch(() => null)
    if (!found || asked !== this.#asked || found.revision !== revision) return
    const { scrollHeight, scrollTop } = this.#text
    if (found.start < piece.start) {
      const wider = { ...piece, start: found.start, text: found.text + piece.text }
      this.#showPiece(place, wider, notes)
      this.#text.scrollTop = scrollTop + this.#text.scrollHeight - scrollHeight
    } else {
      const text = piece.text + found.text
      const wider = { ...piece, end: found.end, text, whole: found.end >= found.total_chars }
      this.#showPiece(place, wider, notes)
      this.#text.scrollTop = scrollTop
    }
    this.#text.focus({ preventScroll: true })
  }

  /**
   * The words alone, where what they are from cannot be shown.
   *
   * @param {Place} place
   * @param {string} why
   * @param {boolean} isHere whether the document is, in another form
   */
  #showWords(place, why, isHere) {
    const { words } = this.app
    const now = () => void this.#loadCurrent(place)
    this.#text.replaceChildren(
      isHere
        ? this.#note(why, words.say('passage.see_now'), now)
        : make('div', { class: 'note' }, make('p', {}, why)),
      make('p', { class: 'words', dir: 'auto' }, make('mark', {}, place.words)),
    )
  }
}

/**
 * Where in `text` the words stand, in code points; null where they do not.
 *
 * @param {string} text
 * @param {string} words
 */
function indexOf(text, words) {
  const at = words === '' ? -1 : text.indexOf(words)
  return at < 0 ? null : Array.from(text.slice(0, at)).length
}

/**
 * Of a long piece, what lies around the place.
 *
 * @param {import('../core.js').DocumentText} found
 * @param {Place} place
 * @returns {Piece}
 */
function cut(found, place) {
  const start = Math.max(found.start, place.charStart - AROUND)
  const end = Math.min(found.end, place.charEnd + AROUND)
  const text = Array.from(found.text)
    .slice(start - found.start, end - found.start)
    .join('')
  return { start, end, text, whole: end >= found.total_chars }
}
