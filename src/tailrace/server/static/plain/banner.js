// @ts-check
/**
 * Banner: says that the server is not reached, once that has lasted, and that it is tried again.
 *
 * Rule: a short outage is nobody's concern; a long one is said once, where it stands in no one's way.
 */

import { icon, make, setText, show } from './dom.js'

/** @typedef {import('../core.js').Connection} Connection */
/** @typedef {import('./app.js').App} App */

const AFTER_MS = 2000

export class Banner {
  #text = make('p')
  /** @type {number | undefined} */
  #timer

  /** @param {App} app */
  constructor(app) {
    this.app = app
    this.element = make('div', { class: 'banner', hidden: true }, icon('alert'), this.#text)
  }

  /** @param {Connection} connection */
  update(connection) {
    if (connection.state !== 'reconnecting') {
      this.close()
      const back = !this.element.hidden && connection.state === 'live'
      if (back) this.app.announcer.say(this.app.words.say('line.back'))
      show(this.element, false)
      return
    }
    if (this.element.hidden && this.#timer === undefined) {
      const waited = performance.now() - connection.since
      this.#timer = setTimeout(() => this.#show(), Math.max(0, AFTER_MS - waited))
    }
  }

  close() {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #show() {
    this.#timer = undefined
    const { announcer, words } = this.app
    setText(this.#text, words.say('line.away'))
    show(this.element, true)
    announcer.say(words.say('line.away'))
  }
}
