// @ts-check
/** Address: what the page shows, kept after the `#`, so that a reload or a link comes back to it. */

import { Store } from './store.js'

/** @typedef {{view: 'chat', conversationId: number | null}} ChatPlace */
/** @typedef {ChatPlace | {view: 'documents'} | {view: 'settings'}} Place */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function parsePlace(hash) {
  const conversation = /^#\/c\/(\d{1,15})$/.exec(hash)
  if (conversation) return { view: 'chat', conversationId: Number(conversation[1]) }
  if (hash === '#/documents') return { view: 'documents' }
  if (hash === '#/settings') return { view: 'settings' }
  return { view: 'chat', conversationId: null }
}

/**
 * @param {Place} place
 * @returns {string}
 */
export function hashOf(place) {
  if (place.view !== 'chat') return `#/${place.view}`
  return place.conversationId === null ? '#/' : `#/c/${place.conversationId}`
}

/** @extends {Store<Place>} */
export class Address extends Store {
  constructor() {
    super(parsePlace(location.hash))
    addEventListener('hashchange', () => this.#read())
  }

  /** @param {Place} place */
  go(place) {
    if (location.hash !== hashOf(place)) history.pushState(null, '', hashOf(place))
    this.#read()
  }

  /**
   * The same place under its proper address, such as a new conversation once it has an id.
   *
   * @param {Place} place
   */
  settle(place) {
    history.replaceState(null, '', hashOf(place))
    this.#read()
  }

  #read() {
    const place = parsePlace(location.hash)
    if (hashOf(place) !== hashOf(this.value)) this.set(place)
  }
}
