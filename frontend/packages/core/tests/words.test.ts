/** Whatever goes wrong has words for people, in every language. */

import { describe, expect, test } from 'vitest'
import { ChatFailure, clientError, toChatError } from '../src/errors.ts'
import { describeError, type Language } from '../src/words.ts'
import { contract } from './tapes.ts'

const { $defs } = contract('stream_event.schema.json') as {
  $defs: { Error: { properties: { code: { enum: string[] } } } }
}
const CLIENT = ['no_connection', 'incomplete_stream', 'damaged_stream', 'unauthorized', 'aborted']
const CODES = [...new Set([...$defs.Error.properties.code.enum, ...CLIENT])]
const LANGUAGES: readonly Language[] = ['en', 'zh']

function error(code: string, retryAfterS: number | null = null) {
  return { code, message: 'The server said so.', retryable: true, retryAfterS }
}

describe.each(LANGUAGES)('in %s', (language) => {
  test('every code has a title and advice of its own, without the code in it', () => {
    const said = CODES.map((code) => describeError(error(code), language))
    expect(new Set(said.map(({ title }) => title)).size).toBe(CODES.length)
    for (const { title, advice } of said) {
      expect(`${title} ${advice}`).not.toMatch(/undefined|[a-z]+_[a-z]+/)
      expect(advice.length).toBeGreaterThan(0)
      expect(advice).not.toBe('The server said so.')
    }
  })

  test('when to try again is said in whole seconds', () => {
    expect(describeError(error('too_many_runs', 4.2), language).advice).toContain('5')
  })

  test('a code of a later server keeps the sentence it came with', () => {
    expect(describeError(error('moon_phase'), language).advice).toBe('The server said so.')
  })

  test.each(['toString', 'constructor', '__proto__'])('%s is no code', (code) => {
    expect(describeError(error(code), language).advice).toBe('The server said so.')
  })
})

test('Chinese is written in Chinese', () => {
  const said = CODES.map((code) => describeError(error(code), 'zh'))
  expect(said.filter(({ title }) => !/\p{Script=Han}/u.test(title))).toEqual([])
})

describe('an answer that is not ok', () => {
  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    toChatError(new Response(JSON.stringify(body), { status, headers }))

  test('with a problem document gives its code and its sentence', async () => {
    const problem = { code: 'storage_full', detail: 'No room.', retry_after_s: 3 }
    expect(await answer(507, problem)).toEqual({
      code: 'storage_full',
      message: 'No room.',
      retryable: true,
      retryAfterS: 3,
    })
  })

  test.each([
    [400, 'invalid_request'],
    [401, 'unauthorized'],
    [403, 'forbidden_origin'],
    [404, 'not_found'],
    [409, 'conflict'],
    [413, 'body_too_large'],
    [422, 'invalid_request'],
    [429, 'too_many_runs'],
    [500, 'internal'],
    [502, 'no_connection'],
    [503, 'no_connection'],
    [504, 'no_connection'],
  ])('%i in the shape of the seed is %s', async (status, code) => {
    const { code: given, message } = await answer(status, { detail: 'Said.' })
    expect([given, message]).toEqual([code, 'Said.'])
  })

  test('with places where the request has not its form is still one sentence', async () => {
    const { message } = await answer(422, { detail: [{ loc: ['query'], msg: 'missing' }] })
    expect(message).toBe('The server answered 422.')
  })

  test('of a proxy, which is no JSON, is no connection', async () => {
    const error = await toChatError(new Response('<html>', { status: 502 }))
    expect(error).toMatchObject({ code: 'no_connection', retryable: true })
  })

  test('says when to try again in seconds, even where the header has a date', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    const { retryAfterS } = await answer(429, {}, { 'retry-after': date })
    expect(retryAfterS).toBeGreaterThan(50)
    expect((await answer(429, {}, { 'retry-after': 'soon' })).retryAfterS).toBeNull()
  })
})

test('a failure keeps its error, an abort is one, and what nobody foresaw is our own fault', async () => {
  const failure = new ChatFailure(clientError('no_connection'))
  expect(await toChatError(failure)).toBe(failure.error)
  expect((await toChatError(new DOMException('gone', 'AbortError'))).code).toBe('aborted')
  expect((await toChatError(new TypeError('x is undefined'))).code).toBe('internal')
})
