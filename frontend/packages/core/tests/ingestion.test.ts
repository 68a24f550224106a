/** What an ingestion amounts to, and how it is followed. */

import { expect, test } from 'vitest'
import {
  IngestionSession,
  incompleteIngestion,
  initialIngestion,
  ManualFrames,
  reduceIngestion,
} from '../src/index.ts'
import { endedAs, ingesting, told } from './ingesting.ts'
import { cursorOf, TestServer } from './server.ts'

const DONE = endedAs('stream_complete', 'completed', 'answered')
const BAD = { source: '/n/bad.pdf', status: 'failed', reason: 'It is encrypted.' }

const fold = (...steps: Record<string, unknown>[]) =>
  ingesting(steps).reduce(reduceIngestion, initialIngestion())

test('counts, phase and place are those told last', () => {
  const now = fold(
    told({ phase: 'finding', found: 3 }, [], 0),
    told({ phase: 'reading', done: 2, searchable: 1, failed: 1, path: '/n/c.md' }, [BAD], 0.6),
  )
  expect(now).toMatchObject({
    ...{ runId: 'r1', status: 'running', phase: 'reading', progress: 0.6, path: '/n/c.md' },
    counts: { found: 3, done: 2, searchable: 1, failed: 1, skipped: 0, piecesEmbedded: 0 },
    files: [
      { source: '/n/bad.pdf', status: 'failed', reason: 'It is encrypted.', documentId: null },
    ],
  })
})

test('a file that is read after all is no longer told of, nor one twice', () => {
  const good = { source: '/n/bad.pdf', status: 'searchable', document_id: 3 }
  expect(fold(told({}, [BAD]), told({}, [BAD])).files).toHaveLength(1)
  expect(fold(told({}, [BAD]), told({}, [good])).files).toEqual([])
})

test('of endless failures some are kept, and the rest is counted', () => {
  const many = (from: number) =>
    Array.from({ length: 400 }, (_, at) => ({ ...BAD, source: `/n/${from + at}` }))
  const { files, more } = fold(told({}, many(0)), told({}, many(400)))
  expect([files.length, more]).toEqual([500, 300])
  expect(files[0]?.source).toBe('/n/0')
})

test('it ends completed, cancelled or failed, and nothing counts after that', () => {
  const sum = { type: 'stream_chunk', content: '2 were read.', metadata: { index: 0, offset: 0 } }
  expect(fold(sum, DONE, told({ found: 9 }))).toMatchObject({
    ...{ status: 'completed', text: '2 were read.', phase: null, counts: { found: 0 } },
  })
  expect(fold(endedAs('interrupted', 'cancelled', 'cancelled')).status).toBe('cancelled')
  const error = { code: 'storage_full', message: 'Full.', retryable: true }
  expect(fold(endedAs('fail', 'failed', 'failed', { error }))).toMatchObject({
    ...{ status: 'failed', error: { code: 'storage_full', retryAfterS: null } },
  })
  expect(incompleteIngestion(fold()).status).toBe('incomplete')
  expect(incompleteIngestion(fold(DONE)).status).toBe('completed')
})

test('nonsense in its facts is nothing', () => {
  const odd = told({ phase: 'sleeping', found: 'many', path: 7 }, [{ source: 1 }])
  const { phase, path, counts, files } = fold(odd)
  expect([phase, path, counts.found, files]).toEqual([null, '', 0, []])
})

test('it is started, followed across a lost line, and told of once a frame', async () => {
  const events = ingesting([told({ phase: 'reading', found: 2 }), told({ done: 2 }), DONE])
  await using server = await TestServer.open(async (asked, reply) => {
    if (asked.method === 'POST') return reply.json({ run_id: 'r1' }, 202)
    reply.stream('r1')
    const after = cursorOf(asked)
    await reply.events(events.slice(after, after + 2))
    reply.cut()
  })
  const frames = new ManualFrames()
  const session = new IngestionSession({ baseUrl: server.url, wait: async () => {}, frames })
  let shown = 0
  session.subscribe(() => {
    shown += 1
  })
  await session.start({ url: 'https://a.example/b' })
  expect(server.asked[0]?.body).toBe('{"url":"https://a.example/b"}')
  const { ingestion, ...rest } = session.getSnapshot()
  expect(rest).toEqual({ isStarting: false, isStopping: false, error: null })
  expect(ingestion).toMatchObject({ status: 'completed', counts: { found: 2, done: 2 } })
  expect(shown).toBe(3) // starting, accepted, ended: no frame passed in between
})

test('it is stopped at the server, and to leave stops nothing', async () => {
  const [opening, , end] = ingesting([
    told({ found: 1 }),
    endedAs('interrupted', 'cancelled', 'cancelled'),
  ])
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  await using server = await TestServer.open(async (asked, reply) => {
    if (asked.method === 'POST') {
      stop()
      return reply.json({ run_id: 'r1' })
    }
    reply.stream('r1')
    await reply.events(opening ? [opening] : [])
    await stopped
    await reply.events(end ? [end] : [])
    reply.end()
  })
  const session = new IngestionSession({ baseUrl: server.url, wait: async () => {} })
  const left = session.follow('r1')
  session.close()
  await left
  expect(server.asked.filter(({ method }) => method === 'POST')).toEqual([])
  const followed = session.follow('r1')
  await session.stop()
  await followed
  expect(session.getSnapshot().ingestion?.status).toBe('cancelled')
  expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toContain(
    'POST /api/agent/runs/r1/cancel',
  )
})

test('one that is refused says why', async () => {
  const problem = { code: 'invalid_request', detail: 'That address is private.' }
  await using server = await TestServer.open((_, reply) => reply.json(problem, 422))
  const session = new IngestionSession({ baseUrl: server.url })
  await session.start({ url: 'http://10.0.0.1/' })
  expect(session.getSnapshot()).toMatchObject({
    ...{ ingestion: null, isStarting: false, error: { message: 'That address is private.' } },
  })
})
