/** In a browser, a lost line is rejoined when it may be back, and nothing is left listening. */

import { afterEach, expect, test, vi } from 'vitest'
import { ChatStreamService } from '../src/ChatStreamService.ts'
import { ANSWER, ask, cutAfter, RUN } from './asked.ts'
import { TestServer } from './server.ts'

afterEach(() => vi.unstubAllGlobals())

/** A window and a document that count who listens. */
function browser() {
  const listeners: string[] = []
  const count = (target: EventTarget) =>
    Object.assign(target, {
      addEventListener(type: string, listener: EventListener) {
        listeners.push(type)
        EventTarget.prototype.addEventListener.call(target, type, listener)
      },
      removeEventListener(type: string, listener: EventListener) {
        listeners.splice(listeners.indexOf(type), 1)
        EventTarget.prototype.removeEventListener.call(target, type, listener)
      },
    })
  const made = {
    window: count(new EventTarget()),
    document: Object.assign(count(new EventTarget()), { visibilityState: 'visible' }),
  }
  vi.stubGlobal('window', made.window)
  vi.stubGlobal('document', made.document)
  return { ...made, listeners }
}

/** Serves a run whose first line is cut, and which waits for ever to be rejoined. */
async function untilItWaits(wake: (made: ReturnType<typeof browser>) => void) {
  const made = browser()
  await using server = await TestServer.open(cutAfter(ANSWER, [5]))
  const wait = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve())
      wake(made)
    })
  const told = await ask(server.url, { wait })
  return { told, ...made }
}

test.each([
  ['the network is back', 'window', 'online'],
  ['the page is shown again', 'window', 'pageshow'],
  ['the tab is looked at again', 'document', 'visibilitychange'],
] as const)('a lost line is rejoined at once when %s', async (_, target, type) => {
  const { told } = await untilItWaits((made) => made[target].dispatchEvent(new Event(type)))
  expect(told.events).toEqual(ANSWER)
})

test('a tab that is put away wakes nothing', async () => {
  let woken = false
  const { document } = browser()
  Object.assign(document, { visibilityState: 'hidden' })
  await using server = await TestServer.open(cutAfter(ANSWER, [5]))
  await ask(server.url, {
    wait: async (_, signal) => {
      document.dispatchEvent(new Event('visibilitychange'))
      woken = signal.aborted
    },
  })
  expect(woken).toBe(false)
})

test('what a server orders to wait for is not cut short', async () => {
  let woken = true
  const { window } = browser()
  await using server = await TestServer.open(async (asked, reply) => {
    if (server.asked.length === 1) return reply.json({}, 429, { 'retry-after': '3' })
    await cutAfter(ANSWER, [])(asked, reply)
  })
  const service = new ChatStreamService({
    baseUrl: server.url,
    wait: async (_, signal) => {
      window.dispatchEvent(new Event('online'))
      woken = signal.aborted
    },
  })
  expect(await service.watch(RUN, { onEvent: () => {} })).toBe('complete')
  expect(woken).toBe(false)
})

test('nothing listens any more once a run is complete', async () => {
  const { listeners } = browser()
  await using server = await TestServer.open(cutAfter(ANSWER, []))
  await ask(server.url)
  expect(listeners).toEqual([])
})

test('abort ends following, leaves no listener, and stops no run', async () => {
  const { listeners } = browser()
  await using server = await TestServer.open(async (_, reply) => {
    reply.stream(RUN)
    await reply.events(ANSWER.slice(0, 3))
  })
  const service = new ChatStreamService({ baseUrl: server.url })
  const ends: string[] = []
  const heard: string[] = []
  await service.sendStreamMessage(
    { query: 'How?' },
    ({ seq }) => {
      heard.push(...listeners)
      if (seq === 3) service.abort()
    },
    ({ code }) => ends.push(code),
  )
  expect(new Set(heard)).toEqual(new Set(['online', 'pageshow', 'visibilitychange']))
  expect([listeners, ends]).toEqual([[], ['aborted']])
  expect(server.asked.map(({ path }) => path)).not.toContain(`/api/agent/runs/${RUN}/cancel`)
})
