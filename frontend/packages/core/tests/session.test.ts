/** A chat shows what happened: nothing vanishes, doubles or mixes. */

import { describe, expect, test } from 'vitest'
import { ManualFrames } from '../src/frames.ts'
import { chatServer, RUN, routeOf, serving } from './chat-server.ts'
import { ANSWER, bodies, chat, holding, roles, shows, streams, TEXT, upTo } from './chatting.ts'
import { fold, tapes } from './tapes.ts'

const CHUNKS = ANSWER.filter(({ type }) => type === 'stream_chunk').map(({ seq }) => seq)

describe('a question', () => {
  test('is shown at once, and answered', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server)
    const done = session.send('How?')
    const asked = await shows(session, ({ messages }) => messages.length > 0)
    expect(roles(asked)).toEqual([['user', 'How?', 'sending']])
    expect(asked.streamingMessage).toMatchObject({
      role: 'assistant',
      content: '',
      status: 'pending',
    })
    await done
    const state = session.getSnapshot()
    expect(roles(state)).toEqual([
      ['user', 'How?', 'completed'],
      ['assistant', TEXT, 'completed'],
    ])
    expect(state.messages.map(({ id, runId }) => [id, runId])).toEqual([
      [11, RUN],
      [12, RUN],
    ])
    expect(state.messages[1]?.run).toEqual(fold(ANSWER))
    const rest = { currentStage: null, progress: null, error: null, streamingMessage: null }
    expect(state).toMatchObject({ ...rest, conversationId: 1, sessionId: 'session_1' })
    expect(state.connection.state).toBe('idle')
  })

  test('carries its conversation and what it is about, and no history', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server, { interactive: true })
    await session.send('How?', { documentId: 7, selection: 'the mill' })
    await session.send('And then?')
    expect(bodies(server, 'conversation')).toEqual([{ page_name: 'home' }])
    expect(bodies(server, 'start')).toEqual([
      {
        query: 'How?',
        conversation_id: 1,
        interactive: true,
        context: { document_id: 7, selected_content: 'the mill' },
      },
      {
        query: 'And then?',
        conversation_id: 1,
        session_id: 'session_1',
        interactive: true,
        context: {},
      },
    ])
  })

  test('that is asked while another is answered waits, and stands in its place', async () => {
    const held = holding(upTo(11))
    const starts = [held.answering, serving(ANSWER)]
    await using server = await chatServer(ANSWER, {
      start: (asked, reply) => starts.shift()?.(asked, reply),
    })
    const session = chat(server)
    const first = session.send('One?')
    await shows(session, streams)
    const second = session.send('Two?')
    const both = await shows(session, ({ messages }) => messages.length === 2)
    expect(roles(both).map(([, content]) => content)).toEqual(['One?', 'Two?'])
    held.letGo()
    await Promise.all([first, second])
    expect(roles(session.getSnapshot()).map(([, content]) => content)).toEqual([
      'One?',
      TEXT,
      'Two?',
      TEXT,
    ])
  })

  test('that cannot be sent says so, and keeps its text', async () => {
    await using server = await chatServer(ANSWER, {
      start: (_, reply) => reply.json({ detail: 'Too many.' }, 429, { 'retry-after': '5' }),
    })
    const session = chat(server)
    await session.send('How?')
    const state = session.getSnapshot()
    expect(roles(state)).toEqual([
      ['user', 'How?', 'failed'],
      ['assistant', '', 'failed'],
    ])
    expect(state.error).toMatchObject({ code: 'too_many_runs', retryAfterS: 5 })
  })
})

describe.each(tapes())('the run $name', ({ events }) => {
  test('shows only chunks as its text, all of them, and ends as it ended', async () => {
    await using server = await chatServer(events)
    const session = chat(server)
    const shown = new Set<string>()
    session.subscribe(() => shown.add(session.getSnapshot().streamingMessage?.content ?? ''))
    await session.send('How?')
    const run = fold(events)
    const legal = new Set(events.map((_, at) => fold(events.slice(0, at + 1)).text))
    expect([...shown].filter((text) => !legal.has(text))).toEqual([])
    const [, answer] = session.getSnapshot().messages
    expect(answer).toMatchObject({
      content: run.text,
      error: run.error,
      run: { status: run.status },
    })
    expect(session.getSnapshot().error).toEqual(run.error)
  })
})

test('however much happens, it is shown once a frame', async () => {
  await using server = await chatServer(ANSWER)
  const frames = new ManualFrames()
  const session = chat(server, { schedule: frames })
  const before = session.getSnapshot()
  let told = 0
  session.subscribe(() => {
    told += 1
  })
  await session.send('How?')
  expect(session.getSnapshot()).toBe(before)
  expect(told).toBe(0)
  expect(frames.next()).toBe(true)
  expect(told).toBe(1)
  expect(session.getSnapshot().messages).toHaveLength(2)
  expect(frames.next()).toBe(false)
})

test('to make a session asks nothing of the server', async () => {
  await using server = await chatServer(ANSWER)
  chat(server).close()
  expect(server.asked).toEqual([])
})

describe('a text that is not the one that was written', () => {
  const lossy = ANSWER.filter(({ seq }) => seq !== CHUNKS[1])

  test('is read again from its start, and shown whole', async () => {
    await using server = await chatServer(ANSWER, { start: serving(lossy) })
    const session = chat(server)
    await session.send('How?')
    expect(session.getSnapshot().messages[1]).toMatchObject({ content: TEXT, error: null })
    expect(server.asked.filter((asked) => routeOf(asked) === 'watch')).toHaveLength(1)
  })

  test('is noticed by its hash alone', async () => {
    const altered = ANSWER.map((event) =>
      event.seq === CHUNKS[1] ? { ...event, content: event.content.replace('ü', 'u') } : event,
    )
    await using server = await chatServer(ANSWER, { start: serving(altered) })
    const session = chat(server)
    await session.send('How?')
    expect(session.getSnapshot().messages[1]?.content).toBe(TEXT)
  })

  test('stays on the screen, marked as damaged, where it cannot be mended', async () => {
    await using server = await chatServer(lossy)
    const session = chat(server)
    await session.send('How?')
    const [, answer] = session.getSnapshot().messages
    expect(answer).toMatchObject({ content: 'The water away, "it" says.\n', status: 'completed' })
    expect([answer?.run?.damaged, answer?.error?.code]).toEqual([true, 'damaged_stream'])
  })
})
