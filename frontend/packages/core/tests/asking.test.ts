/** A run may ask its user, and goes on with the answer. */

import { describe, expect, test } from 'vitest'
import { chatServer, gate, RUN } from './chat-server.ts'
import { bodies, chat, holding, roles, shows } from './chatting.ts'
import { tape } from './tapes.ts'

describe('a run that asks its user', () => {
  const ASKING = tape('an-input-that-was-answered').events

  test('goes on with the answer', async () => {
    const answered = gate()
    await using server = await chatServer([], {
      start: async (_, reply) => {
        reply.stream(RUN)
        await reply.events(ASKING.slice(0, 3))
        await answered.opened
        await reply.events(ASKING.slice(3))
        reply.end()
      },
      input: (_, reply) => {
        answered.open()
        reply.json({})
      },
    })
    const session = chat(server, { interactive: true })
    const done = session.send('How?')
    const asks = await shows(session, (state) => Boolean(state.streamingMessage?.run?.inputRequest))
    expect(asks.streamingMessage?.run?.status).toBe('input_required')
    await session.answer('upper')
    await done
    expect(bodies(server, 'input')).toEqual([{ request_id: '1', text: 'upper' }])
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', 'The upper one.', 'completed'])
  })

  test('still asks when the answer did not arrive', async () => {
    const held = holding(ASKING.slice(0, 3))
    await using server = await chatServer([], {
      start: held.answering,
      input: (_, reply) => reply.json({ code: 'input_expired', detail: 'Late.' }, 409),
    })
    const session = chat(server)
    void session.send('How?')
    await shows(session, (state) => Boolean(state.streamingMessage?.run?.inputRequest))
    await session.answer('upper')
    const state = await shows(session, ({ error }) => error !== null)
    expect(state.error?.code).toBe('input_expired')
    expect(state.streamingMessage?.run?.inputRequest?.requestId).toBe('1')
    session.close()
    held.letGo()
  })
})
