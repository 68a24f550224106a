/** A session against a chat's server, and what a test looks at. */

import { ChatSession, type SessionOptions } from '../src/ChatSession.ts'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import type { ChatState } from '../src/state.ts'
import { gate, RUN, routeOf } from './chat-server.ts'
import type { Asked, Reply, TestServer } from './server.ts'
import { fold, tape } from './tapes.ts'

export const ANSWER = tape('answer').events
export const TEXT = fold(ANSWER).text
export const HALF = 'The water flüsst 🌊 '

/** The recorded answer up to and including the event `seq`; up to 11, its text is `HALF`. */
export function upTo(seq: number): StreamEvent[] {
  return ANSWER.filter((event) => event.seq <= seq)
}

/** A session whose frames come as soon as something changed. */
export function chat(server: TestServer, options: SessionOptions = {}): ChatSession {
  const schedule = { request: (flush: () => void) => queueMicrotask(flush), cancel: () => {} }
  const patience = { random: () => 0, wait: async () => {}, maxAttempts: 3 }
  return new ChatSession({ baseUrl: server.url, schedule, ...patience, ...options })
}

/** Resolves once the chat shows what `holds` asks for. */
export function shows(
  session: ChatSession,
  holds: (state: ChatState) => boolean,
): Promise<ChatState> {
  return new Promise((resolve) => {
    const look = () => {
      const state = session.getSnapshot()
      if (!holds(state)) return
      forget()
      resolve(state)
    }
    const forget = session.subscribe(look)
    look()
  })
}

export function streams({ streamingMessage }: ChatState): boolean {
  return streamingMessage?.status === 'streaming'
}

export function rests({ streamingMessage, messages }: ChatState): boolean {
  return streamingMessage === null && messages.length > 0
}

export function roles({ messages }: ChatState): string[][] {
  return messages.map(({ role, content, status }) => [role, content, status])
}

/** What was sent to a route, request by request. */
export function bodies(
  server: TestServer,
  route: ReturnType<typeof routeOf>,
): Record<string, unknown>[] {
  const asked = server.asked.filter((each) => routeOf(each) === route)
  return asked.map(({ body }) => JSON.parse(body))
}

/** Gives these events, then keeps the line open until it is let go. */
export function holding(events: readonly StreamEvent[]) {
  const { opened, open } = gate()
  const answering = async (_: Asked, reply: Reply) => {
    reply.stream(RUN)
    await reply.events(events)
    await opened
    reply.cut()
  }
  return { answering, letGo: open }
}
