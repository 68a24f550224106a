/**
 * What a chat shows after everything that happened in it. Pure: no clock, no I/O.
 *
 * Rule 1: whatever a session does to its state is an action.
 * Rule 2: a turn is a question in `messages` and its answer in `streamingMessage`; once it has
 *   ended, however it ended, the answer stands in `messages` with the text that came.
 * Rule 3: only chunks are an answer's text; what nodes say about their work never is.
 */

import { clientError } from './errors.ts'
import type { StreamEvent } from './protocol/events.generated.ts'
import { incompleteRun, initialRun, reduceRun } from './run.ts'
import type {
  ChatError,
  ChatMessage,
  ChatState,
  Connection,
  MessageStatus,
  RunState,
} from './state.ts'

export type ChatAction =
  | { readonly type: 'cleared' }
  | { readonly type: 'opening'; readonly conversationId: number }
  /** What was said before stands before what was asked meanwhile. */
  | { readonly type: 'opened'; readonly messages: readonly ChatMessage[] }
  | { readonly type: 'conversation_made'; readonly conversationId: number }
  /** A question appears; its answer may have to wait for the one before. */
  | { readonly type: 'asked'; readonly question: ChatMessage }
  /** An answer begins; one that stands in `messages` already goes on. */
  | { readonly type: 'turn_began'; readonly answer: ChatMessage; readonly questionKey: string }
  /** The server has the question: from now on there is a run. */
  | { readonly type: 'accepted'; readonly runId: string; readonly questionKey: string }
  | { readonly type: 'event'; readonly event: StreamEvent; readonly questionKey: string }
  /** The whole run, folded anew, in place of what was there. */
  | { readonly type: 'refolded'; readonly run: RunState }
  | { readonly type: 'damage_found' }
  | { readonly type: 'stopping' }
  | { readonly type: 'stop_failed'; readonly error: ChatError }
  | {
      readonly type: 'turn_ended'
      readonly error: ChatError | null
      readonly questionKey: string
      readonly at: number
    }
  | { readonly type: 'went_wrong'; readonly error: ChatError }
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'run_loaded'; readonly key: string; readonly run: RunState }
  /** Nobody follows any more; what runs goes on at the server. */
  | { readonly type: 'left'; readonly at: number }

type TurnEnded = Extract<ChatAction, { type: 'turn_ended' }>

/** A chat in which nothing was said. */
export function initialChat(): ChatState {
  return {
    conversationId: null,
    sessionId: null,
    messages: [],
    streamingMessage: null,
    currentStage: null,
    progress: null,
    error: null,
    connection: { state: 'idle', attempt: 0, since: 0 },
    loading: false,
  }
}

/** The chat after one more action. */
export function reduceChat(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case 'cleared':
      return initialChat()
    case 'opening':
      return { ...initialChat(), conversationId: action.conversationId, loading: true }
    case 'opened':
      return { ...state, messages: [...action.messages, ...state.messages], loading: false }
    case 'conversation_made':
      return { ...state, conversationId: action.conversationId }
    case 'asked':
      return { ...state, messages: [...without(state, action.question.key), action.question] }
    case 'turn_began':
      return began(state, action.answer, action.questionKey)
    case 'accepted':
      return accepted(state, action.runId, action.questionKey)
    case 'event':
      return happened(state, action.event, action.questionKey)
    case 'refolded':
      return withRun(state, action.run)
    case 'damage_found':
      return damaged(state)
    case 'stopping':
      return withAnswer(state, { status: 'cancelled' })
    case 'stop_failed':
      return { ...withAnswer(state, stillGoing(state)), error: action.error }
    case 'turn_ended':
      return turnEnded(state, action)
    case 'went_wrong':
      return { ...state, error: action.error, loading: false }
    case 'connection':
      return { ...state, connection: action.connection }
    case 'run_loaded':
      return withMessage(state, action.key, { run: action.run })
    case 'left':
      return left(state, action.at)
    default:
      return action satisfies never
  }
}

function began(state: ChatState, answer: ChatMessage, questionKey: string): ChatState {
  const next = { ...state, messages: without(state, answer.key) }
  return {
    ...withUnsent(next, questionKey, { status: 'sending' }),
    streamingMessage: answer,
    currentStage: answer.run?.stage ?? 'init',
    progress: answer.run?.progress ?? null,
    error: null,
  }
}

function accepted(state: ChatState, runId: string, questionKey: string): ChatState {
  const sent = withUnsent(state, questionKey, { status: 'completed', runId })
  return withAnswer(sent, { runId })
}

function happened(state: ChatState, event: StreamEvent, questionKey: string): ChatState {
  const before = state.streamingMessage?.run ?? initialRun()
  const run = reduceRun(before, event)
  if (run === before) return state
  const next = withRun(state, run)
  if (run.userMessageId === before.userMessageId) return next
  const { userMessageId: id, runId } = run
  return withMessage(next, questionKey, { id, runId, status: 'completed' })
}

function withRun(state: ChatState, run: RunState): ChatState {
  const answer = state.streamingMessage
  if (answer === null) return state
  const isStopping = answer.status === 'cancelled' && run.endedAt === null
  const streamingMessage: ChatMessage = {
    ...answer,
    id: run.assistantMessageId,
    content: run.text,
    status: isStopping ? 'cancelled' : statusOf(run),
    runId: run.runId,
    run,
    error: run.error,
  }
  return {
    ...state,
    conversationId: run.conversationId ?? state.conversationId,
    sessionId: run.sessionId ?? state.sessionId,
    streamingMessage,
    currentStage: run.stage,
    progress: run.progress,
  }
}

function statusOf(run: RunState): MessageStatus {
  switch (run.status) {
    case 'running':
    case 'input_required':
      return run.text === '' ? 'pending' : 'streaming'
    case 'answered':
      return 'completed'
    case 'expired':
      return 'failed'
    default:
      return run.status
  }
}

function stillGoing({ streamingMessage }: ChatState): Partial<ChatMessage> {
  const run = streamingMessage?.run
  return { status: run ? statusOf(run) : 'pending' }
}

function damaged(state: ChatState): ChatState {
  const run = state.streamingMessage?.run
  return run ? withAnswer(state, { run: { ...run, damaged: true } }) : state
}

function turnEnded(state: ChatState, { error, questionKey, at: since }: TurnEnded): ChatState {
  const answer = state.streamingMessage
  if (answer === null) return { ...state, error }
  const ended = endedAnswer(answer, error)
  const question = state.messages.findIndex(({ key }) => key === questionKey)
  const messages = state.messages.toSpliced(endOfTurn(state.messages, question), 0, ended)
  const next = { ...state, messages, streamingMessage: null, currentStage: null, progress: null }
  return {
    ...(ended.runId === null ? withUnsent(next, questionKey, { status: ended.status }) : next),
    error: ended.error,
    connection: { state: isOfTheLine(error) ? 'lost' : 'idle', attempt: 0, since },
  }
}

function isOfTheLine(error: ChatError | null): boolean {
  return error?.code === 'no_connection' || error?.code === 'incomplete_stream'
}

/** Where the answers to a question end: it may have been asked again. */
function endOfTurn(messages: readonly ChatMessage[], question: number): number {
  const next = messages.findIndex(({ role }, at) => at > question && role === 'user')
  return question < 0 || next < 0 ? messages.length : next
}

function endedAnswer(answer: ChatMessage, error: ChatError | null): ChatMessage {
  const { run } = answer
  if (run !== null && run.endedAt !== null) {
    const damage = run.damaged ? clientError('damaged_stream') : null
    return { ...answer, status: statusOf(run), error: run.error ?? damage }
  }
  if (answer.runId !== null) {
    const kept = run === null ? null : incompleteRun(run)
    return { ...answer, status: 'incomplete', run: kept, error }
  }
  return answer.status === 'cancelled'
    ? { ...answer, error: null } // stopped before the server had it
    : { ...answer, status: 'failed', error }
}

function left(state: ChatState, since: number): ChatState {
  const answer = state.streamingMessage
  const hasUnsent = state.messages.some(({ status }) => status === 'sending')
  if (answer === null && !hasUnsent) return state
  const messages = state.messages.map(
    (message): ChatMessage =>
      message.status === 'sending' ? { ...message, status: 'failed' } : message,
  )
  return {
    ...state,
    messages: answer === null ? messages : [...messages, endedAnswer(answer, null)],
    streamingMessage: null,
    currentStage: null,
    progress: null,
    connection: { state: 'idle', attempt: 0, since },
  }
}

function withAnswer(state: ChatState, change: Partial<ChatMessage>): ChatState {
  const answer = state.streamingMessage
  return answer === null ? state : { ...state, streamingMessage: { ...answer, ...change } }
}

function withMessage(state: ChatState, key: string, change: Partial<ChatMessage>): ChatState {
  const at = state.messages.findIndex((message) => message.key === key)
  const message = state.messages[at]
  if (message === undefined) return state
  return { ...state, messages: state.messages.with(at, { ...message, ...change }) }
}

/** The chat with a change to a question that the server has not got yet. */
function withUnsent(state: ChatState, key: string, change: Partial<ChatMessage>): ChatState {
  const isUnsent = state.messages.some((message) => message.key === key && message.runId === null)
  return isUnsent ? withMessage(state, key, change) : state
}

function without({ messages }: ChatState, key: string): readonly ChatMessage[] {
  return messages.some((message) => message.key === key)
    ? messages.filter((message) => message.key !== key)
    : messages
}
