/** The ordinary calls ask what they should, and throw one kind of failure. */

import { expect, test } from 'vitest'
import type { ModelSetup } from '../src/index.ts'
import { ChatFailure, TailraceClient } from '../src/index.ts'
import { TestServer } from './server.ts'

const BYTES = new TextEncoder().encode('# Mill\n')

type Call = (client: TailraceClient) => Promise<unknown>

const CALLS: readonly (readonly [string, string, Call])[] = [
  ['POST /api/agent/chat/conversations', '{"page_name":"home"}', (c) => c.createConversation()],
  [
    'GET /api/agent/chat/conversations/list?limit=5&offset=10',
    '',
    (c) => c.listConversations({ limit: 5, offset: 10 }),
  ],
  ['GET /api/agent/chat/conversations/7/messages', '', (c) => c.getMessages(7)],
  [
    'PATCH /api/agent/chat/conversations/7/update',
    '{"title":"Mills"}',
    (c) => c.renameConversation(7, 'Mills'),
  ],
  ['DELETE /api/agent/chat/conversations/7/update', '', (c) => c.deleteConversation(7)],
  ['GET /api/agent/runs/r%2F1', '', (c) => c.getRun('r/1')],
  ['GET /api/agent/runs/r1/citations', '', (c) => c.runCitations('r1')],
  ['POST /api/agent/runs/r1/cancel', '', (c) => c.cancelRun('r1')],
  ['GET /api/documents', '', (c) => c.listDocuments()],
  ['POST /api/documents?name=a+b%26c.md', '# Mill\n', (c) => c.uploadDocument('a b&c.md', BYTES)],
  ['DELETE /api/documents/3', '', (c) => c.deleteDocument(3)],
  [
    'GET /api/documents?limit=5&status=failed',
    '',
    (c) => c.listDocuments({ limit: 5, status: 'failed' }),
  ],
  ['GET /api/documents/coverage', '', (c) => c.coverage()],
  [
    'POST /api/documents/ingestions',
    '{"url":"https://a.example/b"}',
    (c) => c.ingest({ url: 'https://a.example/b' }),
  ],
  ['GET /api/documents/3/text?start=10&end=20', '', (c) => c.getPassage(3, 10, 20)],
  [
    'GET /api/documents/3/text?start=10&end=20&revision=2',
    '',
    (c) => c.getPassage(3, 10, 20, { revision: 2 }),
  ],
  ['GET /api/settings/models', '', (c) => c.modelSetup()],
  ['POST /api/settings/models/small%20one/pull', '', (c) => c.pullModel('small one')],
  ['DELETE /api/settings/models/pull', '', (c) => c.cancelPull()],
  ['GET /healthz', '', (c) => c.health()],
]

/** What the call throws. */
async function failing(call: Promise<unknown>): Promise<ChatFailure> {
  const cause: unknown = await call.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  )
  if (cause instanceof ChatFailure) return cause
  throw new Error(String(cause))
}

test.each(CALLS)('%s', async (line, body, call) => {
  await using server = await TestServer.open((_, reply) => reply.json({ was: 'asked' }))
  const given = await call(new TailraceClient({ baseUrl: server.url }))
  expect([undefined, 'asked']).toContain((given as { was?: string } | undefined)?.was)
  expect(server.asked.map((asked) => `${asked.method} ${asked.path}`)).toEqual([line])
  expect(server.asked[0]?.body).toBe(body)
})

test.each(CALLS)('%s throws what the server says is wrong', async (_, __, call) => {
  const problem = { code: 'not_found', detail: 'It is not here.' }
  await using server = await TestServer.open((_asked, reply) => reply.json(problem, 404))
  const { error } = await failing(call(new TailraceClient({ baseUrl: server.url })))
  expect(error).toMatchObject({ code: 'not_found', message: 'It is not here.' })
})

test('whether a key is asked for is told without one', async () => {
  const answer = { code: 0, status: 200, message: 'success', data: { auth_enabled: true } }
  await using server = await TestServer.open((_, reply) => reply.json(answer))
  const client = new TailraceClient({ baseUrl: server.url })
  expect(await client.authStatus()).toEqual({ authEnabled: true })
})

test('the set-up of models is told as it changes, across a lost line', async () => {
  const state = (name: string) => `data: ${JSON.stringify({ recommended: name })}\n\n`
  await using server = await TestServer.open(async (_, reply) => {
    reply.stream('')
    await reply.write(state(`${server.asked.length}a`))
    await reply.write(state(`${server.asked.length}b`))
    reply.cut()
  })
  const client = new TailraceClient({ baseUrl: server.url, wait: async () => {} })
  const controller = new AbortController()
  const seen: string[] = []
  const onState = ({ recommended }: ModelSetup) => {
    seen.push(recommended)
    if (recommended === '2b') controller.abort()
  }
  expect(await client.watchModelSetup(onState, controller.signal)).toBe('aborted')
  expect(seen).toEqual(['1a', '1b', '2a', '2b'])
})

test('a server that asks for a key is not asked for the set-up again', async () => {
  await using server = await TestServer.open((_, reply) =>
    reply.json({ code: 'unauthorized', detail: 'A key.' }, 401),
  )
  const client = new TailraceClient({ baseUrl: server.url })
  const result = await client.watchModelSetup(() => {}, new AbortController().signal)
  expect(result).toMatchObject({ code: 'unauthorized' })
})

test('a server that is not there throws no connection', async () => {
  const server = await TestServer.open(() => {})
  const { url } = server
  await server[Symbol.asyncDispose]()
  const { error } = await failing(new TailraceClient({ baseUrl: url }).health())
  expect(error.code).toBe('no_connection')
})

test('runs are listed, of one kind or another', async () => {
  await using server = await TestServer.open((_, reply) =>
    reply.json({ items: [{ run_id: 'r1' }] }),
  )
  const client = new TailraceClient({ baseUrl: server.url })
  expect(await client.listRuns({ limit: 5, kind: 'ingest' })).toEqual([{ run_id: 'r1' }])
  expect(server.asked.map(({ path }) => path)).toEqual(['/api/agent/runs?limit=5&kind=ingest'])
})
