// @ts-check
/**
 * Lookups: what a run looked up by itself, in people's words, folded into one line.
 */

import { icon, make } from './dom.js'

/** @typedef {import('../core.js').ToolActivity} ToolActivity */
/** @typedef {import('./words.js').Words} Words */

const MOST = 100

export class Lookups {
  #open = false

  /** @param {Words} words */
  constructor(words) {
    this.words = words
  }

  /**
   * The line, and behind it each of `tools`; null where there is none.
   *
   * @param {readonly ToolActivity[]} tools
   */
  make(tools) {
    if (tools.length === 0) return null
    const fold = icon('chevron')
    fold.classList.add('fold')
    const summary = this.words.say('lookup.count', { count: tools.length })
    const details = make(
      'details',
      {
        class: 'lookups',
        open: this.#open,
        ontoggle: () => {
          this.#open = details.open
        },
      },
      make('summary', {}, icon('search'), summary, fold),
      make('ul', {}, ...tools.slice(0, MOST).map((tool) => this.#item(tool))),
    )
    return details
  }

  /** @param {ToolActivity} tool */
  #item(tool) {
    return make(
      'li',
      { class: tool.ok === false ? 'fail' : '' },
      this.#telling(tool),
      tool.summary && make('span', { class: 'came' }, ` · ${tool.summary}`),
    )
  }

  /** @param {ToolActivity} tool */
  #telling({ name, arguments: given }) {
    const { words } = this
    const { query } = given
    const wanted = typeof query === 'string' ? query.trim() : ''
    switch (name) {
      case 'search_documents':
      case 'recall_conversations':
        return words.say(`lookup.${name}`, { query: wanted })
      case 'list_documents':
        return wanted
          ? words.say('lookup.list_documents_named', { query: wanted })
          : words.say('lookup.list_documents')
      case 'read_document':
      case 'neighbours':
        return words.say(`lookup.${name}`)
      default:
        return name
    }
  }
}
