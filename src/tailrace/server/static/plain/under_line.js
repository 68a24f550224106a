// @ts-check
/** UnderLine: below the composer, what answers here, and which keys do what. */

import { make } from './dom.js'

/** @typedef {import('./app.js').App} App */

export class UnderLine {
  #model = make('span')

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    this.element = make(
      'p',
      { class: 'under' },
      this.#model,
      make('span', { class: 'keys' }, app.words.say('composer.keys')),
    )
    signal.addEventListener(
      'abort',
      app.models.subscribe(() => this.#show()),
    )
    this.#show()
  }

  #show() {
    const { words, models } = this.app
    const { setup } = models.value
    const model = setup?.models.find((each) => each.name === setup.answering?.name)
    if (models.needed) {
      const link = make('a', { class: 'link', href: '#/settings' }, words.say('model.set_up'))
      this.#model.replaceChildren(words.say('model.only_passages'), ' ', link)
    } else if (model?.smoke_test_only) this.#model.replaceChildren(words.say('model.smoke_test'))
    else this.#model.replaceChildren(words.say('model.check'))
  }
}
