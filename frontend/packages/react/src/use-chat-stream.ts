/**
 * useChatStream: a Tailrace chat as a React hook.
 *
 * Rule 1: the hook holds no state of its own; it shows the snapshots of a `ChatSession`, of which
 *   there is one a frame at most, whatever the model's speed.
 * Rule 2: to unmount ends following, never a run.
 * Rule 3: nothing is asked of the server before somebody calls: what StrictMode makes and throws
 *   away has done nothing.
 */

import {
  ChatSession,
  type ChatState,
  type Citation,
  type InputRequest,
  type RunState,
  type SessionOptions,
  type Source,
  type Usage,
} from '@tailrace/core'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'

/** What can be done in a chat; each stays the same function between renders. */
export type ChatCalls = Pick<
  ChatSession,
  'send' | 'stop' | 'retry' | 'answer' | 'open' | 'loadRun' | 'clear'
>

/** What a chat shows, and what can be done in it. */
export interface ChatStream extends ChatState, ChatCalls {
  /** Whether an answer is being written. */
  readonly isStreaming: boolean
  /** Of the newest answer, live or ended: what it rests on, how it was thought, what it took. */
  readonly sources: readonly Source[]
  readonly citations: readonly Citation[]
  readonly reasoning: string
  readonly usage: Usage | null
  /** What the run asks, while it waits for its user. */
  readonly inputRequest: InputRequest | null
}

/**
 * A chat with the server at `options.baseUrl`, the page's own where not given.
 *
 * The options of the first render count; for another server, give the component another `key`.
 */
export function useChatStream(options: SessionOptions = {}): ChatStream {
  const [session] = useState(() => new ChatSession(options))
  const state = useSyncExternalStore(session.subscribe, session.getSnapshot, session.getSnapshot)
  const calls = useMemo(() => callsOf(session), [session])
  useEffect(() => () => session.close(), [session])
  return useMemo(() => ({ ...state, ...ofNewestRun(state), ...calls }), [state, calls])
}

function callsOf(session: ChatSession): ChatCalls {
  return {
    send: (query, context) => session.send(query, context),
    stop: () => session.stop(),
    retry: () => session.retry(),
    answer: (text) => session.answer(text),
    open: (conversationId) => session.open(conversationId),
    loadRun: (messageKey, options) => session.loadRun(messageKey, options),
    clear: () => session.clear(),
  }
}

const NO_SOURCES: readonly Source[] = []
const NO_CITATIONS: readonly Citation[] = []

function ofNewestRun({ streamingMessage, messages }: ChatState) {
  const run: RunState | null = (streamingMessage ?? messages.at(-1))?.run ?? null
  return {
    isStreaming: streamingMessage !== null,
    sources: run?.sources ?? NO_SOURCES,
    citations: run?.citations ?? NO_CITATIONS,
    reasoning: run?.reasoning ?? '',
    usage: run?.usage ?? null,
    inputRequest: streamingMessage?.run?.inputRequest ?? null,
  }
}
