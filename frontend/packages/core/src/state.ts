/**
 * What a chat and its runs look like to whoever shows them: types alone.
 *
 * Rule 1: everything here is immutable; what did not change keeps its identity between snapshots.
 * Rule 2: text that came is never taken from the screen, whatever happens to its run.
 */

import type { StreamEvent } from './protocol/events.generated.ts'

/** Where a reader of a log stands: the newest event it has seen. */
export interface Cursor {
  readonly gen: number
  readonly seq: number
}

export type Stage = 'init' | 'intent_analysis' | 'context_gathering' | 'execution' | 'reflection'

/** How a run stands. `incomplete`: its stream ended without its end, and no rejoin succeeded. */
export type RunStatus =
  | 'running'
  | 'input_required'
  | 'answered'
  | 'insufficient_context'
  | 'cancelled'
  | 'failed'
  | 'expired'
  | 'incomplete'

/** Something a node said for people to read. */
export interface Status {
  readonly type: 'thinking' | 'running' | 'done' | 'fail'
  readonly content: string
  readonly stage: Stage | null
  readonly progress: number | null
  readonly at: string
}

/** One visit of a stage; times are ISO 8601, `endedAt` null while it goes on. */
export interface StageVisit {
  readonly stage: Stage
  readonly startedAt: string
  readonly endedAt: string | null
  readonly statuses: readonly Status[]
}

/** A passage that was found; its place is in Unicode code points of the document's text. */
export interface Source {
  readonly id: string
  readonly documentId: number
  readonly revision: number
  readonly title: string
  readonly snippet: string
  readonly charStart: number
  readonly charEnd: number
  readonly page: number | null
  readonly score: number
}

/**
 * Answer characters `answerStart` to `answerEnd` rest on that source; `quote` is the text of that
 * revision from `charStart` to `charEnd`. All are code points.
 */
export interface Citation {
  readonly sourceId: string
  readonly answerStart: number
  readonly answerEnd: number
  readonly quote: string
  readonly documentId: number
  readonly revision: number
  readonly charStart: number
  readonly charEnd: number
  readonly page: number | null
}

/** Something the run looked up; `ok` is null until it is done. */
export interface ToolActivity {
  readonly callId: string
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly stage: Stage
  readonly ok: boolean | null
  readonly summary: string
}

/** Tokens of a run so far. */
export interface Usage {
  readonly promptTokens: number | null
  readonly completionTokens: number | null
  readonly estimated: boolean
  readonly partial: boolean
}

/** What the run asks its user. */
export interface InputRequest {
  readonly requestId: string
  readonly question: string
  readonly options: readonly string[]
  readonly expiresAt: string | null
}

/** What the run asked before, and what its user said to that. */
export interface InputGiven {
  readonly requestId: string
  readonly question: string
  readonly text: string
}

/** Why something did not work. `code` is the server's, or one of the client's own below. */
export interface ChatError {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly retryAfterS: number | null
}

/** Codes that only a client can know. */
export type ClientErrorCode =
  | 'no_connection'
  | 'incomplete_stream'
  | 'damaged_stream'
  | 'unauthorized'
  | 'aborted'

/** The fold of a run's events so far. Made by `reduceRun`, which is pure. */
export interface RunState {
  readonly runId: string | null
  readonly sessionId: string | null
  readonly conversationId: number | null
  readonly userMessageId: number | null
  readonly assistantMessageId: number | null
  readonly cursor: Cursor | null
  readonly status: RunStatus
  readonly stage: Stage
  readonly progress: number | null
  readonly stages: readonly StageVisit[]
  readonly text: string
  /** How long `text` is as offsets count it: in Unicode code points. */
  readonly codePoints: number
  readonly reasoning: string
  readonly sources: readonly Source[]
  readonly citations: readonly Citation[]
  readonly tools: readonly ToolActivity[]
  readonly usage: Usage | null
  readonly inputRequest: InputRequest | null
  readonly inputs: readonly InputGiven[]
  readonly error: ChatError | null
  /** From the terminal event: SHA-256 of the UTF-8 bytes of `text`, in hex. */
  readonly contentSha256: string | null
  /** True once an offset did not fit what came before: something is missing; `text` is kept. */
  readonly damaged: boolean
  readonly secondsByStage: Readonly<Record<string, number>>
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** What a retract goes back by; of no use to whoever shows the run. */
  readonly trail: Trail | null
}

/** How much there was after the event `seq`, and the trail up to there. */
export interface Trail {
  readonly seq: number
  readonly textLength: number
  readonly codePoints: number
  readonly reasoningLength: number
  readonly kept: Kept
  readonly before: Trail | null
}

/** The part of a run, text aside, that a retract takes back. */
export type Kept = Pick<
  RunState,
  'stage' | 'progress' | 'stages' | 'sources' | 'citations' | 'tools' | 'inputRequest' | 'inputs'
>

export type MessageStatus =
  | 'sending'
  | 'pending'
  | 'streaming'
  | 'completed'
  | 'insufficient_context'
  | 'cancelled'
  | 'failed'
  | 'incomplete'

/** A message as it is shown. `key` never changes, and tells it from all others on the screen. */
export interface ChatMessage {
  readonly key: string
  readonly id: number | null
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly status: MessageStatus
  readonly createdAt: string
  readonly runId: string | null
  /** What led to it; null for a user's message, and for one loaded from the server until asked. */
  readonly run: RunState | null
  readonly error: ChatError | null
}

/** How the line to the server is. `since` is a `performance.now()` time in ms. */
export interface Connection {
  readonly state: 'idle' | 'connecting' | 'live' | 'reconnecting' | 'lost'
  readonly attempt: number
  readonly since: number
}

/** Everything one chat shows. */
export interface ChatState {
  readonly conversationId: number | null
  readonly sessionId: string | null
  readonly messages: readonly ChatMessage[]
  /** The answer that is being written; null between answers. It is not in `messages`. */
  readonly streamingMessage: ChatMessage | null
  readonly currentStage: Stage | null
  readonly progress: number | null
  /** Of the newest turn; null once the next one begins. */
  readonly error: ChatError | null
  readonly connection: Connection
  readonly loading: boolean
}

/** What is asked. */
export interface ChatRequest {
  readonly query: string
  readonly conversation_id?: number
  readonly session_id?: string
  readonly user_id?: string
  /** A run of the same conversation whose question this asks again: no second user message. */
  readonly retry_of?: string
  /** This client can answer an `input_required`. */
  readonly interactive?: boolean
  readonly context?: {
    readonly chat_history?: readonly {
      readonly role: 'user' | 'assistant'
      readonly content: string
    }[]
    readonly document_id?: number
    readonly selected_content?: string
  }
}

export type { StreamEvent }
