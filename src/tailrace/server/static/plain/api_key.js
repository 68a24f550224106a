// @ts-check
/**
 * ApiKey: the key a server may ask for. It is asked for when a request is refused, kept as long as
 * the tab, sent as a header, and the request is made again.
 */

import { make, setText } from './dom.js'

/** @typedef {import('./words.js').Words} Words */

const NAME = 'tailrace.key'
const UNAUTHORIZED = 401

export class ApiKey {
  #key = ''
  /** @type {Promise<boolean> | null} */
  #asking = null

  /** @param {() => Words} words */
  constructor(words) {
    this.words = words
    try {
      this.#key = sessionStorage.getItem(NAME) ?? ''
    } catch {
      this.#key = ''
    }
  }

  get known() {
    return this.#key !== ''
  }

  headers = () => (this.#key ? { 'X-API-Key': this.#key } : {})

  /**
   * `fetch`, which asks for the key where the server does.
   *
   * @type {typeof fetch}
   */
  fetch = async (input, init = {}) => {
    for (;;) {
      const sent = this.#key
      const response = await fetch(input, this.#signed(init))
      if (response.status !== UNAUTHORIZED) return response
      if (sent === this.#key && !(await this.ask(sent !== ''))) return response
    }
  }

  /**
   * Asks for the key; whether one was given.
   *
   * @param {boolean} [refused] whether the one that is known is wrong
   * @returns {Promise<boolean>}
   */
  ask(refused = false) {
    this.#asking ??= this.#dialog(refused).finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  forget() {
    this.#keep('')
  }

  /** @param {RequestInit} init */
  #signed(init) {
    const headers = new Headers(init.headers)
    if (this.#key) headers.set('X-API-Key', this.#key)
    return { ...init, headers }
  }

  /** @param {string} key */
  #keep(key) {
    this.#key = key
    try {
      sessionStorage.setItem(NAME, key)
    } catch {
      // then it lasts as long as the page
    }
  }

  /** @param {boolean} refused */
  #dialog(refused) {
    const words = this.words()
    /** @type {Promise<boolean>} */
    const given = new Promise((resolve) => {
      const input = make('input', {
        type: 'password',
        class: 'field',
        id: 'api-key',
        autocomplete: 'off',
        required: true,
        'aria-describedby': 'api-key-advice',
      })
      const advice = make('p', { id: 'api-key-advice', role: refused ? 'alert' : null })
      setText(advice, words.say(refused ? 'key.refused' : 'key.advice'))
      const form = make(
        'form',
        { method: 'dialog' },
        make('h2', { id: 'api-key-title' }, words.say('key.title')),
        advice,
        make('label', { class: 'labelled', for: 'api-key' }, words.say('key.label')),
        input,
        make(
          'div',
          { class: 'buttons' },
          make(
            'button',
            { type: 'button', class: 'button', onclick: () => dialog.close() },
            words.say('asking.no'),
          ),
          make(
            'button',
            { type: 'submit', class: 'button primary', value: 'given' },
            words.say('key.use'),
          ),
        ),
      )
      const dialog = make('dialog', { class: 'box', 'aria-labelledby': 'api-key-title' }, form)
      dialog.addEventListener('close', () => {
        dialog.remove()
        const key = dialog.returnValue === 'given' ? input.value.trim() : ''
        if (key) this.#keep(key)
        resolve(key !== '')
      })
      document.body.append(dialog)
      dialog.showModal()
    })
    return given
  }
}
