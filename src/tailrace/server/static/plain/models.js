// @ts-check
/**
 * Models: what answers here and what could, and how far a model is that is being fetched.
 *
 * Rule: nothing is fetched but what `pull` is asked for.
 */

import { toChatError } from '../core.js'
import { Store } from './store.js'

/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('../core.js').ModelSetup} ModelSetup */
/** @typedef {import('../core.js').ChatError} ChatError */

/**
 * @typedef {object} ModelState
 * @property {ModelSetup | null} setup null while it is not known
 * @property {number | null} bytesPerSecond of the pull that goes on
 * @property {ChatError | null} error of the newest call
 */

const RATE_WINDOW_MS = 5000

/** @extends {Store<ModelState>} */
export class Models extends Store {
  /** @type {AbortController | null} */
  #watching = null
  /** @type {{at: number, bytes: number}[]} */
  #samples = []

  /** @param {TailraceClient} client */
  constructor(client) {
    super({ setup: null, bytesPerSecond: null, error: null })
    this.client = client
  }

  /** Whether answers are passages alone until somebody sets a model up. */
  get needed() {
    const { setup } = this.value
    return setup !== null && setup.answering === null && setup.endpoint === null
  }

  async load() {
    await this.#try(async () => this.#take(await this.client.modelSetup()))
  }

  /** @param {string} name */
  async pull(name) {
    await this.#try(async () => {
      await this.client.pullModel(name)
      this.#watch()
    })
  }

  async cancel() {
    await this.#try(() => this.client.cancelPull())
  }

  /** @param {() => Promise<void>} call */
  async #try(call) {
    try {
      this.set({ ...this.value, error: null })
      await call()
    } catch (cause) {
      const error = await toChatError(cause)
      this.set({ ...this.value, error })
    }
  }

  /** @param {ModelSetup} setup */
  #take(setup) {
    const { pull } = setup
    const running = pull?.state === 'running'
    this.set({ setup, error: null, bytesPerSecond: running ? this.#rate(pull.done_bytes) : null })
    if (running) this.#watch()
    else {
      this.#samples = []
      if (pull) this.#watching?.abort()
    }
  }

  /** Follows the pull until it ends. */
  #watch() {
    if (this.#watching) return
    const watching = new AbortController()
    this.#watching = watching
    this.client
      .watchModelSetup((setup) => this.#take(setup), watching.signal)
      .finally(() => {
        this.#watching = null
      })
  }

  /** @param {number} bytes */
  #rate(bytes) {
    const at = performance.now()
    this.#samples.push({ at, bytes })
    this.#samples = this.#samples.filter((sample) => at - sample.at <= RATE_WINDOW_MS)
    const first = this.#samples[0]
    if (!first || at - first.at < 500) return null
    return ((bytes - first.bytes) / (at - first.at)) * 1000
  }
}
