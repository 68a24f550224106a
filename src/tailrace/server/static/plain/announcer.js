// @ts-check
/**
 * Announcer: the one place from which a screen reader is told something without asking.
 *
 * Rule: at most four announcements an answer (it began, it is being written, it asks, it ended):
 * the transcript itself is silent, and can be read at will.
 */

import { make } from './dom.js'

export class Announcer {
  element = make('p', { class: 'hidden-label', role: 'status' })

  /** @param {string} text */
  say(text) {
    // the same words again are a change as well
    this.element.textContent = this.element.textContent === text ? `${text}\u00a0` : text
  }
}
