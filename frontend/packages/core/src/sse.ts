/**
 * Server-sent events: bytes to events.
 *
 * Rule 1: the same events come out however the bytes were cut.
 * Rule 2: what it holds is bounded: a line or an event larger than `maxEventBytes` is refused.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

const MAX_EVENT_BYTES = 8 * 1024 * 1024
const LF = 10
const CR = 13
const BOM = [0xef, 0xbb, 0xbf]
const DIGITS = /^[0-9]{1,15}$/

/** One event as a reader gets it; `id` is the last one the stream has given, "" where none has. */
export interface ServerSentEvent {
  readonly data: string
  readonly event: string
  readonly id: string
}

/** Bytes that are no stream of events: a line or an event without end. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/**
 * The reader of one response; a new response needs a new one.
 *
 * What stands after the last blank line when the response ends is no event, and is never given.
 */
export class SseDecoder {
  /** The id to ask for after a lost connection; "" where there is none. */
  lastEventId: string
  /** How long the server asks to wait before that, in ms; null where it did not say. */
  retryMs: number | null = null
  /** Comment lines so far: signs of life between events. */
  comments = 0

  readonly #maxEventBytes: number
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true })
  #id: string
  #event = ''
  #data: string[] = []
  #dataBytes = 0
  #partial: Uint8Array[] = [] // the line that has not ended
  #partialBytes = 0
  #bomBytes = 0 // how much of a byte order mark the stream began with; 3 once that is settled
  #skipLf = false // the last byte was a CR, which ended its line already

  constructor(options: { lastEventId?: string; maxEventBytes?: number } = {}) {
    this.lastEventId = options.lastEventId ?? ''
    this.#id = this.lastEventId // becomes `lastEventId` at the blank line
    this.#maxEventBytes = options.maxEventBytes ?? MAX_EVENT_BYTES
  }

  /**
   * The events that end within `bytes`, which may be cut anywhere, and may be empty.
   *
   * @throws WireError a line or an event is too large. The decoder is of no use afterwards:
   *   nothing tells where the next event starts.
   */
  feed(bytes: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = []
    const chunk = this.#bomBytes < BOM.length ? this.#afterBom(bytes) : bytes
    let start = 0
    if (this.#skipLf && chunk.length > 0) {
      this.#skipLf = false
      if (chunk[0] === LF) start = 1
    }
    let lf = next(chunk, LF, start)
    let cr = next(chunk, CR, start)
    while (lf < chunk.length || cr < chunk.length) {
      const end = Math.min(lf, cr)
      this.#takeLine(chunk.subarray(start, end), events)
      start = end + 1
      if (end === cr) {
        if (chunk[start] === LF) start += 1
        else if (start === chunk.length) this.#skipLf = true
        cr = next(chunk, CR, start)
      }
      if (lf < start) lf = next(chunk, LF, start)
    }
    if (start < chunk.length) this.#keep(chunk.slice(start))
    return events
  }

  #keep(piece: Uint8Array): void {
    this.#partial.push(piece)
    this.#partialBytes += piece.length
    if (this.#partialBytes > this.#maxEventBytes) this.#refuse()
  }

  #takeLine(rest: Uint8Array, events: ServerSentEvent[]): void {
    let line = rest
    if (this.#partialBytes > 0) {
      this.#keep(rest)
      line = joined(this.#partial, this.#partialBytes)
      this.#partial = []
      this.#partialBytes = 0
    }
    if (line.length > this.#maxEventBytes) this.#refuse()
    if (line.length === 0) this.#dispatch(events)
    else this.#takeField(this.#text.decode(line), line.length)
  }

  #takeField(line: string, bytes: number): void {
    const colon = line.indexOf(':')
    if (colon === 0) {
      this.comments += 1
      return
    }
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') {
      this.#data.push(value)
      this.#dataBytes += bytes - (line.length - value.length) + 1 // its line end counts too
      if (this.#dataBytes > this.#maxEventBytes) this.#refuse()
    } else if (field === 'id') {
      if (!value.includes('\0')) this.#id = value
    } else if (field === 'event') {
      this.#event = value
    } else if (field === 'retry' && DIGITS.test(value)) {
      this.retryMs = Number(value)
    }
  }

  #dispatch(events: ServerSentEvent[]): void {
    this.lastEventId = this.#id
    if (this.#data.length > 0) {
      const data = this.#data.join('\n')
      events.push({ data, event: this.#event || 'message', id: this.#id })
      this.#data = []
      this.#dataBytes = 0
    }
    this.#event = ''
  }

  #afterBom(bytes: Uint8Array): Uint8Array {
    let at = 0
    while (at < bytes.length && this.#bomBytes < BOM.length) {
      if (bytes[at] !== BOM[this.#bomBytes]) {
        const held = Uint8Array.from(BOM.slice(0, this.#bomBytes)) // it only looked like one
        this.#bomBytes = BOM.length
        return joined([held, bytes.subarray(at)], held.length + bytes.length - at)
      }
      at += 1
      this.#bomBytes += 1
    }
    return bytes.subarray(at)
  }

  #refuse(): never {
    throw new WireError(
      `a server-sent event is larger than the ${this.#maxEventBytes} bytes allowed`,
    )
  }
}

/** Where `byte` stands next; the length where it does not. */
function next(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from)
  return at < 0 ? bytes.length : at
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
