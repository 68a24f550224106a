// @ts-check
/** Adding: a web address to read in, and everything that is being read in. */

import { arrange, icon, make, setText, show } from './dom.js'
import { IngestionCard } from './ingestion_card.js'

/** @typedef {import('./app.js').App} App */

/** Of an address that names none. */
const SCHEME = 'https:'

export class Adding {
  #list = make('ul', { class: 'ingestions' })
  #wrong = make('p', { class: 'wrong', id: 'address-wrong', role: 'alert', hidden: true })
  #address
  /** @type {Map<number, IngestionCard>} */
  #cards = new Map()

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words, ingestions } = app
    this.#address = make('input', {
      type: 'url',
      class: 'field',
      id: 'address',
      inputmode: 'url',
      autocomplete: 'off',
      spellcheck: 'false',
      placeholder: words.say('web.placeholder'),
      'aria-label': words.say('web.label'),
      'aria-describedby': 'address-wrong',
      oninput: () => show(this.#wrong, false),
    })
    const form = make(
      'form',
      { class: 'web', novalidate: true, onsubmit: (event) => this.#submit(event) },
      make('div', { class: 'finder' }, icon('link'), this.#address),
      make('button', { type: 'submit', class: 'button' }, words.say('web.add')),
      this.#wrong,
    )
    this.#list.setAttribute('aria-label', words.say('ingest.list'))
    this.element = make('div', { class: 'adding' }, form, this.#list)
    signal.addEventListener(
      'abort',
      ingestions.subscribe(() => this.#show()),
    )
    this.#show()
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault()
    const { words, ingestions } = this.app
    const url = addressOf(this.#address.value)
    const added = url !== null && ingestions.add(url)
    if (added) this.#address.value = ''
    setText(this.#wrong, words.say(url === null ? 'web.wrong' : 'web.too_many'))
    show(this.#wrong, !added)
    this.#address.focus()
  }

  #show() {
    const { value } = this.app.ingestions
    show(this.#list, value.length > 0)
    const keys = new Set(value.map(({ key }) => key))
    for (const key of this.#cards.keys()) if (!keys.has(key)) this.#cards.delete(key)
    const elements = value.map((followed) => {
      let card = this.#cards.get(followed.key)
      if (!card) {
        card = new IngestionCard(this.app, followed.key)
        this.#cards.set(followed.key, card)
      }
      card.update(followed)
      return card.element
    })
    arrange(this.#list, elements)
  }
}

/**
 * What was typed, as an address of the web; null where it is none.
 *
 * @param {string} typed
 */
function addressOf(typed) {
  const text = typed.trim()
  if (text === '' || /\s/.test(text)) return null
  try {
    const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    const url = new URL(hasScheme ? text : `${SCHEME}//${text}`)
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
    return isWeb && url.hostname !== '' ? url.href : null
  } catch {
    return null
  }
}
