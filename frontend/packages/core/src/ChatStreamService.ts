/**
 * Start a run and follow it, rejoin one, stop one; the seed's `sendStreamMessage`, made durable.
 *
 * Rule 1: each event is given once, in order, whatever the line does.
 * Rule 2: to stop following never stops a run; only `cancel` does.
 * Rule 3: a start that is repeated, because its answer was lost, starts nothing twice.
 * Rule 4: nothing is shared between services, nor between two runs of one.
 */

import { type ChatFailure, clientError } from './errors.ts'
import {
  type FollowResult,
  follow,
  type Line,
  type OnConnection,
  type Patience,
} from './following.ts'
import { Http, type HttpOptions } from './http.ts'
import { decodeEvent, isTerminal } from './protocol/decode.ts'
import type { StreamEvent } from './protocol/events.generated.ts'
import { isSeen } from './run.ts'
import type { ServerSentEvent } from './sse.ts'
import type { ChatError, ChatRequest, Cursor } from './state.ts'

export interface ServiceOptions extends HttpOptions, Patience {}

export interface FollowOptions {
  /** Ends following, not the run. */
  readonly signal?: AbortSignal
  readonly onConnection?: OnConnection
  /** Called once, as soon as the run's id is known. */
  readonly onRunId?: (id: string) => void
  /** What a repeated start is known by; made where there is none. */
  readonly idempotencyKey?: string
}

export interface WatchOptions extends FollowOptions {
  /** The newest event the caller has; without it, the run is given from its start. */
  readonly after?: Cursor | null
  readonly onEvent: (event: StreamEvent) => void
}

/** How following ended: the run's last event came, it was aborted, or it went wrong. */
export type WatchResult = FollowResult

/** Tries to reach a server that does not answer at all, before its user is told. */
const REACH_ATTEMPTS = 4

/** Starts, follows, rejoins and stops runs. */
export class ChatStreamService {
  readonly #http: Http
  readonly #patience: Patience
  readonly #following = new Set<AbortController>()

  constructor(options: ServiceOptions = {}) {
    this.#http = new Http(options)
    this.#patience = options
  }

  /**
   * Start a run, and follow it to its end. Exactly one of `onError` and `onComplete` is called,
   * once; resolves after that. A run that failed is complete: its last event says why.
   */
  async sendStreamMessage(
    request: ChatRequest,
    onEvent: (event: StreamEvent) => void,
    onError: (error: ChatError) => void = () => {},
    onComplete: () => void = () => {},
    options: FollowOptions = {},
  ): Promise<void> {
    const key = options.idempotencyKey ?? newKey()
    const line = new RunLine(this.#http, null, null, { ...options, onEvent }, (signal) =>
      this.#http.send('POST', '/api/agent/chat/stream?dialect=native', {
        json: request,
        headers: { 'idempotency-key': key },
        signal,
      }),
    )
    const result = await this.#follow(line, options)
    if (result === 'complete') onComplete()
    else onError(result === 'aborted' ? clientError('aborted') : result)
  }

  /** Follow a run that was started here or elsewhere, to its end. */
  async watch(runId: string, options: WatchOptions): Promise<WatchResult> {
    options.onRunId?.(runId)
    return this.#follow(new RunLine(this.#http, runId, options.after ?? null, options), options)
  }

  /**
   * End a run; what was written stays. One that has ended stays as it is.
   *
   * @throws ChatFailure the server was not reached, or knows no such run.
   */
  async cancel(runId: string): Promise<void> {
    await this.#post(`${runPath(runId)}/cancel`, {})
  }

  /**
   * Answer what a run asks its user.
   *
   * @throws ChatFailure the server was not reached, or waits for no such answer.
   */
  async answer(runId: string, requestId: string, text: string): Promise<void> {
    await this.#post(`${runPath(runId)}/input`, { request_id: requestId, text })
  }

  /** Stop following everything this service follows; the runs go on. */
  abort(): void {
    for (const controller of this.#following) controller.abort()
  }

  async #post(path: string, json: unknown): Promise<void> {
    await this.#http.send('POST', path, { json })
  }

  async #follow(line: Line, options: FollowOptions): Promise<FollowResult> {
    const own = new AbortController()
    const signal = options.signal ? AbortSignal.any([options.signal, own.signal]) : own.signal
    this.#following.add(own)
    try {
      return await follow(line, this.#patience, signal, options.onConnection)
    } finally {
      this.#following.delete(own)
    }
  }
}

/** One run's stream: started once its request is answered, rejoined after that. */
class RunLine implements Line {
  readonly #http: Http
  readonly #options: WatchOptions
  readonly #start: ((signal: AbortSignal) => Promise<Response>) | null
  #runId: string | null
  #cursor: Cursor | null

  constructor(
    http: Http,
    runId: string | null,
    cursor: Cursor | null,
    options: WatchOptions,
    start: ((signal: AbortSignal) => Promise<Response>) | null = null,
  ) {
    this.#http = http
    this.#runId = runId
    this.#cursor = cursor
    this.#options = options
    this.#start = start
  }

  async open(signal: AbortSignal): Promise<Response> {
    if (this.#runId === null && this.#start !== null) {
      const response = await this.#start(signal)
      this.#name(response.headers.get('x-run-id'))
      return response
    }
    const at = this.#cursor
    const headers: Record<string, string> = at ? { 'last-event-id': `${at.gen}-${at.seq}` } : {}
    return this.#http.send('GET', `${runPath(this.#runId ?? '')}/events`, { headers, signal })
  }

  take(frame: ServerSentEvent): 'seen' | 'new' | 'last' {
    const event = decodeEvent(frame.data)
    if (event === null || isSeen(this.#cursor, event)) return 'seen'
    this.#cursor = { gen: event.gen, seq: event.seq }
    this.#name(event.run_id) // where the header was hidden from a page of another origin
    this.#options.onEvent(event)
    return isTerminal(event) ? 'last' : 'new'
  }

  isFinal({ status, error }: ChatFailure): boolean {
    if (this.#runId === null) return error.code !== 'no_connection'
    return status !== null && status >= 400 && status < 500 && !PASSING.includes(status)
  }

  exhausted(): { after: number | null; error: ChatError } {
    return this.#runId === null
      ? { after: REACH_ATTEMPTS, error: clientError('no_connection') }
      : { after: null, error: clientError('incomplete_stream') }
  }

  #name(runId: string | null): void {
    if (runId === null || this.#runId !== null) return
    this.#runId = runId
    this.#options.onRunId?.(runId)
  }
}

/** Statuses from 400 to 499 after which the same request may succeed. */
const PASSING: readonly number[] = [408, 425, 429]

function runPath(runId: string): string {
  return `/api/agent/runs/${encodeURIComponent(runId)}`
}

/** A name for one start; `randomUUID` is missing where a page came over plain HTTP. */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
