// @ts-check
/** Documents: what answers come from, all of them, as the server lists them, and how much is found. */

import { toChatError } from '../core.js'
import { Store } from './store.js'

/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('../core.js').DocumentInfo} DocumentInfo */
/** @typedef {import('../core.js').DocumentCoverage} DocumentCoverage */
/** @typedef {import('../core.js').ChatError} ChatError */

/**
 * @typedef {object} DocumentsState
 * @property {readonly DocumentInfo[]} items newest first
 * @property {number} total
 * @property {number} ready how many of them can be found
 * @property {DocumentCoverage | null} coverage null where it is not known
 * @property {boolean} loaded
 * @property {ChatError | null} error
 */

const PAGE = 1000

/** States of those that can be found. */
export const READY = new Set(['searchable', 'embedded'])

/** @extends {Store<DocumentsState>} */
export class Documents extends Store {
  #asked = 0

  /** @param {TailraceClient} client */
  constructor(client) {
    super({ items: [], total: 0, ready: 0, coverage: null, loaded: false, error: null })
    this.client = client
  }

  async load() {
    this.#asked += 1
    const asked = this.#asked
    try {
      const covering = this.client.coverage().catch(() => null)
      /** @type {DocumentInfo[]} */
      const items = []
      let total = 0
      do {
        const page = await this.client.listDocuments({ limit: PAGE, offset: items.length })
        total = page.total
        items.push(...page.items)
        if (page.items.length === 0) break
      } while (items.length < total)
      const coverage = await covering
      if (asked === this.#asked) {
        const ready = countReady(items)
        this.set({ items: items.reverse(), total, ready, coverage, loaded: true, error: null })
      }
    } catch (cause) {
      const error = await toChatError(cause)
      if (asked === this.#asked) this.set({ ...this.value, error })
    }
  }

  /** @param {number} id */
  async remove(id) {
    try {
      await this.client.deleteDocument(id)
      const items = this.value.items.filter((item) => item.id !== id)
      const ready = countReady(items)
      this.set({ ...this.value, items, total: items.length, ready, error: null })
    } catch (cause) {
      const error = await toChatError(cause)
      this.set({ ...this.value, error })
    }
  }
}

/** @param {readonly DocumentInfo[]} items */
function countReady(items) {
  return items.filter(({ status }) => READY.has(status)).length
}
