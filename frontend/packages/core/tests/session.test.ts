/** A chat shows what happened: nothing vanishes, doubles or mixes. */

import { describe, expect, test } from 'vitest'
import { ChatSession, type SessionOptions } from '../src/ChatSession.ts'
import { ManualFrames } from '../src/frames.ts'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import type { ChatState } from '../src/state.ts'
import { chatServer, gate, RUN, routeOf, serving, stored } from './chat-server.ts'
import type { Asked, Reply, TestServer } from './server.ts'
import { fold, tape, tapes } from './tapes.ts'

const ANSWER = tape('answer').events
const CANCELLED = tape('interrupt-within-the-text').events
const TEXT = fold(ANSWER).text
const CHUNKS = ANSWER.filter(({ type }) => type === 'stream_chunk').map(({ seq }) => seq)
const upTo = (seq: number) => ANSWER.filter((event) => event.seq <= seq)

/** A session whose frames come as soon as something changed. */
function chat(server: TestServer, options: SessionOptions = {}): ChatSession {
  const schedule = { request: (flush: () => void) => queueMicrotask(flush), cancel: () => {} }
  const patience = { random: () => 0, wait: async () => {}, maxAttempts: 3 }
  return new ChatSession({ baseUrl: server.url, schedule, ...patience, ...options })
}

/** Resolves once the chat shows what `holds` asks for. */
function shows(session: ChatSession, holds: (state: ChatState) => boolean): Promise<ChatState> {
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

const streams = ({ streamingMessage }: ChatState) => streamingMessage?.status === 'streaming'
const rests = ({ streamingMessage, messages }: ChatState) =>
  streamingMessage === null && messages.length > 0

function roles({ messages }: ChatState) {
  return messages.map(({ role, content, status }) => [role, content, status])
}

function bodies(server: TestServer, route: ReturnType<typeof routeOf>): Record<string, unknown>[] {
  return server.asked
    .filter((asked) => routeOf(asked) === route)
    .map(({ body }) => JSON.parse(body))
}

/** Gives these events, then keeps the line open until it is let go. */
function holding(events: readonly StreamEvent[]) {
  const { opened, open } = gate()
  const answering = async (_: Asked, reply: Reply) => {
    reply.stream(RUN)
    await reply.events(events)
    await opened
    reply.cut()
  }
  return { answering, letGo: open }
}

describe('a question', () => {
  test('is shown at once, and answered', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server)
    const done = session.send('How?')
    expect(roles(await shows(session, rests))).toEqual([['user', 'How?', 'sending']])
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
    expect(roles(half)[1]).toEqual(['assistant', 'The water flüsst 🌊 ', 'incomplete'])
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

  test('of an answer that came to a good end does nothing', async () => {
    await using server = await chatServer(ANSWER)
    const session = chat(server)
    await session.send('How?')
    await session.retry()
    expect(bodies(server, 'start')).toHaveLength(1)
  })
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
    const half = 'The water flüsst 🌊 '
    const messages = [stored(11, 'user', 'How?'), stored(12, 'assistant', half, 'streaming')]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
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

  test('lets a failed answer be tried again', async () => {
    const failed = {
      ...stored(2, 'assistant', 'Half', 'failed'),
      error_message: 'The model slept.',
    }
    const messages = [stored(1, 'user', 'Who?'), failed]
    await using server = await chatServer(ANSWER, { messages: (_, reply) => reply.json(messages) })
    const session = chat(server)
    await session.open(7)
    const loaded = await shows(session, (state) => rests(state))
    expect(loaded.messages[1]?.error?.message).toBe('The model slept.')
    await session.retry()
    expect(bodies(server, 'start')[0]).toMatchObject({ query: 'Who?', retry_of: RUN })
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
    expect(roles(session.getSnapshot())[1]).toEqual([
      'assistant',
      'The water flüsst 🌊 ',
      'incomplete',
    ])
    await session.retry()
    expect(roles(session.getSnapshot())[1]).toEqual(['assistant', TEXT, 'completed'])
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
