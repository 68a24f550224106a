/**
 * IngestionSession: one reading of documents, started or rejoined, as an external store.
 *
 * Rule 1: at most one new snapshot a frame, however fast files are read.
 * Rule 2: to leave never stops it; only `stop` does.
 * Rule 3: no call rejects: what went wrong is part of the snapshot.
 */

import { ChatStreamService, type ServiceOptions } from './ChatStreamService.ts'
import { toChatError } from './errors.ts'
import { AnimationFrames, type FrameScheduler } from './frames.ts'
import {
  type Ingestion,
  incompleteIngestion,
  initialIngestion,
  reduceIngestion,
} from './ingestion.ts'
import type { ChatError } from './state.ts'
import { type IngestRequest, TailraceClient } from './TailraceClient.ts'

export interface IngestionOptions extends ServiceOptions {
  readonly frames?: FrameScheduler
}

/** What a view of it shows. */
export interface IngestionState {
  /** Null before it is accepted. */
  readonly ingestion: Ingestion | null
  readonly isStarting: boolean
  readonly isStopping: boolean
  /** What went wrong between here and the server; what the run itself says is in `ingestion`. */
  readonly error: ChatError | null
}

const NOTHING: IngestionState = {
  ...{ ingestion: null, isStarting: false, isStopping: false, error: null },
}

/** One ingestion that is followed. */
export class IngestionSession {
  readonly #client: TailraceClient
  readonly #service: ChatStreamService
  readonly #frames: FrameScheduler
  readonly #listeners = new Set<() => void>()
  #stay = new AbortController()
  #state: IngestionState = NOTHING
  #snapshot: IngestionState = NOTHING

  constructor(options: IngestionOptions = {}) {
    this.#client = new TailraceClient(options)
    this.#service = new ChatStreamService(options)
    this.#frames = options.frames ?? new AnimationFrames()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly getSnapshot = (): IngestionState => this.#snapshot

  /** Have it read, and follow that to its end. */
  async start(what: IngestRequest): Promise<void> {
    this.close()
    this.#set({ ...NOTHING, isStarting: true })
    const stay = this.#stay.signal
    try {
      const { run_id: runId } = await this.#client.ingest(what, stay)
      if (!stay.aborted) await this.follow(runId)
    } catch (cause) {
      const error = await toChatError(cause)
      if (!stay.aborted) this.#set({ ...NOTHING, error })
    }
  }

  /** Follow one that was started here or elsewhere, to its end. */
  async follow(runId: string): Promise<void> {
    this.close()
    this.#set({ ...NOTHING, ingestion: initialIngestion(runId) })
    const { signal } = this.#stay
    const result = await this.#service.watch(runId, {
      signal,
      onEvent: (event) => this.#change((now) => reduceIngestion(now, event)),
    })
    if (signal.aborted || result === 'aborted') return
    if (result !== 'complete') {
      this.#change(incompleteIngestion)
      this.#state = { ...this.#state, error: result }
    }
    this.#set({ ...this.#state, isStopping: false })
  }

  /** End it; what was read until then stays. */
  async stop(): Promise<void> {
    const { ingestion } = this.#state
    if (!ingestion?.runId || ingestion.endedAt !== null) return
    this.#set({ ...this.#state, isStopping: true })
    try {
      await this.#service.cancel(ingestion.runId)
    } catch (cause) {
      this.#set({ ...this.#state, isStopping: false, error: await toChatError(cause) })
    }
  }

  /** Stop following; it goes on at the server, and the session can be used again. */
  close(): void {
    this.#stay.abort()
    this.#stay = new AbortController()
    this.#frames.cancel()
    this.#flush()
  }

  #change(step: (ingestion: Ingestion) => Ingestion): void {
    const ingestion = step(this.#state.ingestion ?? initialIngestion())
    this.#state = { ...this.#state, ingestion }
    this.#frames.request(() => this.#flush())
  }

  #set(state: IngestionState): void {
    this.#state = state
    this.#frames.cancel()
    this.#flush()
  }

  #flush(): void {
    if (this.#snapshot === this.#state) return
    this.#snapshot = this.#state
    for (const listener of [...this.#listeners]) listener()
  }
}
