/** The chat's reducer changes nothing it was given, and keeps what did not change. */

import { expect, test } from 'vitest'
import { type ChatAction, initialChat, reduceChat } from '../src/chat.ts'
import { clientError } from '../src/errors.ts'
import { newMessage } from '../src/messages.ts'
import type { ChatState } from '../src/state.ts'
import { fold, tape } from './tapes.ts'

const AT = '2026-01-02T03:04:05Z'
const RUN = '01jd8q4w7n3k5m9p2r6t8v0x1z'
const { events } = tape('answer')
const question = newMessage('q', 'user', 'How?', AT)
const answer = newMessage('a', 'assistant', '', AT)
const ofTurn = { questionKey: 'q' }

const WHOLE: readonly ChatAction[] = [
  { type: 'opening', conversationId: 7 },
  { type: 'opened', messages: [newMessage('old', 'user', 'Who?', AT)] },
  { type: 'asked', question },
  { type: 'turn_began', answer, ...ofTurn },
  { type: 'connection', connection: { state: 'live', attempt: 0, since: 1 } },
  { type: 'accepted', runId: RUN, ...ofTurn },
  ...events.slice(0, 11).map((event) => ({ type: 'event' as const, event, ...ofTurn })),
  { type: 'stopping' },
  { type: 'stop_failed', error: clientError('no_connection') },
  ...events.slice(11).map((event) => ({ type: 'event' as const, event, ...ofTurn })),
  { type: 'refolded', run: fold(events) },
  { type: 'damage_found' },
  { type: 'turn_ended', error: null, at: 2, ...ofTurn },
  { type: 'run_loaded', key: 'a', run: fold(events) },
  { type: 'went_wrong', error: clientError('aborted') },
  { type: 'left', at: 3 },
]

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

function after(actions: readonly ChatAction[]): ChatState {
  return actions.reduce((state, action) => frozen(reduceChat(state, action)), frozen(initialChat()))
}

test('no action changes the state it was given, and the same actions give the same state', () => {
  expect(after(WHOLE)).toEqual(after(WHOLE))
})

test('a chunk changes the answer alone: older messages keep their identity', () => {
  const before = after(WHOLE.slice(0, 15))
  const [event] = events.slice(11, 12)
  const next = event ? reduceChat(before, { type: 'event', event, ...ofTurn }) : before
  expect(next.streamingMessage).not.toBe(before.streamingMessage)
  expect(next.messages).toBe(before.messages)
})

test('an event that came before changes nothing at all', () => {
  const before = after(WHOLE.slice(0, 12))
  const [event] = events.slice(2, 3)
  expect(event && reduceChat(before, { type: 'event', event, ...ofTurn })).toBe(before)
})

test('to leave a chat where nothing goes on changes nothing', () => {
  const state = initialChat()
  expect(reduceChat(state, { type: 'left', at: 3 })).toBe(state)
})

test('a question that was never sent is marked so when the chat is left', () => {
  const state = after([{ type: 'asked', question }])
  expect(reduceChat(state, { type: 'left', at: 3 }).messages[0]?.status).toBe('failed')
})
