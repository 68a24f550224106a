// @ts-check
/**
 * Passage: a source, or what was quoted of one, in the text of its document, beside the conversation;
 * on a narrow screen above it.
 */

import { attribute, iconButton, make, setText } from './dom.js'
import { PassageText } from './passage_text.js'

/** @typedef {Omit<import('./app.js').App, 'passage'>} App */
/** @typedef {import('./passage_text.js').Place} Place */

const WIDE = '(min-width: 75rem)'

export class Passage {
  #title = make('h2', { tabindex: -1, id: 'passage-title' })
  #position = make('p')
  /** @type {readonly Place[]} */
  #places = []
  #at = 0
  /** @type {HTMLElement | null} */
  #opener = null
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
    this.text = new PassageText(app)
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
      this.text.element,
      make('footer', {}, ask),
    )
    this.element.addEventListener('close', () => this.#closed())
    document.addEventListener('keydown', (event) => this.#pressed(event), { signal })
    this.element.addEventListener('click', (event) => event.target === this.element && this.close())
    this.#wide.addEventListener('change', () => this.element.open && this.#place(), { signal })
    signal.addEventListener('abort', () => this.element.remove())
  }

  /**
   * Opens one of `places`; closing it gives the focus back to `opener`.
   *
   * @param {readonly Place[]} places
   * @param {number} at
   * @param {HTMLElement} opener
   */
  open(places, at, opener) {
    const same = this.element.open && this.#opener === opener
    this.close()
    if (same) return
    this.#opener = opener
    this.#places = places
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
    if (at >= 0 && at < this.#places.length) this.#show(at)
  }

  /** @param {number} at */
  #show(at) {
    const place = this.#places[at]
    if (!place) return
    const { words } = this.app
    this.#at = at
    setText(this.#title, place.title)
    setText(this.#position, this.#positionOf(place))
    attribute(this.previous, 'aria-disabled', at === 0 ? 'true' : null)
    attribute(this.next, 'aria-disabled', at === this.#places.length - 1 ? 'true' : null)
    const [previous, next] = place.quoted
      ? [words.say('passage.previous_quote'), words.say('passage.next_quote')]
      : [words.say('passage.previous'), words.say('passage.next')]
    for (const [button, name] of /** @type {const} */ ([
      [this.previous, previous],
      [this.next, next],
    ])) {
      attribute(button, 'aria-label', name)
      attribute(button, 'title', name)
    }
    void this.text.show(place)
  }

  /** @param {Place} place */
  #positionOf({ number, page, quoted }) {
    const { words } = this.app
    const count = this.#places.length
    const parts = quoted
      ? [
          words.say('passage.quote', { number: this.#at + 1, count }),
          words.say('passage.of_source', { number }),
        ]
      : [words.say('passage.place', { number, count })]
    if (page !== null) parts.push(words.say('source.page', { page }))
    return parts.join(' · ')
  }

  #askAbout() {
    const place = this.#places[this.#at]
    this.#opener = null
    this.close()
    if (place) this.app.scope.set({ documentId: place.documentId, title: place.title })
  }
}
