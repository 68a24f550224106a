/** A question put through the service, and everything its caller is told. */

import { ChatStreamService, type ServiceOptions } from '../src/ChatStreamService.ts'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import type { ChatError } from '../src/state.ts'
import { type Answering, cursorOf } from './server.ts'
import { tape } from './tapes.ts'

export const RUN = '01jd8q4w7n3k5m9p2r6t8v0x1z'
export const ANSWER = tape('answer').events

/** Everything a caller of the seed's `sendStreamMessage` is told. */
interface Told {
  readonly events: StreamEvent[]
  readonly ends: ('complete' | ChatError['code'])[]
  readonly waits: number[]
}

export async function ask(url: string, options: ServiceOptions = {}): Promise<Told> {
  const told: Told = { events: [], ends: [], waits: [] }
  const service = new ChatStreamService({
    baseUrl: url,
    random: () => 0,
    wait: async (ms) => {
      told.waits.push(ms)
    },
    ...options,
  })
  await service.sendStreamMessage(
    { query: 'How?' },
    (event) => told.events.push(event),
    (error) => told.ends.push(error.code),
    () => told.ends.push('complete'),
  )
  return told
}

/** Serves a run, and lets each connection give at most so many events before it is cut. */
export function cutAfter(events: readonly StreamEvent[], counts: readonly number[]): Answering {
  let connection = 0
  return async (asked, reply) => {
    const rest = events.filter(({ seq }) => seq > cursorOf(asked))
    const count = counts[connection] ?? rest.length
    connection += 1
    reply.stream(RUN)
    await reply.events(rest.slice(0, count))
    if (count < rest.length) reply.cut()
    else reply.end()
  }
}
