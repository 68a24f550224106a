// @ts-check
/**
 * Ingestions: documents that are being read in, wherever that was asked for: here, in another tab, in
 * the terminal.
 *
 * Rule 1: each is a run of the server's and goes on without this page, which finds it again.
 * Rule 2: one that has ended stays in sight until it is dismissed, with what could not be read.
 */

import { IngestionSession } from '../core.js'
import { Store } from './store.js'

/** @typedef {import('../core.js').IngestionOptions} IngestionOptions */
/** @typedef {import('../core.js').IngestionState} IngestionState */
/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('./documents.js').Documents} Documents */

/**
 * @typedef {object} Followed
 * @property {number} key
 * @property {string} name what is read: an address, a path; "" where it is not known
 * @property {IngestionState} state
 */

const LOOKED_AT = 20
const MOST = 12

/** @extends {Store<readonly Followed[]>} */
export class Ingestions extends Store {
  /** @type {Map<number, IngestionSession>} */
  #sessions = new Map()
  /** @type {Set<string>} */
  #known = new Set()
  #count = 0

  /**
   * @param {TailraceClient} client
   * @param {Documents} documents
   * @param {IngestionOptions} options
   */
  constructor(client, documents, options) {
    super([])
    this.client = client
    this.documents = documents
    this.options = options
  }

  /** Finds what is being read without this page's doing. */
  async load() {
    const runs = await this.client
      .listRuns({ limit: LOOKED_AT, kind: 'ingest' })
      .catch(() => /** @type {import('../core.js').Run[]} */ ([]))
    const known = new Set(this.value.map(({ state }) => state.ingestion?.runId))
    for (const { run_id: id, query, finished_at: ended } of runs) {
      if (ended !== null || known.has(id) || this.#known.has(id)) continue
      this.#known.add(id)
      const session = this.#follow(query)
      if (session) void session.follow(id).then(() => this.documents.load())
    }
  }

  /**
   * Has the page at that address read in; whether there was room for it.
   *
   * @param {string} url
   */
  add(url) {
    const session = this.#follow(url)
    if (session) void session.start({ url }).then(() => this.documents.load())
    return session !== null
  }

  /** @param {number} key */
  stop(key) {
    void this.#sessions.get(key)?.stop()
  }

  /** @param {number} key */
  dismiss(key) {
    this.#sessions.get(key)?.close()
    this.#sessions.delete(key)
    this.set(this.value.filter((each) => each.key !== key))
  }

  /** @param {string} name */
  #follow(name) {
    const ended = this.value.findLast(({ state }) => !isLive(state))
    if (this.value.length >= MOST && ended) this.dismiss(ended.key)
    if (this.value.length >= MOST) return null
    this.#count += 1
    const key = this.#count
    const session = new IngestionSession(this.options)
    this.#sessions.set(key, session)
    this.set([{ key, name, state: session.getSnapshot() }, ...this.value])
    session.subscribe(() => this.#changed(key, session.getSnapshot()))
    return session
  }

  /**
   * @param {number} key
   * @param {IngestionState} state
   */
  #changed(key, state) {
    const before = this.value.find((each) => each.key === key)?.state.ingestion?.phase
    if (state.ingestion?.phase === 'embedding' && before !== 'embedding') void this.documents.load()
    this.set(this.value.map((each) => (each.key === key ? { ...each, state } : each)))
  }
}

/**
 * Whether it goes on.
 *
 * @param {IngestionState} state
 */
export function isLive({ ingestion, isStarting, error }) {
  return isStarting || (ingestion !== null && ingestion.status === 'running' && error === null)
}
