// @ts-check
/** StatusFilter: which of the documents are shown, by their state; only there where states differ. */

import { arrange, make, setText, show } from './dom.js'

/** @typedef {import('../core.js').DocumentInfo} DocumentInfo */
/** @typedef {import('./words.js').Words} Words */
/** @typedef {'all' | 'embedded' | 'searchable' | 'skipped' | 'failed'} Choice */

/** @type {readonly Choice[]} */
const CHOICES = ['all', 'embedded', 'searchable', 'skipped', 'failed']

export class StatusFilter {
  /** @type {Choice} */
  #chosen = 'all'
  /** @type {Map<Choice, {element: HTMLElement, input: HTMLInputElement, count: HTMLElement}>} */
  #choices = new Map()

  /**
   * @param {Words} words
   * @param {() => void} onChange
   */
  constructor(words, onChange) {
    for (const choice of CHOICES) {
      const input = make('input', {
        type: 'radio',
        name: 'status',
        value: choice,
        checked: choice === 'all',
        onchange: () => {
          this.#chosen = choice
          onChange()
        },
      })
      const count = make('b')
      const name = make('span', {}, words.say(`status.${choice}`), ' ', count)
      this.#choices.set(choice, { element: make('label', {}, input, name), input, count })
    }
    this.element = make('div', {
      class: 'choice statuses',
      role: 'radiogroup',
      'aria-label': words.say('status.title'),
    })
    this.words = words
  }

  /** Whether some are left out. */
  get isOn() {
    return this.#chosen !== 'all'
  }

  /** @param {DocumentInfo} item */
  lets(item) {
    return this.#chosen === 'all' || item.status === this.#chosen
  }

  /**
   * Counts these; what none of them is cannot be chosen.
   *
   * @param {readonly DocumentInfo[]} items
   */
  update(items) {
    /** @type {Map<string, number>} */
    const counts = new Map([['all', items.length]])
    for (const { status } of items) counts.set(status, (counts.get(status) ?? 0) + 1)
    const shown = CHOICES.filter((each) => each === this.#chosen || counts.has(each))
    const parts = shown.flatMap((each) => this.#choices.get(each) ?? [])
    for (const each of shown) {
      const count = this.#choices.get(each)?.count
      if (count) setText(count, this.words.number(counts.get(each) ?? 0))
    }
    arrange(
      this.element,
      parts.map(({ element }) => element),
    )
    show(this.element, shown.length > 2 || this.isOn)
  }
}
