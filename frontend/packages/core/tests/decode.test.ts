/** Only what has an event's shape becomes an event. */

import { expect, test } from 'vitest'
import { decodeEvent, isOpening, isTerminal } from '../src/protocol/decode.ts'
import { tape, tapes } from './tapes.ts'

const [opening, ...rest] = tape('answer').events
const chunk = rest.find(({ type }) => type === 'stream_chunk')

test.each(tapes())('every event of $name is known', ({ bytes, events }) => {
  const frames = new TextDecoder().decode(bytes).match(/^data: /gm)
  expect(events).toHaveLength(frames?.length ?? 0)
  expect(events.filter(isOpening)).toEqual(events.slice(0, 1))
  expect(events.filter(isTerminal)).toEqual(events.slice(-1))
})

test.each([
  ['no JSON', 'data'],
  ['no object', '[1]'],
  ['null', 'null'],
  ['an unknown type', JSON.stringify({ ...chunk, type: 'dance' })],
  ['a chunk without its offset', JSON.stringify({ ...chunk, metadata: { index: 0 } })],
  ['a chunk without metadata', JSON.stringify({ ...chunk, metadata: null })],
  ['an offset that is text', JSON.stringify({ ...chunk, metadata: { index: 0, offset: '0' } })],
  ['content that is null', JSON.stringify({ ...chunk, content: null })],
  ['no place in the log', JSON.stringify({ ...chunk, seq: 0 })],
  ['a place between two events', JSON.stringify({ ...chunk, seq: 1.5 })],
  ['a chunk that claims to be the end', JSON.stringify({ ...chunk, stage: 'completed' })],
  ['an end without its stage', JSON.stringify({ ...rest.at(-1), stage: 'execution' })],
])('%s is no event', (_, data) => {
  expect(decodeEvent(data)).toBeNull()
})

test('fields of a later server pass', () => {
  const later = { ...chunk, mood: 'calm', metadata: { ...chunk?.metadata, tone: 'dry' } }
  expect(decodeEvent(JSON.stringify(later))).toEqual(later)
})

test('a stage of a later server passes', () => {
  expect(decodeEvent(JSON.stringify({ ...chunk, stage: 'rehearsal' }))).not.toBeNull()
})

test('a status at the place of event 1 has to be event 1', () => {
  expect(decodeEvent(JSON.stringify({ ...opening, metadata: {} }))).toBeNull()
})
