// @ts-check
/** Tray: the files that are on their way, and those that could not be taken in. */

import { describeError } from '../core.js'
import { iconButton, make } from './dom.js'

/** @typedef {import('../core.js').ChatError} ChatError */
/** @typedef {import('./app.js').App} App */
/** @typedef {import('./words.js').Language} Language */
/** @typedef {import('./uploads.js').Upload} Upload */

export class Tray {
  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    this.element = make('ul', { class: 'tray', 'aria-label': app.words.say('uploads.title') })
    signal.addEventListener(
      'abort',
      app.uploads.subscribe(() => this.#show()),
    )
    this.#show()
  }

  #show() {
    const uploads = this.app.uploads.value
    this.element.hidden = uploads.length === 0
    this.element.replaceChildren(...uploads.map((upload) => this.#row(upload)))
  }

  /** @param {Upload} upload */
  #row(upload) {
    const { words, uploads } = this.app
    const ended = upload.state !== 'waiting' && upload.state !== 'sending'
    const bad = upload.state === 'failed' || upload.state === 'refused'
    const label = words.say('uploads.dismiss', { name: upload.name })
    return make(
      'li',
      { class: bad ? 'failed' : '' },
      make('span', { class: 'name' }, upload.name),
      make('span', { class: 'state', role: bad ? 'alert' : null }, this.#state(upload)),
      ended && iconButton('close', label, { onclick: () => uploads.dismiss(upload.key) }),
    )
  }

  /** @param {Upload} upload */
  #state(upload) {
    const { words } = this.app
    switch (upload.state) {
      case 'waiting':
        return words.say('uploads.waiting')
      case 'sending':
        return upload.share < 1 ? words.percent(upload.share) : words.say('uploads.reading')
      case 'done':
        return words.say('uploads.done')
      case 'refused':
        return words.sentence(upload.reason)
      case 'failed':
        return upload.error ? words.sentence(reasonOf(upload.error, words.language)) : ''
      default:
        return upload.state
    }
  }
}

/**
 * Why a file was not taken in: the server's own sentence where the file is the reason.
 *
 * @param {ChatError} error
 * @param {Language} language
 */
function reasonOf(error, language) {
  return error.code === 'invalid_request' ? error.message : describeError(error, language).title
}
