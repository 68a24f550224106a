/** A stop really stops, whenever it comes, and takes nothing that was written. */

import { describe, expect, test } from 'vitest'
import { chatServer, gate, RUN } from './chat-server.ts'
import { ANSWER, bodies, chat, roles, shows, streams, TEXT, upTo } from './chatting.ts'
import type { Asked, Reply } from './server.ts'
import { tape } from './tapes.ts'

const CANCELLED = tape('interrupt-within-the-text').events

describe('a stop', () => {
  /** A run that goes on until it is cancelled. */
  function cancellable(cancelled = gate()) {
    return {
      start: async (_: Asked, reply: Reply) => {
        reply.stream(RUN)
        await reply.events(CANCELLED.slice(0, -1))
        await cancelled.opened
        await reply.events(CANCELLED.slice(-1))
        reply.end()
      },
      cancel: (_: Asked, reply: Reply) => {
        cancelled.open()
        reply.json({})
      },
    }
  }

  test('is shown at once, and keeps what was written', async () => {
    await using server = await chatServer([], cancellable())
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, ({ streamingMessage }) => streamingMessage?.content === 'Half an answer')
    const stopped = session.stop()
    const state = await shows(session, (each) => each.streamingMessage?.status === 'cancelled')
    expect(state.streamingMessage?.content).toBe('Half an answer')
    await Promise.all([done, stopped])
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', 'Half an answer', 'cancelled'])
    expect(session.getSnapshot().error).toBeNull()
  })

  test('stays a stop while the last of the text comes in', async () => {
    const asked = gate()
    const shown = gate()
    const rest = CANCELLED.findLastIndex(({ type }) => type === 'stream_chunk')
    await using server = await chatServer([], {
      start: async (_, reply) => {
        reply.stream(RUN)
        await reply.events(CANCELLED.slice(0, rest))
        await asked.opened
        await reply.events(CANCELLED.slice(rest, -1))
        await shown.opened
        await reply.events(CANCELLED.slice(-1))
        reply.end()
      },
      cancel: (_, reply) => {
        asked.open()
        reply.json({})
      },
    })
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, streams)
    void session.stop()
    const state = await shows(
      session,
      (each) => each.streamingMessage?.content === 'Half an answer',
    )
    expect(state.streamingMessage?.status).toBe('cancelled')
    shown.open()
    await done
  })

  test('before the run has a name is carried out as soon as it has one', async () => {
    const asked = gate()
    const answered = gate()
    const { start, cancel } = cancellable()
    await using server = await chatServer([], {
      cancel,
      start: async (request, reply) => {
        asked.open()
        await answered.opened
        await start(request, reply)
      },
    })
    const session = chat(server)
    const done = session.send('How?')
    await asked.opened
    void session.stop()
    void session.stop()
    await shows(session, ({ streamingMessage }) => streamingMessage?.status === 'cancelled')
    answered.open()
    await done
    expect(roles(session.getSnapshot())[1]?.[2]).toBe('cancelled')
    expect(bodies(server, 'cancel')).toHaveLength(1)
  })

  test('is carried out where a page may not read the header that has the name', async () => {
    const { start, cancel } = cancellable()
    const answered = gate()
    const asked = gate()
    await using server = await chatServer([], {
      cancel,
      start: async (request, reply) => {
        asked.open()
        await answered.opened
        await start(request, reply)
      },
    })
    const hiding: typeof fetch = async (input, init) => {
      const { body, status, headers } = await fetch(input, init)
      const shown = new Headers(headers)
      shown.delete('x-run-id')
      return new Response(status === 204 ? null : body, { status, headers: shown })
    }
    const session = chat(server, { fetch: hiding })
    const done = session.send('How?')
    await asked.opened
    void session.stop()
    answered.open()
    await done
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', 'Half an answer', 'cancelled'])
  })

  test('in the same breath as its question starts no run', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server)
    const done = session.send('How?')
    void session.stop()
    await done
    expect(roles(session.getSnapshot()).map(([, , status]) => status)).toEqual([
      'cancelled',
      'cancelled',
    ])
    expect(bodies(server, 'start')).toEqual([])
  })

  test('before there is a conversation starts no run at all', async () => {
    const answered = gate()
    await using server = await chatServer(ANSWER, {
      conversation: async (_, reply) => {
        await answered.opened
        reply.json({ id: 1 })
      },
    })
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, ({ streamingMessage }) => streamingMessage !== null)
    void session.stop()
    answered.open()
    await done
    expect(roles(session.getSnapshot())).toEqual([
      ['user', 'How?', 'cancelled'],
      ['assistant', '', 'cancelled'],
    ])
    expect(bodies(server, 'start')).toEqual([])
  })

  test('while the line is cut is carried out once it is back', async () => {
    const cancelled = gate()
    const { start } = cancellable(cancelled)
    let isBack = false
    await using server = await chatServer([], {
      start: async (_, reply) => {
        reply.stream(RUN)
        await reply.events(CANCELLED.slice(0, -1))
      },
      watch: start,
      cancel: (_, reply) => {
        if (!isBack) return reply.cut()
        cancelled.open()
        reply.json({})
      },
    })
    const session = chat(server, {
      silenceMs: 200,
      wait: async () => {
        isBack = true
      },
    })
    const done = session.send('How?')
    await shows(session, streams)
    await session.stop()
    await done
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', 'Half an answer', 'cancelled'])
  })

  test('that the server refuses is told, and the answer goes on', async () => {
    const refused = gate()
    await using server = await chatServer([], {
      start: async (_, reply) => {
        reply.stream(RUN)
        await reply.events(upTo(11))
        await refused.opened
        await reply.events(ANSWER.filter(({ seq }) => seq > 11))
        reply.end()
      },
      cancel: (_, reply) => reply.json({ code: 'internal', detail: 'No.' }, 500),
    })
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, streams)
    await session.stop()
    const state = await shows(session, ({ error }) => error !== null)
    expect([state.error?.code, state.streamingMessage?.status]).toEqual(['internal', 'streaming'])
    refused.open()
    await done
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', TEXT, 'completed'])
  })
})
