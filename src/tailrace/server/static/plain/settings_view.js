// @ts-check
/** SettingsView: how the page looks, which language it speaks, what answers, the key. */

import { make, setText } from './dom.js'
import { ModelCard } from './model_card.js'
import { setTheme, theme } from './preferences.js'
import { rememberLanguage } from './words.js'

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./words.js').Language} Language */
/** @typedef {import('./preferences.js').Theme} Theme */

/** @type {readonly (readonly [Language, string])[]} */
const LANGUAGES = [
  ['en', 'English'],
  ['zh', '中文'],
]
/** @type {readonly Theme[]} */
const THEMES = ['system', 'light', 'dark']

export class SettingsView {
  #answering = make('p')
  #key = make('div', { class: 'setting' })

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words, models } = app
    this.heading = make('h1', { tabindex: -1 }, words.say('settings.title'))
    this.card = new ModelCard(app, signal)
    this.element = make(
      'div',
      { class: 'view page-view' },
      make(
        'div',
        { class: 'column' },
        make('div', { class: 'head' }, this.heading),
        make(
          'section',
          { class: 'setting' },
          make('h2', {}, words.say('settings.model')),
          this.#answering,
        ),
        this.card.element,
        this.#choice(
          words.say('settings.theme'),
          'theme',
          THEMES.map((name) => /** @type {const} */ ([name, words.say(`theme.${name}`)])),
          theme(),
          setTheme,
        ),
        this.#choice(
          words.say('settings.language'),
          'language',
          LANGUAGES,
          words.language,
          (language) => {
            rememberLanguage(language)
            app.speak(language)
          },
        ),
        this.#key,
      ),
    )
    signal.addEventListener(
      'abort',
      models.subscribe(() => this.#show()),
    )
    this.#show()
  }

  #show() {
    const { words, models, key } = this.app
    const { setup } = models.value
    const model = setup?.models.find((each) => each.name === setup.answering?.name)
    const place = setup?.endpoint
      ? words.say('model.at', { endpoint: setup.endpoint })
      : words.say('model.here')
    setText(
      this.#answering,
      setup?.answering
        ? words.say('model.answers', { name: model?.title ?? setup.answering.name, place })
        : words.say('model.passages'),
    )
    this.card.element.hidden = !models.needed
    this.#key.hidden = !key.known
    this.#key.replaceChildren(
      make('h2', {}, words.say('key.title')),
      make(
        'button',
        {
          type: 'button',
          class: 'button',
          onclick: () => {
            key.forget()
            this.#show()
          },
        },
        words.say('key.forget'),
      ),
    )
  }

  /**
   * One of a few, as radio buttons.
   *
   * @template {string} T
   * @param {string} title
   * @param {string} name
   * @param {readonly (readonly [T, string])[]} options
   * @param {T} chosen
   * @param {(chosen: T) => void} choose
   */
  #choice(title, name, options, chosen, choose) {
    return make(
      'fieldset',
      { class: 'setting' },
      make('legend', {}, title),
      make(
        'div',
        { class: 'choice' },
        ...options.map(([value, label]) =>
          make(
            'label',
            {},
            make('input', {
              type: 'radio',
              name,
              value,
              checked: value === chosen,
              onchange: () => choose(value),
            }),
            make('span', {}, label),
          ),
        ),
      ),
    )
  }
}
