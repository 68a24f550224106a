// @ts-check
/**
 * ModelCard: the model that could be fetched: what it is and where it comes from, before it is
 * asked for; how far it is; and what went wrong.
 */

import { describeError } from '../core.js'
import { arrange, attribute, icon, make, setText } from './dom.js'

/** @typedef {import('../core.js').ModelOffer} ModelOffer */
/** @typedef {import('../core.js').ModelPull} ModelPull */
/** @typedef {import('./app.js').App} App */

export class ModelCard {
  element = make('section', { class: 'card model-card', 'aria-labelledby': 'model-title' })
  #title = make('h2', { id: 'model-title' })
  #lead = make('p')
  #bar = make('progress', { max: 1 })
  #done = make('p', { class: 'done' })
  #shown = ''
  /** @type {Node[]} */
  #parts = []

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    attribute(this.#bar, 'aria-labelledby', 'model-title')
    signal.addEventListener(
      'abort',
      app.models.subscribe(() => this.#show()),
    )
    this.#show()
  }

  #show() {
    const { setup, error } = this.app.models.value
    const model = setup?.models.find(
      (each) => each.name === (setup.pull?.name ?? setup.recommended),
    )
    if (!setup || !model) return
    const pull = setup.pull
    const state = !setup.runtime ? 'no_runtime' : (pull?.state ?? 'none')
    const shown = [state, model.name, pull?.error?.code, error?.code].join()
    if (shown !== this.#shown) {
      this.#shown = shown
      this.#parts = this.#partsOf(state, model, pull)
      arrange(this.element, [this.#title, this.#lead, ...this.#parts])
    }
    if (pull?.state === 'running') this.#showProgress(pull)
  }

  /**
   * @param {string} state
   * @param {ModelOffer} model
   * @param {ModelPull | null} pull
   * @returns {Node[]}
   */
  #partsOf(state, model, pull) {
    const { words, models } = this.app
    setText(this.#title, words.say(`model.title_${titleOf(state)}`))
    const size = words.bytes(model.size_bytes)
    if (state === 'no_runtime') {
      setText(this.#lead, words.say('model.no_runtime'))
      return [make('pre', {}, "pip install 'tailrace[embedded]'"), this.#endpoint()]
    }
    if (state === 'running') {
      setText(this.#lead, words.say('model.meanwhile'))
      const cancel = this.#button('model.cancel', () => models.cancel())
      return [this.#bar, this.#done, make('div', { class: 'buttons' }, cancel)]
    }
    setText(this.#lead, words.say('model.lead', { size }))
    const problem = models.value.error ?? (state === 'failed' ? pull?.error : null)
    const fetch = this.#button(
      state === 'none' ? 'model.fetch' : 'model.again',
      () => models.pull(model.name),
      { size },
    )
    fetch.classList.add('primary')
    return [
      ...(problem ? [this.#problem(problem)] : []),
      this.#facts(model),
      make('div', { class: 'buttons' }, fetch),
      this.#endpoint(),
    ]
  }

  /** @param {ModelOffer} model */
  #facts(model) {
    const { words } = this.app
    const link = make(
      'a',
      { href: model.homepage, target: '_blank', rel: 'noreferrer' },
      model.title,
      make('span', { class: 'hidden-label' }, ` ${words.say('link.external')}`),
    )
    /** @type {(key: import('./words.js').Key, value: Node | string) => Node[]} */
    const fact = (key, value) => [make('dt', {}, words.say(key)), make('dd', {}, value)]
    return make(
      'dl',
      {},
      ...fact('model.name', link),
      ...fact('model.size', words.bytes(model.size_bytes)),
      ...fact('model.licence', model.licence),
      ...fact('model.source', model.sources.join(', ')),
      ...fact('model.hash', make('code', {}, model.sha256)),
    )
  }

  #endpoint() {
    return make(
      'p',
      { class: 'aside' },
      this.app.words.say('model.endpoint'),
      ' ',
      make('code', {}, 'TAILRACE_LLM_URL'),
    )
  }

  /** @param {{code: string, message: string}} problem */
  #problem(problem) {
    const { language } = this.app.words
    const { title, advice } = describeError(
      { retryable: true, retryAfterS: null, ...problem },
      language,
    )
    return make(
      'div',
      { class: 'notice bad', role: 'alert' },
      icon('alert'),
      make('div', {}, make('h3', {}, title), make('p', {}, problem.message || advice)),
    )
  }

  /** @param {ModelPull} pull */
  #showProgress(pull) {
    const { words, models } = this.app
    const share = pull.total_bytes > 0 ? pull.done_bytes / pull.total_bytes : 0
    const rate = models.value.bytesPerSecond
    attribute(this.#bar, 'value', share)
    const parts = [
      words.say('model.done', {
        done: words.bytes(pull.done_bytes),
        total: words.bytes(pull.total_bytes),
      }),
      words.percent(Math.floor(share * 100) / 100),
    ]
    if (rate) parts.push(words.say('model.rate', { rate: words.bytes(rate) }))
    setText(this.#done, parts.join(' · '))
  }

  /**
   * @param {import('./words.js').Key} key
   * @param {() => void} onclick
   * @param {Record<string, string>} [values]
   */
  #button(key, onclick, values = {}) {
    return make(
      'button',
      { type: 'button', class: 'button', onclick },
      this.app.words.say(key, values),
    )
  }
}

/** @param {string} state */
function titleOf(state) {
  switch (state) {
    case 'running':
      return 'running'
    case 'done':
      return 'done'
    default:
      return 'none'
  }
}
