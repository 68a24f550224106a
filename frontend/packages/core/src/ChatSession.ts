/**
 * One chat, as an external store: what it shows, and what can be done in it.
 *
 * Rule 1: the snapshot changes only at a flush, at most once a frame, however much happens.
 * Rule 2: no call rejects; what went wrong is part of what the chat shows.
 * Rule 3: turns follow one another; a second question waits until the first one's answer ended.
 * Rule 4: to leave a chat, or to close the session, ends following and nothing else.
 */

import { ChatStreamService, type ServiceOptions, type WatchResult } from './ChatStreamService.ts'
import { type ChatAction, initialChat, reduceChat } from './chat.ts'
import { clientError, toChatError } from './errors.ts'
import type { OnConnection } from './following.ts'
import { AnimationFrames, type FrameScheduler } from './frames.ts'
import { isWhole } from './hash.ts'
import { isLive, isUnfinished, newMessage, shownMessages } from './messages.ts'
import type { StreamEvent } from './protocol/events.generated.ts'
import { initialRun, reduceRun } from './run.ts'
import type { ChatError, ChatMessage, ChatRequest, ChatState, RunState } from './state.ts'
import { TailraceClient } from './TailraceClient.ts'
import { type QuestionContext, Turn } from './turn.ts'

export interface SessionOptions extends ServiceOptions {
  /** When to show what has changed; the browser's frames where not given. */
  readonly schedule?: FrameScheduler
  /** Whether whoever shows this chat can answer an `input_required`. */
  readonly interactive?: boolean
}

/** A turn before its time, and whom to tell when it is over. */
interface Waiting {
  readonly turn: Turn
  readonly over: () => void
}

/** One chat. */
export class ChatSession {
  readonly #client: TailraceClient
  readonly #service: ChatStreamService
  readonly #frames: FrameScheduler
  readonly #interactive: boolean
  readonly #listeners = new Set<() => void>()
  #state = initialChat()
  #snapshot = this.#state
  #stay = new AbortController() // in this chat; aborted when it is left
  #turn: Turn | null = null // the one that goes on
  #waiting: Waiting[] = []
  #newest: Turn | null = null // the one before `#turn` ended it, for a retry
  #keys = 0

  constructor(options: SessionOptions = {}) {
    this.#client = new TailraceClient(options)
    this.#service = new ChatStreamService(options)
    this.#frames = options.schedule ?? new AnimationFrames()
    this.#interactive = options.interactive ?? false
  }

  /** Be told after each flush; returns how to stop that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What the chat shows; the same object until the next flush. */
  readonly getSnapshot = (): ChatState => this.#snapshot

  /** Ask; resolves when the answer has ended. */
  send(query: string, context: QuestionContext = {}): Promise<void> {
    const question = this.#message('user', query)
    this.#dispatch({ type: 'asked', question })
    const answer = this.#message('assistant', '')
    return this.#enqueue(new Turn({ questionKey: question.key, query, context, answer }))
  }

  /** Stop the answer that is being written, as soon as the server can be told; its text stays. */
  async stop(): Promise<void> {
    const turn = this.#turn
    if (turn === null || turn.stopAsked) return
    turn.stopAsked = true
    this.#dispatch({ type: 'stopping' })
    await this.#cancel(turn)
  }

  /** Try the newest turn again, where its answer did not come to a good end. */
  async retry(): Promise<void> {
    const answer = this.#state.messages.at(-1)
    if (this.#turn !== null || answer === undefined || !isUnfinished(answer)) return
    const turn = this.#turnAfter(answer)
    if (turn !== null) await this.#enqueue(turn)
  }

  /** Answer what the run asks its user. */
  async answer(text: string): Promise<void> {
    const { runId, inputRequest } = this.#state.streamingMessage?.run ?? initialRun()
    if (runId === null || inputRequest === null) return
    const stay = this.#stay.signal
    try {
      await this.#service.answer(runId, inputRequest.requestId, text)
    } catch (cause) {
      await this.#wentWrong(cause, stay)
    }
  }

  /** Show a conversation; an answer that is still being written is followed from its start. */
  async open(conversationId: number): Promise<void> {
    const stay = this.#leave()
    this.#newest = null
    this.#dispatch({ type: 'opening', conversationId })
    try {
      const messages = shownMessages(await this.#client.getMessages(conversationId, stay))
      if (stay.aborted) return
      this.#dispatch({ type: 'opened', messages })
      const live = messages.filter(isLive).flatMap((answer) => this.#turnAfter(answer) ?? [])
      this.#waiting.unshift(...live.map((turn) => ({ turn, over: () => {} })))
    } catch (cause) {
      await this.#wentWrong(cause, stay)
    }
    this.#next()
  }

  /**
   * Find out what led to an answer that was loaded: fills its `run`. Where nobody asked for it, it is
   * loaded `quietly`: what goes wrong is no error of the chat.
   */
  async loadRun(messageKey: string, { quietly = false } = {}): Promise<void> {
    const message = this.#state.messages.find(({ key }) => key === messageKey)
    if (!message?.runId || message.run !== null) return
    const stay = this.#stay.signal
    const { run, result } = await this.#fold(message.runId, stay)
    if (stay.aborted || result === 'aborted') return
    if (result === 'complete') this.#dispatch({ type: 'run_loaded', key: messageKey, run })
    else if (!quietly) this.#dispatch({ type: 'went_wrong', error: result })
  }

  /** Begin a new chat; what runs goes on at the server. */
  clear(): void {
    this.#leave()
    this.#newest = null
    this.#dispatch({ type: 'cleared' })
  }

  /** Stop following; what came stays, what runs goes on, and the session can be used again. */
  close(): void {
    this.#leave()
    this.#dispatch({ type: 'left', at: performance.now() })
    this.#frames.cancel()
    this.#flush()
  }

  #enqueue(turn: Turn): Promise<void> {
    return new Promise((over) => {
      this.#waiting.push({ turn, over })
      this.#next()
    })
  }

  /** Begin what waits, unless something goes on or is still loading. */
  #next(): void {
    if (this.#turn !== null || this.#state.loading) return
    const first = this.#waiting.shift()
    if (first === undefined) return
    void this.#play(first.turn, this.#stay.signal).then(() => {
      first.over()
      this.#next()
    })
  }

  async #play(turn: Turn, stay: AbortSignal): Promise<void> {
    const { answer, questionKey } = turn.start
    this.#turn = this.#newest = turn
    this.#dispatch({ type: 'turn_began', answer, questionKey })
    const error = await this.#follow(turn, stay).catch(toChatError)
    if (!stay.aborted) await this.#repair(stay).catch(() => {})
    if (stay.aborted) return
    this.#turn = null
    this.#dispatch({ type: 'turn_ended', error, questionKey, at: performance.now() })
  }

  /** Follow the turn to its end; null where it is known how it ended. */
  async #follow(turn: Turn, stay: AbortSignal): Promise<ChatError | null> {
    if (turn.runId !== null) return this.#rejoin(turn, turn.runId, stay)
    turn.request ??= await this.#request(turn, stay)
    if (turn.stopAsked) return null // before the server had it
    let error: ChatError | null = null
    await this.#service.sendStreamMessage(
      turn.request,
      (event) => this.#take(turn, event, stay),
      (cause) => {
        error = cause
      },
      () => {},
      {
        signal: stay,
        idempotencyKey: turn.idempotencyKey,
        onRunId: (runId) => this.#accept(turn, runId, stay),
        onConnection: this.#onConnection(turn, stay),
      },
    )
    return error
  }

  async #request({ start }: Turn, stay: AbortSignal): Promise<ChatRequest> {
    if (this.#state.conversationId === null) {
      const { id } = await this.#client.createConversation('home', stay)
      if (!stay.aborted) this.#dispatch({ type: 'conversation_made', conversationId: id })
    }
    const { conversationId, sessionId } = this.#state
    const { documentId, selection } = start.context
    return {
      query: start.query,
      ...(conversationId !== null && { conversation_id: conversationId }),
      ...(sessionId !== null && { session_id: sessionId }),
      ...(start.retryOf !== undefined && { retry_of: start.retryOf }),
      ...(this.#interactive && { interactive: true }),
      context: {
        ...(documentId !== undefined && { document_id: documentId }),
        ...(selection !== undefined && { selected_content: selection }),
      },
    }
  }

  /** Go on with a run where it broke off; one that was loaded starts once it has caught up. */
  async #rejoin(turn: Turn, runId: string, stay: AbortSignal): Promise<ChatError | null> {
    const { run, content } = turn.start.answer
    let behind = run === null ? initialRun() : null
    const result = await this.#service.watch(runId, {
      signal: stay,
      after: run?.cursor ?? null,
      onConnection: this.#onConnection(turn, stay),
      onEvent: (event) => {
        if (behind === null) return this.#take(turn, event, stay)
        behind = reduceRun(behind, event)
        const isLevel = behind.text.length >= content.length || event.type === 'retract'
        if (!isLevel && behind.endedAt === null) return
        if (!stay.aborted) this.#dispatch({ type: 'refolded', run: behind })
        behind = null
      },
    })
    if (result === 'complete') return null
    return result === 'aborted' ? clientError('aborted') : result
  }

  /** Where some of an ended answer got lost on its way, read it again from its start, once. */
  async #repair(stay: AbortSignal): Promise<void> {
    const run = this.#state.streamingMessage?.run ?? null
    if (run === null || run.runId === null || run.endedAt === null || (await isWhole(run))) return
    const again = await this.#fold(run.runId, stay)
    const isMended = again.result === 'complete' && (await isWhole(again.run))
    if (stay.aborted) return
    this.#dispatch(isMended ? { type: 'refolded', run: again.run } : { type: 'damage_found' })
  }

  /** A whole run, folded beside what is shown. */
  async #fold(runId: string, stay: AbortSignal): Promise<{ run: RunState; result: WatchResult }> {
    let run = initialRun()
    const onEvent = (event: StreamEvent) => {
      run = reduceRun(run, event)
    }
    const result = await this.#service.watch(runId, { signal: stay, onEvent })
    return { run, result }
  }

  async #cancel(turn: Turn): Promise<void> {
    const stay = this.#stay.signal
    if (turn.runId === null || turn.isCancelling || turn !== this.#turn) return
    turn.isCancelling = true
    try {
      await this.#service.cancel(turn.runId)
    } catch (cause) {
      const error = await toChatError(cause)
      turn.isCancelling = false
      if (error.code === 'no_connection') return // asked again once the line is back
      turn.stopAsked = false
      if (!stay.aborted) this.#dispatch({ type: 'stop_failed', error })
    }
  }

  #take({ start }: Turn, event: StreamEvent, stay: AbortSignal): void {
    if (stay.aborted) return
    this.#dispatch({ type: 'event', event, questionKey: start.questionKey })
  }

  #accept(turn: Turn, runId: string, stay: AbortSignal): void {
    if (stay.aborted) return
    turn.runId = runId
    this.#dispatch({ type: 'accepted', runId, questionKey: turn.start.questionKey })
    if (turn.stopAsked) void this.#cancel(turn)
  }

  #onConnection(turn: Turn, stay: AbortSignal): OnConnection {
    return (state, attempt) => {
      if (stay.aborted) return
      const connection = { state, attempt, since: performance.now() }
      this.#dispatch({ type: 'connection', connection })
      if (state === 'live' && turn.stopAsked) void this.#cancel(turn)
    }
  }

  /** The turn that goes on with an answer, or asks its question again. */
  #turnAfter(answer: ChatMessage): Turn | null {
    const { messages } = this.#state
    const before = messages.slice(0, messages.indexOf(answer))
    const question = before.findLast(({ role }) => role === 'user')
    if (question === undefined) return null
    const last = this.#newest?.start.questionKey === question.key ? this.#newest : null
    const same = {
      questionKey: question.key,
      query: question.content,
      context: last?.start.context ?? {},
    }
    if (answer.runId === null) {
      const fresh = { ...answer, status: 'pending' as const, error: null }
      return new Turn({ ...last?.start, ...same, answer: fresh, ...(last && { again: last }) })
    }
    if (answer.status === 'incomplete' || isLive(answer)) {
      const status = answer.content === '' ? 'pending' : 'streaming'
      return new Turn({ ...same, answer: { ...answer, error: null, status } })
    }
    const next = this.#message('assistant', '')
    return new Turn({ ...same, answer: next, retryOf: answer.runId })
  }

  #message(role: ChatMessage['role'], content: string): ChatMessage {
    this.#keys += 1
    return newMessage(`new-${this.#keys}`, role, content, new Date().toISOString())
  }

  #leave(): AbortSignal {
    this.#stay.abort()
    this.#turn = null
    this.#stay = new AbortController()
    for (const { over } of this.#waiting.splice(0)) over()
    return this.#stay.signal
  }

  async #wentWrong(cause: unknown, stay: AbortSignal): Promise<void> {
    const error = await toChatError(cause)
    if (!stay.aborted) this.#dispatch({ type: 'went_wrong', error })
  }

  #dispatch(action: ChatAction): void {
    const next = reduceChat(this.#state, action)
    if (next === this.#state) return
    this.#state = next
    this.#frames.request(() => this.#flush())
  }

  #flush(): void {
    if (this.#snapshot === this.#state) return
    this.#snapshot = this.#state
    for (const listener of [...this.#listeners]) listener()
  }
}
