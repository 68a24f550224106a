/**
 * What a run amounts to after its events so far. Pure: no clock, no I/O.
 *
 * Rule 1: the same events give the same state, live, rejoined or loaded; `events/fold.py` agrees.
 * Rule 2: an event at or before the cursor changes nothing: it came before.
 * Rule 3: a chunk costs the same however many came before it.
 * Rule 4: a `retract` takes back what stands after its `discard_after`, but for usage and time.
 * Rule 5: a `snapshot` takes the place of all events up to its own seq.
 */

import { isOpening, isTerminal } from './protocol/decode.ts'
import type {
  Answered,
  Cancelled,
  ErrorFacts,
  Failed,
  Opening,
  Snapshot,
  StreamEvent,
} from './protocol/events.generated.ts'
import { retell, type Step } from './snapshot.ts'
import type {
  ChatError,
  Cursor,
  Kept,
  RunState,
  RunStatus,
  Stage,
  StageVisit,
  Status,
  ToolActivity,
  Trail,
  Usage,
} from './state.ts'

type StatusEvent = Extract<StreamEvent, { type: 'thinking' | 'running' | 'done' | 'fail' }>
type NodeEvent = Exclude<StatusEvent, Opening | Failed>
type TerminalEvent = Answered | Failed | Cancelled
type TokenFacts = TerminalEvent['metadata']['usage']

/** A run of which nothing is known yet. */
export function initialRun(): RunState {
  return {
    runId: null,
    sessionId: null,
    conversationId: null,
    userMessageId: null,
    assistantMessageId: null,
    cursor: null,
    status: 'running',
    stage: 'init',
    progress: null,
    stages: [],
    text: '',
    codePoints: 0,
    reasoning: '',
    sources: [],
    citations: [],
    tools: [],
    usage: null,
    inputRequest: null,
    inputs: [],
    error: null,
    contentSha256: null,
    damaged: false,
    secondsByStage: {},
    startedAt: null,
    endedAt: null,
    trail: null,
  }
}

/** The run after one more event of its log. */
export function reduceRun(state: RunState, event: StreamEvent): RunState {
  if (state.endedAt !== null || isSeen(state.cursor, event)) return state
  if (event.type === 'snapshot') return restored(event)
  const base: RunState = {
    ...state,
    runId: event.run_id,
    cursor: { gen: event.gen, seq: event.seq },
    startedAt: state.startedAt ?? event.timestamp,
  }
  if (isTerminal(event)) return ended(base, event)
  return leaveTrail(take(enter(base, event), event), event.seq)
}

/** The run, its stream broken off for good: what came stays. */
export function incompleteRun(state: RunState): RunState {
  return state.endedAt === null ? { ...state, status: 'incomplete' } : state
}

/** Whether a reader at `cursor` has had this event. */
export function isSeen(cursor: Cursor | null, event: StreamEvent): boolean {
  if (cursor === null) return false
  return event.gen < cursor.gen || (event.gen === cursor.gen && event.seq <= cursor.seq)
}

/** The run that a snapshot was made of. */
function restored(snapshot: Snapshot): RunState {
  const { run, visits, usage: tokens } = snapshot.metadata
  const blank: RunState = {
    ...{ ...initialRun(), ...identity(run), runId: snapshot.run_id },
    cursor: { gen: snapshot.gen, seq: snapshot.seq },
    startedAt: visits[0]?.at ?? snapshot.timestamp,
    usage: Object.keys(tokens).length > 0 ? usage(tokens) : null,
  }
  const state = retell(snapshot).reduce(follow, blank)
  return stand(state, snapshot)
}

function follow(state: RunState, step: Step): RunState {
  if (step.kind === 'visit') {
    const { stage, at } = step
    if (!isStage(stage) || state.stages.at(-1)?.stage === stage) return state
    return { ...state, stages: visit(state.stages, stage, at) }
  }
  const now = stand(state, step.event)
  const then =
    step.kind === 'event' ? take(now, step.event) : said(heard(now, step.event), step.event)
  return leaveTrail(then, step.seq)
}

/** The run where the event found it; when it got there has been told. */
function stand(state: RunState, event: StreamEvent): RunState {
  const stage = workingStage(event)
  if (stage === null) return state
  const progress = event.progress ?? (stage === state.stage ? state.progress : null)
  return { ...state, stage, progress }
}

function take(state: RunState, event: Exclude<StreamEvent, TerminalEvent>): RunState {
  switch (event.type) {
    case 'stream_chunk':
      return {
        ...state,
        text: state.text + event.content,
        codePoints: state.codePoints + countCodePoints(event.content),
        damaged: state.damaged || event.metadata.offset !== state.codePoints,
      }
    case 'reasoning_chunk':
      return { ...state, reasoning: state.reasoning + event.content }
    case 'source': {
      const { id, document_id, revision, title, snippet, score, page } = event.metadata
      const { char_start: charStart, char_end: charEnd } = event.metadata
      const place = { documentId: document_id, revision, charStart, charEnd, page: page ?? null }
      const source = { id: String(id), title, snippet, score, ...place }
      return { ...state, sources: [...state.sources, source] }
    }
    case 'citation': {
      const { source_id, quote, document_id, revision, page, ...places } = event.metadata
      const citation = {
        sourceId: String(source_id),
        answerStart: places.answer_start,
        answerEnd: places.answer_end,
        quote,
        documentId: document_id,
        revision,
        charStart: places.char_start,
        charEnd: places.char_end,
        page: page ?? null,
      }
      return { ...state, citations: [...state.citations, citation] }
    }
    case 'tool_call': {
      const { call_id: callId, name, arguments: given } = event.metadata
      const tool = { callId, name, arguments: given, stage: state.stage, ok: null, summary: '' }
      return { ...state, tools: [...state.tools, tool] }
    }
    case 'tool_result': {
      const { call_id, ok, summary } = event.metadata
      const finished = (tool: ToolActivity) =>
        tool.callId === call_id ? { ...tool, ok, summary } : tool
      return { ...state, tools: state.tools.map(finished) }
    }
    case 'usage':
      return { ...state, usage: usage(event.metadata) }
    case 'input_required': {
      const { request_id: requestId, question, options, expires_at } = event.metadata
      const inputRequest = { requestId, question, options: options ?? [], expiresAt: expires_at }
      return { ...state, inputRequest }
    }
    case 'retract':
      return retracted(state, event.metadata.discard_after)
    case 'snapshot':
      return restored(event)
    case 'thinking':
    case 'running':
    case 'done':
    case 'fail':
      if (isOpening(event)) return said({ ...state, ...identity(event.metadata) }, event)
      return said(heard(state, event), event)
    default:
      return event satisfies never
  }
}

function identity(ids: Opening['metadata']): Partial<RunState> {
  return {
    sessionId: ids.session_id,
    conversationId: ids.conversation_id,
    userMessageId: ids.user_message_id,
    assistantMessageId: ids.assistant_message_id,
  }
}

function enter(state: RunState, event: StreamEvent): RunState {
  const stage = workingStage(event)
  if (stage === null) return state
  const stages =
    state.stages.at(-1)?.stage === stage
      ? state.stages
      : visit(state.stages, stage, event.timestamp)
  const progress = event.progress ?? (stage === state.stage ? state.progress : null)
  return { ...state, stage, progress, stages }
}

function workingStage(event: StreamEvent): Stage | null {
  return event.stage !== undefined && isStage(event.stage) ? event.stage : null
}

function isStage(name: string): name is Stage {
  switch (name) {
    case 'init':
    case 'intent_analysis':
    case 'context_gathering':
    case 'execution':
    case 'reflection':
      return true
    default:
      return false
  }
}

function visit(stages: readonly StageVisit[], stage: Stage, at: string): readonly StageVisit[] {
  return [...left(stages, at), { stage, startedAt: at, endedAt: null, statuses: [] }]
}

function left(stages: readonly StageVisit[], at: string): readonly StageVisit[] {
  const last = stages.at(-1)
  return last === undefined ? stages : [...stages.slice(0, -1), { ...last, endedAt: at }]
}

function said(state: RunState, event: StatusEvent): RunState {
  const status: Status = {
    type: event.type,
    content: event.content,
    stage: workingStage(event),
    progress: event.progress ?? null,
    at: event.timestamp,
  }
  const stages = state.stages.length > 0 ? state.stages : visit([], state.stage, event.timestamp)
  const current = stages.slice(-1).map((one) => ({ ...one, statuses: [...one.statuses, status] }))
  return { ...state, stages: [...stages.slice(0, -1), ...current] }
}

/** An answer to what was asked last; a stray one means nothing. */
function heard(state: RunState, event: NodeEvent): RunState {
  const { request_id: requestId, input } = event.metadata ?? {}
  const asked = state.inputRequest
  if (event.type !== 'done' || asked === null || asked.requestId !== requestId) return state
  const given = { requestId, question: asked.question, text: input ?? '' }
  return { ...state, inputRequest: null, inputs: [...state.inputs, given] }
}

function ended(state: RunState, event: TerminalEvent): RunState {
  const { outcome, content_sha256, seconds } = event.metadata
  return {
    ...state,
    status: outcome satisfies RunStatus,
    progress: event.progress ?? null,
    stages: left(state.stages, event.timestamp),
    usage: usage(event.metadata.usage),
    inputRequest: null,
    error: event.type === 'fail' ? failure(event.metadata.error) : null,
    contentSha256: content_sha256,
    secondsByStage: seconds,
    endedAt: event.timestamp,
    trail: null,
  }
}

/** Why a run failed, as its last event tells it. */
export function failure(error: ErrorFacts): ChatError {
  const { code, message, retryable, retry_after_s } = error
  return { code, message, retryable, retryAfterS: retry_after_s ?? null }
}

function usage(facts: TokenFacts): Usage {
  return {
    promptTokens: facts.prompt_tokens ?? null,
    completionTokens: facts.completion_tokens ?? null,
    estimated: facts.source === 'estimated',
    partial: facts.partial ?? false,
  }
}

/** Remember how much there is, at the price of one small object an event. */
function leaveTrail(state: RunState, seq: number): RunState {
  const { text, codePoints, reasoning, trail } = state
  const kept = trail !== null && isSame(trail.kept, state) ? trail.kept : keep(state)
  const lengths = { textLength: text.length, codePoints, reasoningLength: reasoning.length }
  const status = state.inputRequest === null ? 'running' : 'input_required'
  return { ...state, status, trail: { seq, ...lengths, kept, before: trail } }
}

function keep(state: Kept): Kept {
  const { stage, progress, stages, sources, citations, tools, inputRequest, inputs } = state
  return { stage, progress, stages, sources, citations, tools, inputRequest, inputs }
}

function isSame(one: Kept, other: Kept): boolean {
  return (
    one.stage === other.stage &&
    one.progress === other.progress &&
    one.stages === other.stages &&
    one.sources === other.sources &&
    one.citations === other.citations &&
    one.tools === other.tools &&
    one.inputRequest === other.inputRequest &&
    one.inputs === other.inputs
  )
}

function retracted(state: RunState, discardAfter: number): RunState {
  let trail: Trail | null = state.trail
  while (trail !== null && trail.seq > discardAfter) trail = trail.before
  const kept = trail?.kept ?? keep(initialRun())
  return {
    ...state,
    ...kept,
    stages: state.stages.map((one, at) => ({
      ...one, // its times stay: they were spent
      statuses: kept.stages[at]?.statuses ?? [],
    })),
    text: state.text.slice(0, trail?.textLength ?? 0),
    codePoints: trail?.codePoints ?? 0,
    reasoning: state.reasoning.slice(0, trail?.reasoningLength ?? 0),
    trail,
  }
}

function countCodePoints(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit >= 0xdc00 && unit < 0xe000) count -= 1 // the second half of a pair
  }
  return count
}
