/** Whatever the line does, each event is given once, in order, and the end is told once. */

import { describe, expect, test } from 'vitest'
import { ChatStreamService } from '../src/ChatStreamService.ts'
import type { ChatError } from '../src/state.ts'
import { ANSWER, ask, cutAfter, RUN } from './asked.ts'
import { cursorOf, TestServer } from './server.ts'
import { fold, tape, tapes } from './tapes.ts'

describe.each(tapes())('$name', ({ events }) => {
  test('is the same run whichever event its line is cut after', async () => {
    for (let count = 0; count < events.length; count += 1) {
      await using server = await TestServer.open(cutAfter(events, [count]))
      const told = await ask(server.url)
      expect(told.events).toEqual(events)
      expect(told.ends).toEqual(['complete'])
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'POST /api/agent/chat/stream?dialect=native',
        `GET /api/agent/runs/${RUN}/events`,
      ])
      expect(server.asked[1]?.headers['last-event-id']).toBe(count ? `1-${count}` : undefined)
    }
  })
})

test('a line that is cut after every single event still gives the whole run', async () => {
  await using server = await TestServer.open(
    cutAfter(
      ANSWER,
      ANSWER.map(() => 1),
    ),
  )
  const told = await ask(server.url, { maxAttempts: 1 })
  expect(told.events).toEqual(ANSWER)
})

test('a line that is cut within an event gives that event once, when it is rejoined', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN)
    if (asked.method === 'GET') {
      await reply.events(ANSWER.filter(({ seq }) => seq > cursorOf(asked)))
      return reply.end()
    }
    const { bytes } = tape('answer')
    await reply.write(bytes.subarray(0, bytes.length / 2))
    reply.cut()
  })
  expect((await ask(server.url)).events).toEqual(ANSWER)
})

test('events that are sent again after a rejoin are given once', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN)
    await reply.events(asked.method === 'POST' ? ANSWER.slice(0, 9) : ANSWER)
    reply.end()
  })
  expect((await ask(server.url)).events).toEqual(ANSWER)
})

test('a response that ends without the end of its run is incomplete, once rejoining fails', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN)
    await reply.events(ANSWER.slice(0, 11).filter(({ seq }) => seq > cursorOf(asked)))
    reply.end()
  })
  const told = await ask(server.url, { maxAttempts: 5 })
  expect(told.ends).toEqual(['incomplete_stream'])
  expect(fold(told.events).text).toBe('The water flüsst 🌊 ')
  expect(server.asked).toHaveLength(1 + 5)
})

test('a response whose time is up is rejoined at once, and nobody is told', async () => {
  const waits: number[] = []
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN, 'retry: 1000\n\n')
    const from = cursorOf(asked)
    await reply.events(ANSWER.filter(({ seq }) => seq > from).slice(0, from === 0 ? 2 : undefined))
    if (from === 0) await reply.write(': rejoin\n\nretry: 100\n\n')
    reply.end()
  })
  const states: string[] = []
  const service = new ChatStreamService({
    baseUrl: server.url,
    wait: async (ms) => {
      waits.push(ms)
    },
  })
  const result = await service.watch(RUN, {
    onEvent: () => {},
    onConnection: (state) => states.push(state),
  })
  expect(result).toBe('complete')
  expect(waits).toEqual([100])
  expect(states).toEqual(['connecting', 'live', 'live'])
})

test('a line that lives on heartbeats alone is never given up', async () => {
  let rejoined = 0
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN)
    if (asked.method === 'GET') rejoined += 1
    if (rejoined < 10) await reply.write(':\n\n')
    else await reply.events(ANSWER)
    reply.end()
  })
  expect((await ask(server.url, { maxAttempts: 2 })).ends).toEqual(['complete'])
})

test('a run with nothing left after the cursor is complete', async () => {
  await using server = await TestServer.open((_, reply) => reply.empty(204))
  const service = new ChatStreamService({ baseUrl: server.url })
  const after = { gen: 1, seq: 16 }
  expect(await service.watch(RUN, { after, onEvent: () => {} })).toBe('complete')
  expect(server.asked[0]?.headers['last-event-id']).toBe('1-16')
})

test.each([401, 403, 404, 410, 422])('%i while rejoining is final', async (status) => {
  await using server = await TestServer.open(async (asked, reply) => {
    if (asked.method === 'GET') return reply.json({ code: 'gone', detail: 'No.' }, status)
    reply.stream(RUN)
    await reply.events(ANSWER.slice(0, 3))
    reply.cut()
  })
  const told = await ask(server.url)
  expect([told.ends, told.events.length, server.asked.length]).toEqual([['gone'], 3, 2])
})

test.each([429, 503])(
  '%i while rejoining is waited out as long as the server asks',
  async (status) => {
    let refused = false
    await using server = await TestServer.open(async (asked, reply) => {
      const isSecond = asked.method === 'GET' && !refused
      if (isSecond) {
        refused = true
        return reply.json({ detail: 'Later.' }, status, { 'retry-after': '7' })
      }
      await cutAfter(ANSWER, asked.method === 'POST' ? [3] : [])(asked, reply)
    })
    const told = await ask(server.url)
    expect([told.ends, told.waits]).toEqual([['complete'], [0, 7000]])
  },
)

test('the waits grow with chance up to eight seconds, and never below what the server asks', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    if (asked.method === 'GET') return reply.json({}, 500)
    reply.stream(RUN, 'retry: 700\n\n')
    await reply.events(ANSWER.slice(0, 3))
    reply.cut()
  })
  const told = await ask(server.url, { random: () => 1, maxAttempts: 6 })
  expect(told.waits).toEqual([700, 1000, 2000, 4000, 8000, 8000])
})

test('a start whose answer got lost is asked again under the same key', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    if (server.asked.length < 3) return reply.cut()
    await cutAfter(ANSWER, [])(asked, reply)
  })
  const told = await ask(server.url)
  const keys = new Set(server.asked.map(({ headers }) => headers['idempotency-key']))
  expect(told.ends).toEqual(['complete'])
  expect([server.asked.length, keys.size]).toEqual([3, 1])
  expect([...keys][0]).toMatch(/^[0-9a-f-]{36}$/)
})

test('two starts have two keys', async () => {
  await using server = await TestServer.open(cutAfter(ANSWER, []))
  await ask(server.url)
  await ask(server.url)
  expect(new Set(server.asked.map(({ headers }) => headers['idempotency-key'])).size).toBe(2)
})

test('a server that is not there is told to the caller after a few tries', async () => {
  const server = await TestServer.open(() => {})
  const { url } = server
  await server[Symbol.asyncDispose]()
  const told = await ask(url)
  expect([told.ends, told.waits.length]).toEqual([['no_connection'], 3])
})

test('a start that is refused is told at once, with when to try again', async () => {
  await using server = await TestServer.open((_, reply) =>
    reply.json({ detail: 'Too many.' }, 429, { 'retry-after': '9' }),
  )
  const errors: ChatError[] = []
  const service = new ChatStreamService({ baseUrl: server.url })
  await service.sendStreamMessage(
    { query: 'How?' },
    () => {},
    (error) => errors.push(error),
  )
  const said = { code: 'too_many_runs', message: 'Too many.', retryable: true, retryAfterS: 9 }
  expect(errors).toEqual([said])
  expect(server.asked).toHaveLength(1)
})

test('a line without a byte for too long is rejoined', async () => {
  await using server = await TestServer.open(async (asked, reply) => {
    reply.stream(RUN)
    await reply.events(ANSWER.filter(({ seq }) => seq > cursorOf(asked)).slice(0, 9))
    if (asked.method === 'POST')
      await reply.left() // says nothing more
    else reply.end()
  })
  expect((await ask(server.url, { silenceMs: 30 })).events).toEqual(ANSWER)
})

test('the run id is told once, and the connection as it changes', async () => {
  await using server = await TestServer.open(cutAfter(ANSWER, [4, 0]))
  const said: string[] = []
  const service = new ChatStreamService({ baseUrl: server.url, wait: async () => {} })
  await service.sendStreamMessage({ query: 'How?' }, () => {}, undefined, undefined, {
    onRunId: (id) => said.push(id),
    onConnection: (state, attempt) => said.push(`${state} ${attempt}`),
  })
  expect(said).toEqual([
    'connecting 0',
    RUN,
    'live 0',
    'reconnecting 1',
    'live 1',
    'reconnecting 2',
    'live 2',
  ])
})

test('what a caller throws is not taken for a lost line', async () => {
  await using server = await TestServer.open(cutAfter(ANSWER, []))
  const service = new ChatStreamService({ baseUrl: server.url })
  const onEvent = () => {
    throw new Error('mine')
  }
  await expect(service.watch(RUN, { onEvent })).rejects.toThrow('mine')
  expect(server.asked).toHaveLength(1)
})

test('abort while waiting to rejoin ends at once', async () => {
  await using server = await TestServer.open(cutAfter(ANSWER, [5]))
  const controller = new AbortController()
  const service = new ChatStreamService({ baseUrl: server.url, random: () => 1 })
  const onConnection = (state: string) => {
    if (state === 'reconnecting') controller.abort()
  }
  const result = await service.watch(RUN, {
    onEvent: () => {},
    onConnection,
    signal: controller.signal,
  })
  expect(result).toBe('aborted')
  expect(server.asked).toHaveLength(1)
})

test('abort ends every run a service follows, and the service can be used again', async () => {
  await using server = await TestServer.open(async (_, reply) => {
    reply.stream(RUN)
    await reply.events(ANSWER.slice(0, 3))
    if (server.asked.length > 2) await reply.events(ANSWER.slice(3))
  })
  const service = new ChatStreamService({ baseUrl: server.url })
  let live = 0
  const watch = () =>
    service.watch(RUN, {
      onEvent: ({ seq }) => {
        if (seq !== 3) return
        live += 1
        if (live === 2) service.abort()
      },
    })
  expect(await Promise.all([watch(), watch()])).toEqual(['aborted', 'aborted'])
  expect(await watch()).toBe('complete')
})

test('a stop and an answer go to their run, with what they carry', async () => {
  await using server = await TestServer.open((_, reply) => reply.json({}))
  const service = new ChatStreamService({
    baseUrl: `${server.url}/`,
    headers: () => ({ 'x-api-key': 'k' }),
  })
  await service.cancel(RUN)
  await service.answer(RUN, '1', 'upper')
  expect(server.asked.map(({ method, path, body }) => [method, path, body])).toEqual([
    ['POST', `/api/agent/runs/${RUN}/cancel`, '{}'],
    ['POST', `/api/agent/runs/${RUN}/input`, '{"request_id":"1","text":"upper"}'],
  ])
  expect(server.asked.every(({ headers }) => headers['x-api-key'] === 'k')).toBe(true)
})
