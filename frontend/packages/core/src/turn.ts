/** One turn of a chat while it goes on: what is asked, and how far its run has come. */

import { newKey } from './ChatStreamService.ts'
import type { ChatMessage, ChatRequest } from './state.ts'

/** What a question is about, besides itself. */
export interface QuestionContext {
  readonly documentId?: number
  readonly selection?: string
}

/** What a turn begins with. */
export interface TurnStart {
  readonly questionKey: string
  readonly query: string
  readonly context: QuestionContext
  /** The answer, empty; or one that broke off, whose run is rejoined. */
  readonly answer: ChatMessage
  /** The run whose question this asks again. */
  readonly retryOf?: string
  /** A turn whose question may never have reached the server: this one asks it under its key. */
  readonly again?: Turn
}

/** One turn. */
export class Turn {
  readonly start: TurnStart
  /** The same for every try of one turn, so that it never becomes two runs. */
  readonly idempotencyKey: string
  request: ChatRequest | null
  runId: string | null
  stopAsked = false
  isCancelling = false

  constructor(start: TurnStart) {
    this.start = start
    this.runId = start.answer.runId
    this.idempotencyKey = start.again?.idempotencyKey ?? newKey()
    this.request = start.again?.request ?? null // the same key goes with the same request only
  }
}
