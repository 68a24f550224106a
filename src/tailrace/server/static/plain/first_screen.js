// @ts-check
/**
 * FirstScreen: what stands where no question has been asked yet: what this is, something to ask,
 * a way to add documents, and the model where one is missing.
 */

import { arrange, icon, make } from './dom.js'
import { ModelCard } from './model_card.js'

/** @typedef {import('./app.js').App} App */

/**
 * Questions to the sample documents, in the language these are written in.
 *
 * @type {readonly (readonly [question: string, document: string])[]}
 */
const EXAMPLES = [
  ['When does the night ferry leave, and when do we have to be there?', 'trip-to-varnholm.md'],
  ['What did the house meeting decide about the chestnut?', 'courtyard-meeting.md'],
  ['How do I bake the plum cake without eggs?', 'plum-cake.md'],
]

export class FirstScreen {
  /**
   * @param {App} app
   * @param {(question: string) => void} ask
   * @param {AbortSignal} signal
   */
  constructor(app, ask, signal) {
    this.app = app
    this.ask = ask
    this.element = make('div', { class: 'first column' })
    this.card = new ModelCard(app, signal)
    for (const store of [app.documents, app.models]) {
      const unsubscribe = store.subscribe(() => this.#show())
      signal.addEventListener('abort', unsubscribe)
    }
    this.heading = make('h1', {}, app.words.say('first.title'))
    this.#show()
  }

  #show() {
    const { words, documents, models } = this.app
    const { items, total, loaded } = documents.value
    const samples = items.filter((item) => item.origin === 'sample')
    arrange(
      this.element,
      /** @type {Node[]} */ (
        [
          this.heading,
          this.#lead,
          samples.length > 0 && this.#examples(samples.map((item) => item.source)),
          this.#own(total, samples.length),
          models.needed && this.card.element,
        ].filter(Boolean)
      ),
    )
    this.#lead.textContent = words.say(loaded && total === 0 ? 'first.empty' : 'first.lead')
  }

  #lead = make('p')
  /** @type {HTMLElement | null} */
  #list = null

  /** @param {readonly string[]} sources names of the samples that are here */
  #examples(sources) {
    const here = EXAMPLES.filter(([, document]) => sources.includes(document))
    this.#list ??= make(
      'ul',
      { class: 'examples', 'aria-label': this.app.words.say('first.examples') },
      ...here.map(([question, document]) =>
        make(
          'li',
          {},
          make(
            'button',
            { type: 'button', lang: 'en', onclick: () => this.ask(question) },
            icon('next'),
            make('span', {}, question),
            make('span', { class: 'from' }, document),
          ),
        ),
      ),
    )
    return this.#list
  }

  /**
   * @param {number} total
   * @param {number} samples
   */
  #own(total, samples) {
    const { words, uploads } = this.app
    const key = total === samples ? 'first.add_own' : 'first.add_more'
    this.#adding.replaceChildren(
      make(
        'button',
        { type: 'button', class: 'button', onclick: () => uploads.choose() },
        icon('upload'),
        words.say('documents.add'),
      ),
      make('span', {}, words.say(key)),
    )
    return this.#adding
  }

  #adding = make('div', { class: 'own' })
}
