/** To try again loses nothing, and asks nothing twice. */

import { describe, expect, test } from 'vitest'
import { chatServer, RUN, routeOf, serving } from './chat-server.ts'
import { ANSWER, bodies, chat, HALF, roles, TEXT, upTo } from './chatting.ts'
import { tape } from './tapes.ts'

describe('a retry', () => {
  test('of a failed answer asks the same question again, and shows it once', async () => {
    const failed = tape('failure-within-the-text').events
    const starts = [serving(failed), serving(ANSWER)]
    await using server = await chatServer(ANSWER, {
      start: (asked, reply) => starts.shift()?.(asked, reply),
    })
    const session = chat(server)
    await session.send('How?', { documentId: 7 })
    await session.retry()
    expect(roles(session.getSnapshot())).toEqual([
      ['user', 'How?', 'completed'],
      ['assistant', 'Half an answer', 'failed'],
      ['assistant', TEXT, 'completed'],
    ])
    const [first, second] = bodies(server, 'start')
    expect(second).toEqual({ ...first, retry_of: RUN, session_id: 'session_1' })
    expect(session.getSnapshot().error).toBeNull()
  })

  test('of a question the server may not have got asks under the same key', async () => {
    let isThere = false
    await using server = await chatServer(ANSWER, {
      start: (asked, reply) => (isThere ? serving(ANSWER)(asked, reply) : reply.cut()),
    })
    const session = chat(server)
    await session.send('How?')
    expect(session.getSnapshot().error?.code).toBe('no_connection')
    expect(session.getSnapshot().connection.state).toBe('lost')
    isThere = true
    await session.retry()
    expect(roles(session.getSnapshot())).toEqual([
      ['user', 'How?', 'completed'],
      ['assistant', TEXT, 'completed'],
    ])
    const starts = server.asked.filter((asked) => routeOf(asked) === 'start')
    expect(new Set(starts.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(new Set(starts.map(({ body }) => body)).size).toBe(1)
  })

  test('of an incomplete answer goes on where it broke off', async () => {
    let isWhole = false
    await using server = await chatServer(ANSWER, {
      start: serving(upTo(11)),
      watch: (asked, reply) => serving(isWhole ? ANSWER : [])(asked, reply),
    })
    const session = chat(server)
    await session.send('How?')
    const half = session.getSnapshot()
    expect(roles(half)[1]).toEqual(['assistant', HALF, 'incomplete'])
    expect(half.error?.code).toBe('incomplete_stream')
    isWhole = true
    await session.retry()
    expect(roles(session.getSnapshot())).toEqual([
      ['user', 'How?', 'completed'],
      ['assistant', TEXT, 'completed'],
    ])
    expect(bodies(server, 'start')).toHaveLength(1)
    expect(server.asked.at(-1)?.headers['last-event-id']).toBe('1-11')
    expect(session.getSnapshot().messages[1]?.key).toBe(half.messages[1]?.key)
  })

  test('that is asked for twice is made once', async () => {
    const starts = [serving(tape('failure-within-the-text').events)]
    await using server = await chatServer(ANSWER, {
      start: (asked, reply) => (starts.shift() ?? serving(ANSWER))(asked, reply),
    })
    const session = chat(server)
    await session.send('How?')
    await Promise.all([session.retry(), session.retry()])
    expect(bodies(server, 'start')).toHaveLength(2)
    expect(session.getSnapshot().messages).toHaveLength(3)
  })

  test('of an answer that came to a good end does nothing', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server)
    await session.send('How?')
    await session.retry()
    expect(bodies(server, 'start')).toHaveLength(1)
  })
})
