/** Messages as they are shown, made anew or out of what the server has stored. Pure. */

import type { SeedMessage } from './protocol/api.generated.ts'
import type { ChatError, ChatMessage, MessageStatus } from './state.ts'

/** A message that this chat adds. */
export function newMessage(
  key: string,
  role: ChatMessage['role'],
  content: string,
  createdAt: string,
): ChatMessage {
  const status = role === 'user' ? 'sending' : 'pending'
  return { key, id: null, role, content, status, createdAt, runId: null, run: null, error: null }
}

/** A stored conversation, as it is shown. */
export function shownMessages(stored: readonly SeedMessage[]): ChatMessage[] {
  return stored.map(shown)
}

/** Whether the answer is still being written, or waits for its turn. */
export function isLive(message: ChatMessage): boolean {
  const isOpen = message.status === 'pending' || message.status === 'streaming'
  return message.role === 'assistant' && isOpen && message.runId !== null
}

/** Whether to try the answer again makes sense. */
export function isUnfinished({ role, status }: ChatMessage): boolean {
  return role === 'assistant' && UNFINISHED.includes(status)
}

const UNFINISHED: readonly MessageStatus[] = [
  'failed',
  'cancelled',
  'incomplete',
  'insufficient_context',
]

function shown(stored: SeedMessage): ChatMessage {
  return {
    key: `message-${stored.id}`,
    id: stored.id,
    role: stored.role === 'user' ? 'user' : 'assistant',
    content: stored.content,
    status: statusOf(stored),
    createdAt: `${stored.created_at.replace(' ', 'T')}Z`, // the seed's times name no zone; ours are UTC
    runId: stored.run_id,
    run: null,
    error: stored.error_message === '' ? null : storedError(stored),
  }
}

function statusOf({ status, outcome }: SeedMessage): MessageStatus {
  if (outcome === 'insufficient_context') return 'insufficient_context'
  return STATUSES[status] ?? 'completed'
}

const STATUSES: Readonly<Record<string, MessageStatus>> = {
  pending: 'pending',
  streaming: 'streaming',
  completed: 'completed',
  cancelled: 'cancelled',
  failed: 'failed',
}

/** What is stored of an error; whether to try again is left to the person. */
function storedError({ error_code, error_message }: SeedMessage): ChatError {
  const code = error_code ?? 'failed_earlier' // null for a message that was made by hand
  return { code, message: error_message, retryable: true, retryAfterS: null }
}
