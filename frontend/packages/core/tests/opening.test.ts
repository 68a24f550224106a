/** A chat that is opened goes on; one that is left stops nothing. */

import { describe, expect, test } from 'vitest'
import { chatServer, gate, RUN, stored } from './chat-server.ts'
import {
  ANSWER,
  bodies,
  chat,
  HALF,
  holding,
  rests,
  roles,
  shows,
  streams,
  TEXT,
  upTo,
} from './chatting.ts'
import { cursorOf } from './server.ts'
import { fold } from './tapes.ts'

describe('a conversation that is opened', () => {
  test('is shown, and goes on as the same one', async () => {
    const messages = [stored(1, 'user', 'Who?'), stored(2, 'assistant', 'The miller.')]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
    const session = chat(server)
    const opened = session.open(7)
    expect((await shows(session, ({ loading }) => loading)).conversationId).toBe(7)
    await opened
    await session.send('How?')
    const state = session.getSnapshot()
    expect(roles(state).map(([, content]) => content)).toEqual([
      'Who?',
      'The miller.',
      'How?',
      TEXT,
    ])
    expect(state.messages[0]?.createdAt).toBe('2026-01-02T03:04:05.000000Z')
    expect(bodies(server, 'start')[0]).toMatchObject({ conversation_id: 7 })
    expect(bodies(server, 'conversation')).toEqual([])
  })

  test('follows an answer that is being written, and never shows less than it had', async () => {
    const half = HALF
    const messages = [stored(11, 'user', 'How?'), stored(12, 'assistant', half, 'streaming')]
    let connections = 0
    await using server = await chatServer(ANSWER, {
      messages: (_, reply) => reply.json(messages),
      watch: async (asked, reply) => {
        connections += 1
        const rest = ANSWER.filter(({ seq }) => seq > cursorOf(asked))
        reply.stream(RUN)
        await reply.events(connections < 4 ? rest.slice(0, 4) : rest)
        reply.end()
      },
    })
    const session = chat(server)
    const shown: string[] = []
    session.subscribe(() => {
      const { streamingMessage } = session.getSnapshot()
      if (streamingMessage !== null) shown.push(streamingMessage.content)
    })
    await session.open(7)
    await shows(session, (state) => rests(state) && state.messages.length === 2)
    expect(shown.filter((text) => !text.startsWith(half))).toEqual([])
    expect(roles(session.getSnapshot())).toEqual([
      ['user', 'How?', 'completed'],
      ['assistant', TEXT, 'completed'],
    ])
    expect(session.getSnapshot().sessionId).toBe('session_1')
  })

  test('takes a question while it loads, and asks it after what was said before', async () => {
    const slow = gate()
    const messages = [stored(1, 'user', 'Who?'), stored(2, 'assistant', 'The miller.')]
    await using server = await chatServer(ANSWER, {
      messages: async (_, reply) => {
        await slow.opened
        reply.json(messages)
      },
    })
    const session = chat(server)
    void session.open(7)
    const done = session.send('How?')
    await shows(session, (state) => state.messages.length === 1)
    slow.open()
    await done
    const said = roles(session.getSnapshot()).map(([, content]) => content)
    expect(said).toEqual(['Who?', 'The miller.', 'How?', TEXT])
  })

  test('lets a failed answer be tried again', async () => {
    const failed = {
      ...stored(2, 'assistant', 'Half', 'failed'),
      error_message: 'The model slept.',
      outcome: 'failed',
      error_code: 'model_timeout',
    }
    const messages = [stored(1, 'user', 'Who?'), failed]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
    const session = chat(server)
    await session.open(7)
    const loaded = await shows(session, (state) => rests(state))
    expect(loaded.messages[1]?.error).toMatchObject({
      code: 'model_timeout',
      message: 'The model slept.',
    })
    await session.retry()
    expect(bodies(server, 'start')[0]).toMatchObject({ query: 'Who?', retry_of: RUN })
  })

  test('shows an answer that was not in the documents as one', async () => {
    const nothing = { ...stored(2, 'assistant', 'Nothing.'), outcome: 'insufficient_context' }
    const messages = [stored(1, 'user', 'Who?'), nothing]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
    const session = chat(server)
    await session.open(7)
    const loaded = await shows(session, (state) => rests(state))
    expect(loaded.messages[1]?.status).toBe('insufficient_context')
  })

  test('says so when it cannot be read', async () => {
    await using server = await chatServer(ANSWER, {
      messages: (_, reply) => reply.json({ detail: 'No.' }, 404),
    })
    const session = chat(server)
    await session.open(7)
    const state = await shows(session, ({ loading }) => !loading)
    expect([state.error?.code, state.messages]).toEqual(['not_found', []])
  })

  test('tells what led to an old answer when it is asked', async () => {
    const messages = [stored(11, 'user', 'How?'), stored(12, 'assistant', TEXT)]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
    const session = chat(server)
    await session.open(7)
    const [, answer] = (await shows(session, rests)).messages
    await session.loadRun(answer?.key ?? '')
    expect(session.getSnapshot().messages[1]?.run).toEqual(fold(ANSWER))
  })
})

describe('a chat that is left', () => {
  test('shows nothing of the run it left, and stops it not', async () => {
    const left = gate()
    await using server = await chatServer([], {
      start: async (_, reply) => {
        reply.stream(RUN)
        await reply.events(upTo(11))
        await reply.left()
        left.open()
      },
    })
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, streams)
    session.clear()
    await Promise.all([done, left.opened])
    const state = await shows(session, ({ messages }) => messages.length === 0)
    expect([state.streamingMessage, state.conversationId]).toEqual([null, null])
    expect(bodies(server, 'cancel')).toEqual([])
  })

  test('keeps what came when the session is closed, and goes on when it is asked to', async () => {
    await using server = await chatServer(ANSWER, { start: holding(upTo(11)).answering })
    const session = chat(server)
    const done = session.send('How?')
    await shows(session, ({ streamingMessage }) => streamingMessage?.run?.cursor?.seq === 11)
    session.close()
    await done
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', HALF, 'incomplete'])
    await session.retry()
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', TEXT, 'completed'])
  })

  test('lets go of the questions that still wait there', async () => {
    const held = holding(upTo(11))
    await using server = await chatServer(ANSWER, { start: held.answering })
    const session = chat(server)
    const first = session.send('One?')
    await shows(session, streams)
    const second = session.send('Two?')
    session.clear()
    await Promise.all([first, second])
    held.letGo()
    expect((await shows(session, ({ messages }) => messages.length === 0)).error).toBeNull()
    expect(bodies(server, 'start')).toHaveLength(1)
  })

  test('takes no answer of a conversation that came too late', async () => {
    const slow = gate()
    await using server = await chatServer(ANSWER, {
      messages: async ({ path }, reply) => {
        if (path.includes('/7/')) await slow.opened
        reply.json(path.includes('/7/') ? [stored(1, 'user', 'Old')] : [stored(2, 'user', 'New')])
      },
    })
    const session = chat(server)
    const first = session.open(7)
    await session.open(8)
    slow.open()
    await first
    expect(roles(await shows(session, rests)).map(([, content]) => content)).toEqual(['New'])
  })
})
