// @ts-check

/**
 * Store: a value that others watch. What watches is told after each change, in the order it came.
 *
 * @template T
 */
export class Store {
  /** @type {T} */
  #value
  /** @type {Set<() => void>} */
  #listeners = new Set()

  /** @param {T} value */
  constructor(value) {
    this.#value = value
  }

  get value() {
    return this.#value
  }

  /** @param {T} value */
  set(value) {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener()
  }

  /**
   * Calls `listener` after each change.
   *
   * @param {() => void} listener
   * @returns {() => void} ends that
   */
  subscribe(listener) {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
