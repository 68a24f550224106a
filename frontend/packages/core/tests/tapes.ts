/** The recorded runs in `contracts/golden`, as bytes and as events. */

import { readdirSync, readFileSync } from 'node:fs'
import { decodeEvent } from '../src/protocol/decode.ts'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import { initialRun, reduceRun } from '../src/run.ts'
import { SseDecoder } from '../src/sse.ts'
import type { RunState } from '../src/state.ts'

const CONTRACTS = new URL('../../../../contracts/', import.meta.url)

export interface Tape {
  readonly name: string
  readonly bytes: Uint8Array
  readonly events: readonly StreamEvent[]
}

export function contract(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, CONTRACTS), 'utf8'))
}

/** Every recorded run, as the native dialect puts it on the wire. */
export function tapes(): Tape[] {
  const folder = new URL('golden/native/', CONTRACTS)
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const bytes = new Uint8Array(readFileSync(new URL(file, folder)))
      return { name: file.replace('.sse', ''), bytes, events: eventsOf([bytes]) }
    })
}

/** The snapshots of a recorded run, one for each moment before its end. */
export function snapshotsOf(name: string): StreamEvent[] {
  return eventsOf([
    new Uint8Array(readFileSync(new URL(`golden/snapshots/${name}.sse`, CONTRACTS))),
  ])
}

export function tape(name: string): Tape {
  const found = tapes().find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no tape ${name}`)
  return found
}

/** The events in bytes that came in these pieces. */
export function eventsOf(pieces: readonly Uint8Array[]): StreamEvent[] {
  const decoder = new SseDecoder()
  const frames = pieces.flatMap((piece) => decoder.feed(piece))
  return frames.flatMap((frame) => decodeEvent(frame.data) ?? [])
}

export function fold(events: readonly StreamEvent[]): RunState {
  return events.reduce(reduceRun, initialRun())
}

/** An event as the server frames it. */
export function framed(event: StreamEvent): string {
  return `id: ${event.gen}-${event.seq}\ndata: ${JSON.stringify(event)}\n\n`
}

/** The bytes, cut at these places. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length]
  ends.sort((one, other) => one - other)
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end))
}
