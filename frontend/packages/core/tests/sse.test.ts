/** The reader of server-sent events gives what the vectors in contracts/sse say, however cut. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ServerSentEvent, SseDecoder, WireError } from '../src/sse.ts'
import { contract, cut } from './tapes.ts'

interface Vector {
  readonly name: string
  readonly input: string
  readonly events: readonly ServerSentEvent[]
  readonly last_event_id: string
  readonly retry_ms: number | null
  readonly comments: number
}

const { vectors } = contract('sse/decode.json') as { vectors: readonly Vector[] }

function read(pieces: readonly Uint8Array[]) {
  const decoder = new SseDecoder()
  const events = pieces.flatMap((piece) => decoder.feed(piece))
  const { lastEventId, retryMs, comments } = decoder
  return { events, last_event_id: lastEventId, retry_ms: retryMs, comments }
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

describe.each(vectors)('$name', ({ name: _, input, ...expected }) => {
  const bytes = latin1(input)

  test('reads as the vector says, wherever it is cut once', () => {
    expect(read([bytes])).toEqual(expected)
    for (let place = 0; place <= bytes.length; place += 1) {
      const pieces = [bytes.subarray(0, place), new Uint8Array(), bytes.subarray(place)]
      expect(read(pieces)).toEqual(expected)
    }
  })

  test('reads the same byte by byte', () => {
    expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected)
  })
})

test('any bytes read the same, however they are cut', () => {
  const line = fc.constantFrom(
    'data: a',
    'data:🌊',
    'id: 1',
    'id',
    'retry: 9',
    ': x',
    'event: e',
    '',
  )
  const end = fc.constantFrom('\n', '\r', '\r\n')
  const text = fc.array(fc.tuple(line, end).map((pair) => pair.join(''))).map((all) => all.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(500)), (input, places) => {
      const bytes = new TextEncoder().encode(input)
      expect(read(cut(bytes, places))).toEqual(read([bytes]))
    }),
  )
})

test('a stream that goes on after a lost line keeps the id it came with', () => {
  const decoder = new SseDecoder({ lastEventId: '1-7' })
  expect(decoder.feed(latin1('data: a\n\n'))).toEqual([{ data: 'a', event: 'message', id: '1-7' }])
  expect(decoder.lastEventId).toBe('1-7')
})

test.each([
  ['a line without end', ['data: ', 'x'.repeat(20)]],
  ['a line that is too long', [`data: ${'x'.repeat(20)}\n`]],
  ['an event of many short lines', ['data: xxxx\n', 'data: xxxx\n', 'data: xxxx\n', 'data:\n']],
])('%s is refused, not kept', (_, pieces) => {
  const decoder = new SseDecoder({ maxEventBytes: 15 })
  expect(() => {
    for (const piece of pieces) decoder.feed(latin1(piece))
  }).toThrow(WireError)
})

test('an event as large as allowed is read, its size counted in bytes', () => {
  const decoder = new SseDecoder({ maxEventBytes: 15 })
  expect(decoder.feed(new TextEncoder().encode('data: 🌊🌊\n\n'))).toHaveLength(1)
  expect(() => decoder.feed(new TextEncoder().encode('data: 🌊🌊🌊\n\n'))).toThrow(WireError)
})
