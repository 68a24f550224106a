/**
 * When to show what has changed: once a frame, however much happens in between.
 *
 * Rule 1: at most one callback waits at a time; a second request while one waits does nothing.
 * Rule 2: a hidden page has no frames; there a timer stands in, so that its title and its
 *   notifications still move.
 */

const HIDDEN_MS = 100
const WITHOUT_FRAMES_MS = 16

/** Calls back once, soon. */
export interface FrameScheduler {
  request(callback: () => void): void
  cancel(): void
}

/** The browser's frames; a timer where there are none. */
export class AnimationFrames implements FrameScheduler {
  #callback: (() => void) | null = null
  #stopWaiting: () => void = () => {}

  request(callback: () => void): void {
    if (this.#callback !== null) return
    this.#callback = callback
    this.#wait()
  }

  cancel(): void {
    this.#stopWaiting()
    this.#callback = null
  }

  #wait(): void {
    const stopTimer = hasFrames() ? whenFrame(() => this.#fire()) : whenTimer(() => this.#fire())
    const stopListening = whenVisibilityChanges(() => {
      stopTimer()
      stopListening()
      this.#wait() // a frame asked for while visible never comes once hidden
    })
    this.#stopWaiting = () => {
      stopTimer()
      stopListening()
    }
  }

  #fire(): void {
    const callback = this.#callback
    this.cancel()
    callback?.()
  }
}

/** Frames that come when a test says so. */
export class ManualFrames implements FrameScheduler {
  #callback: (() => void) | null = null

  request(callback: () => void): void {
    this.#callback ??= callback
  }

  cancel(): void {
    this.#callback = null
  }

  /** Let one frame pass; whether something waited for it. */
  next(): boolean {
    const callback = this.#callback
    this.#callback = null
    callback?.()
    return callback !== null
  }
}

function hasFrames(): boolean {
  return typeof requestAnimationFrame === 'function' && !isHidden()
}

function isHidden(): boolean {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden'
}

function whenFrame(callback: () => void): () => void {
  const id = requestAnimationFrame(callback)
  return () => cancelAnimationFrame(id)
}

function whenTimer(callback: () => void): () => void {
  const id = setTimeout(callback, isHidden() ? HIDDEN_MS : WITHOUT_FRAMES_MS)
  return () => clearTimeout(id)
}

function whenVisibilityChanges(callback: () => void): () => void {
  if (typeof document === 'undefined') return () => {}
  document.addEventListener('visibilitychange', callback)
  return () => document.removeEventListener('visibilitychange', callback)
}
