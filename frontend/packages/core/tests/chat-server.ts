/** The routes of a chat, each with an answer that a test can change. */

import type { StreamEvent } from '../src/protocol/events.generated.ts'
import { type Answering, type Asked, cursorOf, TestServer } from './server.ts'

export const RUN = '01jd8q4w7n3k5m9p2r6t8v0x1z'

/** What each route answers. */
export interface Routes {
  readonly conversation: Answering
  readonly messages: Answering
  readonly start: Answering
  readonly watch: Answering
  readonly cancel: Answering
  readonly input: Answering
}

/** Serves `events` to whoever starts a run or watches one. */
export function serving(events: readonly StreamEvent[]): Answering {
  return async (asked, reply) => {
    reply.stream(RUN)
    await reply.events(events.filter(({ seq }) => seq > cursorOf(asked)))
    reply.end()
  }
}

/** A server with a chat's routes; what is not given answers as one where all is well. */
export function chatServer(events: readonly StreamEvent[], own: Partial<Routes> = {}) {
  const routes: Routes = {
    conversation: (_, reply) => reply.json({ id: 1 }),
    messages: (_, reply) => reply.json([]),
    start: serving(events),
    watch: serving(events),
    cancel: (_, reply) => reply.json({}),
    input: (_, reply) => reply.json({}),
    ...own,
  }
  return TestServer.open((asked, reply) => routes[routeOf(asked)](asked, reply))
}

export function routeOf({ method, path }: Asked): keyof Routes {
  if (path.startsWith('/api/agent/chat/stream')) return 'start'
  if (path.endsWith('/messages')) return 'messages'
  if (path.endsWith('/events')) return 'watch'
  if (path.endsWith('/cancel')) return 'cancel'
  if (path.endsWith('/input')) return 'input'
  if (method === 'POST' && path.endsWith('/conversations')) return 'conversation'
  throw new Error(`nobody serves ${method} ${path}`)
}

/** A promise that a test settles. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** A message as the server has stored it. */
export function stored(
  id: number,
  role: 'user' | 'assistant',
  content: string,
  status = 'completed',
) {
  return {
    id,
    conversation_id: 7,
    role,
    content,
    status,
    run_id: RUN,
    error_message: '',
    outcome: null,
    error_code: null,
    created_at: '2026-01-02 03:04:05.000000',
  }
}
