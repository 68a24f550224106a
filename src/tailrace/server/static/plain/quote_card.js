// @ts-check
/**
 * QuoteCard: the words that a number in an answer stands for, beside it; one card for the page.
 *
 * Rule 1: it needs nothing from the server: the words came with the citation.
 * Rule 2: it stays while the pointer is on it, goes with Escape, and takes no focus.
 */

import { attribute, make, setText } from './dom.js'

/** @typedef {import('./passage_text.js').Place} Place */
/** @typedef {import('./sources.js').Age} Age */
/** @typedef {import('./words.js').Words} Words */

const AFTER_MS = 120
const LEFT_MS = 220
const GAP_PX = 8
const MOST = 420

export class QuoteCard {
  #words = make('p', { class: 'words', dir: 'auto' })
  #title = make('span', { class: 'title', dir: 'auto' })
  #number = make('span', { class: 'number', 'aria-hidden': 'true' })
  #page = make('span', { class: 'page' })
  #age = make('span', { class: 'age' })
  /** @type {HTMLElement | null} */
  #mark = null
  #byTab = false
  /** @type {number | undefined} */
  #timer

  /**
   * @param {Words} words
   * @param {AbortSignal} signal
   */
  constructor(words, signal) {
    this.words = words
    this.element = make(
      'div',
      { class: 'quote-card', id: 'quote-card', popover: 'manual', role: 'tooltip' },
      this.#words,
      make('p', { class: 'from' }, this.#number, ' ', this.#title, ' ', this.#page, ' ', this.#age),
    )
    this.element.addEventListener('pointerenter', () => clearTimeout(this.#timer))
    this.element.addEventListener('pointerleave', () => this.leave())
    const options = { signal, capture: true, passive: true }
    document.addEventListener('scroll', () => this.#follow(), options)
    window.addEventListener('resize', () => this.hide(), { signal })
    document.addEventListener('keydown', (event) => this.#pressed(event), { signal, capture: true })
    signal.addEventListener('abort', () => clearTimeout(this.#timer))
  }

  /**
   * The pointer is on a mark: shows its words in a moment.
   *
   * @param {HTMLElement | null} mark
   * @param {Place | undefined} place
   * @param {Age | undefined} age
   */
  point(mark, place, age) {
    if (mark === null || place === undefined) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.show(mark, place, age), this.#mark === null ? AFTER_MS : 0)
  }

  /** The pointer has left: hides it in a moment, unless it comes back, or to the card. */
  leave() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.hide(), LEFT_MS)
  }

  /**
   * The focus is on a mark: shows its words where the reader went there, not where it was given back.
   *
   * @param {HTMLElement} mark
   * @param {Place | undefined} place
   * @param {Age | undefined} age
   */
  focus(mark, place, age) {
    if (this.#byTab) this.show(mark, place, age)
  }

  /**
   * @param {HTMLElement} mark
   * @param {Place | undefined} place
   * @param {Age | undefined} age
   */
  show(mark, place, age) {
    clearTimeout(this.#timer)
    if (place === undefined || !mark.isConnected) return
    this.#forget()
    this.#mark = mark
    const { words, number, title, page } = place
    setText(this.#words, words.length > MOST ? `${words.slice(0, MOST).trimEnd()}…` : words)
    setText(this.#number, this.words.number(number))
    setText(this.#title, title)
    setText(this.#page, page === null ? '' : this.words.say('source.page', { page }))
    setText(this.#age, age ? this.words.say(`source.${age}`) : '')
    attribute(mark, 'aria-describedby', this.element.id)
    if (!this.element.matches(':popover-open')) this.element.showPopover()
    this.#place(mark)
  }

  hide() {
    clearTimeout(this.#timer)
    this.#forget()
    if (this.element.matches(':popover-open')) this.element.hidePopover()
  }

  #forget() {
    if (this.#mark) attribute(this.#mark, 'aria-describedby', null)
    this.#mark = null
  }

  #follow() {
    const mark = this.#mark
    if (mark === null) return
    const { top, bottom } = mark.getBoundingClientRect()
    if (!mark.isConnected || bottom < 0 || top > innerHeight) this.hide()
    else this.#place(mark)
  }

  /** @param {HTMLElement} mark */
  #place(mark) {
    const at = mark.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = this.element
    const left = at.left + at.width / 2 - width / 2
    const above = at.top - height - GAP_PX
    const top = above >= GAP_PX ? above : at.bottom + GAP_PX
    const most = document.documentElement.clientWidth - width - GAP_PX
    this.element.style.left = `${Math.max(GAP_PX, Math.min(left, most))}px`
    this.element.style.top = `${top}px`
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    this.#byTab = event.key === 'Tab'
    if (event.key !== 'Escape' || this.#mark === null) return
    event.preventDefault()
    event.stopPropagation()
    this.hide()
  }
}
