// @ts-check
/**
 * Follower: keeps the newest text in sight, for as long as the reader is at the end of it.
 *
 * Rule 1: whatever moves up (wheel, touch, key, scroll bar) or marks text detaches at once.
 * Rule 2: it follows again once the reader has come back to the end, or asks for it.
 * Rule 3: only new text moves the page; an answer's end does not.
 */

import { Store } from './store.js'

const END_PX = 8
const UP_KEYS = new Set(['PageUp', 'Home', 'ArrowUp'])

export class Follower {
  /** Whether new text is kept in sight. */
  following = new Store(true)
  #top = 0
  #touchY = 0

  /**
   * @param {HTMLElement} scroller
   * @param {AbortSignal} signal ends it
   */
  constructor(scroller, signal) {
    this.scroller = scroller
    const passive = { passive: true, signal }
    scroller.addEventListener('wheel', (event) => event.deltaY < 0 && this.detach(), passive)
    scroller.addEventListener('touchstart', (event) => this.#touched(event, true), passive)
    scroller.addEventListener('touchmove', (event) => this.#touched(event, false), passive)
    scroller.addEventListener('keydown', (event) => this.#pressed(event), { signal })
    scroller.addEventListener('scroll', () => this.#scrolled(), passive)
    document.addEventListener('selectionchange', () => this.#selected(), { signal })
  }

  /** The distance from the end, in CSS pixels. */
  get distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller
    return scrollHeight - scrollTop - clientHeight
  }

  /** New text is there: keep it in sight, or leave the reader in peace. */
  grew() {
    if (this.following.value) this.#toEnd()
  }

  /** The reader asks for the end. */
  follow() {
    this.following.set(true)
    this.#toEnd()
  }

  detach() {
    if (this.scroller.scrollHeight > this.scroller.clientHeight) this.following.set(false)
  }

  #toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight
    this.#top = this.scroller.scrollTop
  }

  #scrolled() {
    const { scrollTop } = this.scroller
    if (scrollTop < this.#top - 1) {
      if (this.distance > END_PX) this.following.set(false)
    } else if (scrollTop > this.#top && this.distance <= END_PX) this.following.set(true)
    this.#top = scrollTop
  }

  /**
   * @param {TouchEvent} event
   * @param {boolean} begins
   */
  #touched(event, begins) {
    const y = event.touches[0]?.clientY ?? 0
    if (!begins && y > this.#touchY) this.detach()
    this.#touchY = y
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const writes =
      event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement
    if (UP_KEYS.has(event.key) && !writes) this.detach()
  }

  #selected() {
    const selection = document.getSelection()
    if (selection && !selection.isCollapsed && this.scroller.contains(selection.anchorNode)) {
      const writes = document.activeElement instanceof HTMLTextAreaElement
      if (!writes) this.detach()
    }
  }
}
