/**
 * What a snapshot holds, told again as the events that count would have told it. Pure.
 *
 * Rule: a run that is told this, and then the events after the snapshot, is the run of all events; a
 *   `retract` that goes back before the snapshot included.
 */

import type { Snapshot, Status, StreamEvent } from './protocol/events.generated.ts'

type Event<T> = Extract<StreamEvent, { type: T }>
type Told =
  | Event<'stream_chunk'>
  | Event<'reasoning_chunk'>
  | Event<'source'>
  | Event<'citation'>
  | Event<'tool_call'>
  | Event<'tool_result'>
  | Event<'input_required'>

/** A stage was entered, a node said something, or something else happened. */
export type Step =
  | { readonly kind: 'visit'; readonly seq: number; readonly stage: string; readonly at: string }
  | { readonly kind: 'status'; readonly seq: number; readonly event: Status }
  | { readonly kind: 'event'; readonly seq: number; readonly event: Told }

/** What is to be told again, in order. */
export function retell(snapshot: Snapshot): Step[] {
  const { visits } = snapshot.metadata
  const entered = visits.map(({ seq, stage, at }): Step => ({ kind: 'visit', seq, stage, at }))
  const told = [...texts(snapshot), ...facts(snapshot)]
  const happened = told.map((event): Step => ({ kind: 'event', seq: event.seq, event }))
  // a stable sort: a stage is entered before what was said in the same event
  return [...entered, ...statuses(snapshot), ...happened].sort((a, b) => a.seq - b.seq)
}

/** What every event has, with how far the run was then. */
function common(snapshot: Snapshot, seq: number) {
  const { run_id, gen, epoch, timestamp, metadata } = snapshot
  const standing = metadata.stages.findLast((one) => one.seq <= seq)
  const { stage, progress } = standing ?? {}
  return {
    ...{ content: '', timestamp, run_id, gen, seq, epoch },
    ...(stage !== undefined && { stage }),
    ...(typeof progress === 'number' && { progress }),
  }
}

function texts(snapshot: Snapshot): Told[] {
  const { chunks, reasoning, reasoning_chunks } = snapshot.metadata
  let offset = 0
  const answer = pieces(snapshot.content, chunks).map(([seq, content, length], index): Told => {
    const metadata = { index, offset }
    offset += length
    return { ...common(snapshot, seq), type: 'stream_chunk', content, metadata }
  })
  const thoughts = pieces(reasoning, reasoning_chunks).map(
    ([seq, content]): Told => ({ ...common(snapshot, seq), type: 'reasoning_chunk', content }),
  )
  return [...answer, ...thoughts]
}

/** The text in pieces, each with its seq and its length; lengths are in code points. */
function pieces(
  text: string,
  marks: readonly { readonly seq: number; readonly length: number }[],
): [number, string, number][] {
  let start = 0
  return marks.map(({ seq, length }) => {
    let end = start
    for (let count = 0; count < length; count += 1) {
      end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
    }
    const piece = text.slice(start, end)
    start = end
    return [seq, piece, length]
  })
}

function facts(snapshot: Snapshot): Told[] {
  const { sources, citations, tools, asked } = snapshot.metadata
  const base = (seq: number) => common(snapshot, seq)
  return [
    ...sources.map(({ seq, metadata }): Told => ({ ...base(seq), type: 'source', metadata })),
    ...citations.map(({ seq, metadata }): Told => ({ ...base(seq), type: 'citation', metadata })),
    ...tools.map(({ seq, metadata }): Told => {
      const { call_id, name, arguments: given = {}, ok = false, summary = '' } = metadata
      if (name === undefined) {
        return { ...base(seq), type: 'tool_result', metadata: { call_id, ok, summary } }
      }
      return { ...base(seq), type: 'tool_call', metadata: { call_id, name, arguments: given } }
    }),
    ...asked.map(({ seq, metadata }): Told => ({ ...base(seq), type: 'input_required', metadata })),
  ]
}

function statuses(snapshot: Snapshot): Step[] {
  const answers = new Map(snapshot.metadata.inputs.map(({ seq, metadata }) => [seq, metadata]))
  return snapshot.metadata.statuses.map(({ seq, status }) => {
    const { type, content, stage, progress, timestamp } = status
    const { run_id, gen, epoch } = snapshot
    const given = answers.get(seq)
    const event: Status = {
      ...{ type, content, timestamp, run_id, gen, seq, epoch },
      ...(stage !== null && { stage }),
      ...(progress !== null && { progress }),
      ...(given && { metadata: { request_id: given.request_id, input: given.input } }),
    }
    return { kind: 'status', seq, event }
  })
}
