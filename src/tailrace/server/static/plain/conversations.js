// @ts-check
/**
 * Conversations: the list of them, and which have an answer on its way.
 *
 * Rule: runs of other conversations are looked at only while some go on and the page is in sight.
 */

import { toChatError } from '../core.js'
import { Store } from './store.js'

/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('../core.js').ChatSession} ChatSession */
/** @typedef {import('../core.js').ChatError} ChatError */
/** @typedef {import('../core.js').SeedConversation} SeedConversation */

/**
 * @typedef {object} ConversationsState
 * @property {readonly SeedConversation[]} items last used first
 * @property {number} total
 * @property {boolean} loaded
 * @property {ReadonlySet<number>} live ids of those with an answer on its way
 * @property {ChatError | null} error
 */

const PAGE = 100
const LOOK_AGAIN_MS = 4000

/** @extends {Store<ConversationsState>} */
export class Conversations extends Store {
  #wanted = PAGE
  /** @type {number | null} the conversation in sight, while it is answered */
  #shownLive = null
  #shownRun = ''
  /** @type {ReadonlySet<number>} */
  #elsewhere = new Set()
  /** @type {number | undefined} */
  #timer

  /**
   * @param {TailraceClient} client
   * @param {() => Promise<readonly number[]>} findLive ids of conversations whose runs go on
   */
  constructor(client, findLive) {
    super({ items: [], total: 0, loaded: false, live: new Set(), error: null })
    this.client = client
    this.findLive = findLive
  }

  async load() {
    try {
      const page = await this.client.listConversations({ limit: this.#wanted })
      const { items, total } = page
      this.set({ ...this.value, items, total, loaded: true, error: null })
      await this.#look()
    } catch (cause) {
      const error = await toChatError(cause)
      this.set({ ...this.value, error })
    }
  }

  async loadMore() {
    this.#wanted += PAGE
    await this.load()
  }

  /**
   * Keeps up with what happens in the conversation that is shown.
   *
   * @param {ChatSession} session
   */
  follow(session) {
    session.subscribe(() => {
      const { conversationId, streamingMessage } = session.getSnapshot()
      const live = streamingMessage ? conversationId : null
      const run = streamingMessage?.runId ?? ''
      if (live === this.#shownLive && run === this.#shownRun) return
      this.#shownLive = live
      this.#shownRun = run
      this.#showLive()
      if (run || live === null) void this.load()
    })
  }

  /**
   * @param {number} id
   * @param {string} title
   */
  async rename(id, title) {
    await this.#change(async () => {
      const renamed = await this.client.renameConversation(id, title)
      return this.value.items.map((item) => (item.id === id ? renamed : item))
    })
  }

  /** @param {number} id */
  async remove(id) {
    await this.#change(async () => {
      await this.client.deleteConversation(id)
      return this.value.items.filter((item) => item.id !== id)
    })
  }

  /** @param {() => Promise<readonly SeedConversation[]>} call */
  async #change(call) {
    try {
      const items = await call()
      const total = this.value.total + items.length - this.value.items.length
      this.set({ ...this.value, items, total, error: null })
    } catch (cause) {
      const error = await toChatError(cause)
      this.set({ ...this.value, error })
    }
  }

  async #look() {
    this.#elsewhere = new Set(await this.findLive())
    this.#showLive()
    clearTimeout(this.#timer)
    const others = [...this.#elsewhere].some((id) => id !== this.#shownLive)
    if (others && !document.hidden) this.#timer = setTimeout(() => this.load(), LOOK_AGAIN_MS)
  }

  #showLive() {
    const live = new Set(this.#elsewhere)
    if (this.#shownLive !== null) live.add(this.#shownLive)
    this.set({ ...this.value, live })
  }
}
