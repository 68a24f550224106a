/**
 * Following a stream across lost lines: connect, read, wait, connect again.
 *
 * Rule 1: only a terminal event ends a stream; a response that ends without one was cut.
 * Rule 2: a try that brought something new starts the count of tries again.
 * Rule 3: the waits grow with chance, never below what the server asks; they end early when the
 *   line may be back.
 * Rule 4: a response that its server ends in good order is no failure: it is rejoined at once, and
 *   nobody is told.
 * Rule 5: nothing it listened to is left behind, however it ends.
 */

import { ChatFailure } from './errors.ts'
import { type ServerSentEvent, SseDecoder } from './sse.ts'
import type { ChatError } from './state.ts'

const BASE_MS = 500
const CEILING_MS = 8_000
const REJOIN_MS = 100
const SILENCE_MS = 25_000
const MAX_ATTEMPTS = 12

/** How patient following is. */
export interface Patience {
  /** Waits so long, or until the signal; resolves either way. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** A number from 0 to 1, as `Math.random`. */
  readonly random?: () => number
  /** Without a byte for so long, heartbeats included, the line counts as lost. */
  readonly silenceMs?: number
  /** After so many tries without anything new, it gives up. */
  readonly maxAttempts?: number
}

/** What is followed. */
export interface Line {
  /** Ask for the stream, from where it broke off. */
  open(signal: AbortSignal): Promise<Response>
  /** Take an event: had it come before, is it new, is it the last? */
  take(event: ServerSentEvent): 'seen' | 'new' | 'last'
  /** Whether to give up at once on this failure. */
  isFinal(failure: ChatFailure): boolean
  /** Tries without anything new before it gives up, where not `maxAttempts`; and what to say. */
  exhausted(): { readonly after: number | null; readonly error: ChatError }
}

export type FollowResult = 'complete' | 'aborted' | ChatError

export type OnConnection = (state: 'connecting' | 'live' | 'reconnecting', attempt: number) => void

interface Tried {
  readonly result: FollowResult | 'lost'
  /** Whether it brought something new, or at least lived long enough for a heartbeat. */
  readonly wasFruitful: boolean
  /** Whether the server ended it, after signs of life: its time was up. */
  readonly endedWell: boolean
  /** What the server asks to wait before any next try; null where it did not say. */
  readonly retryMs: number | null
  /** What it insists on before this one; 0 where it does not. */
  readonly orderedMs: number
}

/** Follow `line` until it is complete, hopeless, or no longer wanted. */
export async function follow(
  line: Line,
  patience: Patience,
  signal: AbortSignal,
  onConnection: OnConnection = () => {},
): Promise<FollowResult> {
  const { wait = pause, random = Math.random, silenceMs = SILENCE_MS } = patience
  const wakeUps = new WakeUps()
  let attempt = 0
  let fruitless = 0
  let retryMs = 0
  try {
    onConnection('connecting', attempt)
    while (!signal.aborted) {
      const live = () => onConnection('live', attempt)
      const tried = await tryOnce(line, silenceMs, signal, wakeUps, live)
      if (tried.result !== 'lost') return tried.result
      if (tried.endedWell) {
        fruitless = attempt = 0
        await wait(tried.retryMs ?? REJOIN_MS, wakeUps.signal(signal))
        continue
      }
      fruitless = tried.wasFruitful ? 0 : fruitless + 1
      const { after, error } = line.exhausted()
      if (fruitless >= (after ?? patience.maxAttempts ?? MAX_ATTEMPTS)) return error
      attempt = tried.wasFruitful ? 1 : attempt + 1
      onConnection('reconnecting', attempt)
      retryMs = tried.retryMs ?? retryMs
      const backoffMs = random() * Math.min(CEILING_MS, BASE_MS * 2 ** (attempt - 1))
      const sleep = tried.orderedMs > 0 ? signal : wakeUps.signal(signal)
      await wait(Math.max(retryMs, tried.orderedMs, backoffMs), sleep)
    }
    return 'aborted'
  } finally {
    wakeUps.close()
  }
}

async function tryOnce(
  line: Line,
  silenceMs: number,
  signal: AbortSignal,
  wakeUps: WakeUps,
  onLive: () => void,
): Promise<Tried> {
  const silent = new AbortController()
  const watchdog = new Watchdog(silenceMs, wakeUps, () => silent.abort())
  let isLive = false
  const onBytes = () => {
    watchdog.heard()
    if (!isLive) onLive()
    isLive = true
  }
  try {
    const response = await line.open(AbortSignal.any([signal, silent.signal]))
    if (response.status === 204 || response.body === null) return ending('complete')
    return await read(line, response.body.getReader(), signal, onBytes)
  } catch (cause) {
    if (signal.aborted) return ending('aborted')
    if (!(cause instanceof ChatFailure)) throw cause
    if (!silent.signal.aborted && line.isFinal(cause)) return ending(cause.error)
    const orderedMs = (cause.error.retryAfterS ?? 0) * 1000
    return { ...ending('complete'), result: 'lost', orderedMs }
  } finally {
    watchdog.close()
  }
}

async function read(
  line: Line,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
  onBytes: () => void,
): Promise<Tried> {
  const decoder = new SseDecoder()
  let hadNews = false
  let isCut = false
  try {
    for (;;) {
      const events = await readOn(reader, decoder)
      if (signal.aborted) return ending('aborted')
      isCut = events === 'cut'
      if (events === 'cut' || events === 'ended') break
      onBytes()
      for (const event of events) {
        const kind = line.take(event)
        if (kind === 'last') return ending('complete')
        if (kind === 'new') hadNews = true
        if (signal.aborted) return ending('aborted')
      }
    }
  } finally {
    reader.cancel().catch(() => {}) // it may be lost already
  }
  const wasFruitful = hadNews || decoder.comments > 0
  const endedWell = wasFruitful && !isCut
  return { result: 'lost', wasFruitful, endedWell, retryMs: decoder.retryMs, orderedMs: 0 }
}

/** The events of the next bytes, or how the stream has ended. */
async function readOn(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  decoder: SseDecoder,
): Promise<ServerSentEvent[] | 'ended' | 'cut'> {
  try {
    const { done, value } = await reader.read()
    return done ? 'ended' : decoder.feed(value)
  } catch {
    return 'cut'
  }
}

function ending(result: FollowResult): Tried {
  return { result, wasFruitful: false, endedWell: false, retryMs: null, orderedMs: 0 }
}

/** Says when a line has been silent for too long; looks again whenever the line may be back. */
class Watchdog {
  readonly #silenceMs: number
  readonly #onSilence: () => void
  readonly #forget: () => void
  #heardAt = Date.now()
  #timer: ReturnType<typeof setTimeout>

  constructor(silenceMs: number, wakeUps: WakeUps, onSilence: () => void) {
    this.#silenceMs = silenceMs
    this.#onSilence = onSilence
    this.#timer = setTimeout(() => this.#look(), silenceMs)
    this.#forget = wakeUps.on(() => this.#look())
  }

  heard(): void {
    this.#heardAt = Date.now() // no timer is moved: this is called for every piece that comes
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#forget()
  }

  #look(): void {
    clearTimeout(this.#timer)
    const restMs = this.#silenceMs - (Date.now() - this.#heardAt)
    if (restMs <= 0) this.#onSilence()
    else this.#timer = setTimeout(() => this.#look(), restMs)
  }
}

/** The moments when a lost line may be back: the network returns, or the page is shown again. */
class WakeUps {
  readonly #callbacks = new Set<() => void>()
  readonly #onOnline = () => this.#wake()
  readonly #onVisible = () => {
    if (document.visibilityState === 'visible') this.#wake()
  }

  constructor() {
    if (typeof window === 'undefined') return
    window.addEventListener('online', this.#onOnline)
    window.addEventListener('pageshow', this.#onOnline)
    document.addEventListener('visibilitychange', this.#onVisible)
  }

  /** Calls back at each; returns how to stop that. */
  on(callback: () => void): () => void {
    this.#callbacks.add(callback)
    return () => this.#callbacks.delete(callback)
  }

  /** Aborted at the next one, and with `outer`. */
  signal(outer: AbortSignal): AbortSignal {
    const woken = new AbortController()
    const forget = this.on(() => {
      forget()
      woken.abort()
    })
    return AbortSignal.any([outer, woken.signal])
  }

  close(): void {
    this.#callbacks.clear()
    if (typeof window === 'undefined') return
    window.removeEventListener('online', this.#onOnline)
    window.removeEventListener('pageshow', this.#onOnline)
    document.removeEventListener('visibilitychange', this.#onVisible)
  }

  #wake(): void {
    for (const callback of [...this.#callbacks]) callback()
  }
}

/** Waits so long, or until the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
