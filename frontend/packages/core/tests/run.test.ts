/** The fold of a run is what Python's is, however its events came. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import { incompleteRun, initialRun, reduceRun } from '../src/run.ts'
import type { RunState, Source, Status } from '../src/state.ts'
import { contract, cut, eventsOf, fold, snapshotsOf, tape, tapes } from './tapes.ts'

/** What `tools/contracts.py` writes of a fold. */
interface PythonFold {
  readonly last_seq: number
  readonly text: string
  readonly text_length: number
  readonly content_sha256: string
  readonly reasoning: string
  readonly stage: string
  readonly progress: number | null
  readonly thinking: readonly PythonStatus[]
  readonly statuses: readonly PythonStatus[]
  readonly sources: readonly Record<string, unknown>[]
  readonly citations: readonly Record<string, unknown>[]
  readonly tools: readonly Record<string, unknown>[]
  readonly inputs: readonly { request_id: string; question: string; input: string }[]
  readonly input_required: unknown
  readonly usage: Record<string, unknown>
  readonly terminal: Extract<StreamEvent, { stage: 'completed' | 'failed' | 'cancelled' }>
}

type PythonStatus = Omit<Status, 'at'> & { readonly timestamp: string }

const FOLDS = contract('golden/folds.json') as Record<string, PythonFold>
const RECORDED = Object.entries(FOLDS).map(([name, expected]) => ({
  ...tape(name.replaceAll(',', '').replaceAll(' ', '-')),
  expected,
}))

const ENDED_AT: Record<string, string> = {
  answered: 'completed',
  insufficient_context: 'completed',
  cancelled: 'cancelled',
  failed: 'failed',
  expired: 'failed',
}

/** The events, adjacent chunks of the answer as one. */
function merged(events: readonly StreamEvent[]): StreamEvent[] {
  const out: StreamEvent[] = []
  for (const event of events) {
    const last = out.at(-1)
    if (event.type !== 'stream_chunk' || last?.type !== 'stream_chunk') {
      out.push(event)
      continue
    }
    const span: [number, number] = [last.metadata.merged?.[0] ?? last.seq, event.seq]
    const metadata = { ...last.metadata, merged: span }
    const content = last.content + event.content
    out.splice(-1, 1, { ...last, seq: event.seq, content, metadata })
  }
  return out
}

/** Our state, in the words of Python's. */
function asPython(run: RunState) {
  const said = run.stages.flatMap(({ statuses }) => statuses)
  const spoken = said.map(({ at: timestamp, ...status }) => ({ ...status, timestamp }))
  return {
    last_seq: run.cursor?.seq,
    text: run.text,
    text_length: run.codePoints,
    content_sha256: run.contentSha256,
    reasoning: run.reasoning,
    stage: ENDED_AT[run.status],
    progress: run.progress,
    thinking: spoken.filter(({ type }) => type === 'thinking'),
    statuses: spoken.filter(({ type }) => type !== 'thinking'),
    sources: run.sources.map(asPythonSource),
    citations: run.citations.map((one) => ({
      source_id: one.sourceId,
      answer_start: one.answerStart,
      answer_end: one.answerEnd,
      quote: one.quote,
      document_id: one.documentId,
      revision: one.revision,
      char_start: one.charStart,
      char_end: one.charEnd,
      ...(one.page !== null && { page: one.page }),
    })),
    inputs: run.inputs.map(({ requestId: request_id, question, text: input }) => ({
      request_id,
      question,
      input,
    })),
    input_required: run.inputRequest,
  }
}

function asPythonSource({ documentId, charStart, charEnd, page, ...same }: Source) {
  const place = { document_id: documentId, char_start: charStart, char_end: charEnd }
  return { ...same, ...place, ...(page !== null && { page }) }
}

test('every recorded run has its fold', () => {
  expect(RECORDED.map(({ name }) => name).sort()).toEqual(
    tapes()
      .map(({ name }) => name)
      .sort(),
  )
})

describe.each(RECORDED)('$name', ({ name, bytes, events, expected }) => {
  const run = fold(events)

  test('folds to what Python makes of it', () => {
    const { tools: _, usage: __, terminal: ___, ...same } = expected
    expect(asPython(run)).toEqual(same)
    expect(run.damaged).toBe(false)
  })

  test('ends as its last event says', () => {
    const { metadata, timestamp } = expected.terminal
    const error = 'error' in metadata ? metadata.error : null
    expect(run.status).toBe(metadata.outcome)
    expect(run.endedAt).toBe(timestamp)
    expect(run.secondsByStage).toEqual(metadata.seconds)
    expect(run.usage).toEqual({
      promptTokens: metadata.usage.prompt_tokens ?? null,
      completionTokens: metadata.usage.completion_tokens ?? null,
      estimated: metadata.usage.source === 'estimated',
      partial: metadata.usage.partial ?? false,
    })
    expect(run.error).toEqual(
      error && {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
        retryAfterS: error.retry_after_s ?? null,
      },
    )
  })

  test('shows each tool call with what came of it', () => {
    const calls = expected.tools.filter((tool) => 'name' in tool)
    const results = expected.tools.filter((tool) => 'ok' in tool)
    expect(run.tools).toEqual(
      calls.map(({ call_id: callId, name, arguments: given }) => {
        const { ok, summary } = results.find(({ call_id }) => call_id === callId) ?? {}
        return { callId, name, arguments: given, stage: 'context_gathering', ok, summary }
      }),
    )
  })

  test('is the same for who joins by a snapshot at any moment', () => {
    const snapshots = snapshotsOf(name)
    expect(snapshots.length).toBe(events.length - 1)
    for (const snapshot of snapshots) {
      const early = events.filter((_, at) => at % 3 === 0 && at < snapshot.seq - 1)
      expect(fold([...early, snapshot, ...events.slice(snapshot.seq)])).toEqual(run)
    }
  })

  test('is the same for who lags and gets chunks merged', () => {
    expect(fold(merged(events))).toEqual(run)
  })

  test('folds the same however its bytes were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (places) => {
        expect(fold(eventsOf(cut(bytes, places)))).toEqual(run)
      }),
    )
  })

  test('ignores events that come again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(events.length), fc.nat(events.length))), (replays) => {
        const seen = events.flatMap((event, at) => [
          event,
          ...replays.filter(([when]) => when === at).flatMap(([, from]) => events.slice(from, at)),
        ])
        expect(fold(seen)).toEqual(run)
      }),
    )
  })

  test('changes nothing it was given', () => {
    let state = deepFrozen(initialRun())
    for (const event of events) state = deepFrozen(reduceRun(state, event))
    expect(state).toEqual(run)
  })
})

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFrozen)
  }
  return value
}

const AT = '2026-01-02T03:04:05Z'

/** A log out of nothing but its chunks, placed as a server places them. */
function chunks(texts: readonly string[]): StreamEvent[] {
  let offset = 0
  return texts.map((content, index) => {
    const metadata = { index, offset }
    offset += Array.from(content).length
    const seq = index + 2
    return {
      type: 'stream_chunk',
      content,
      timestamp: AT,
      metadata,
      run_id: 'r',
      gen: 1,
      seq,
      epoch: 1,
    }
  })
}

function retract(seq: number, discard_after: number): StreamEvent {
  const metadata = { discard_after }
  return {
    type: 'retract',
    content: '',
    timestamp: AT,
    metadata,
    run_id: 'r',
    gen: 1,
    seq,
    epoch: 1,
  }
}

test('offsets count code points, not halves of them', () => {
  const text = fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 8 })
  fc.assert(
    fc.property(text, (texts) => {
      const run = fold(chunks(texts))
      expect(run.text).toBe(texts.join(''))
      expect(run.codePoints).toBe(Array.from(run.text).length)
      expect(run.damaged).toBe(false)
    }),
  )
})

test('a chunk that does not fit is shown, and the run is known to be damaged', () => {
  const [first, , third] = chunks(['水🌊', 'lost', ' here'])
  const run = fold([first, third].filter((event) => event !== undefined))
  expect(run.text).toBe('水🌊 here')
  expect(run.damaged).toBe(true)
})

test('a retract takes back exactly what came after its place', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 4 }), { minLength: 1 })
  fc.assert(
    fc.property(texts, fc.nat(30), (given, place) => {
      const said = chunks(given)
      const run = fold([...said, retract(said.length + 2, place)])
      const kept = fold(said.filter(({ seq }) => seq <= place))
      expect(run.text).toBe(kept.text)
      expect(run.codePoints).toBe(kept.codePoints)
    }),
  )
})

test('a retract takes back statuses and sources, but no time that was spent', () => {
  const { events } = tape('answer')
  const source = events.findIndex(({ type }) => type === 'source')
  const run = fold(events.slice(0, source + 2))
  const after = reduceRun(run, retract(run.cursor ? run.cursor.seq + 1 : 0, 3))
  expect(run.sources).toHaveLength(1)
  expect(after.sources).toEqual([])
  expect(after.stage).toBe('intent_analysis')
  expect(after.stages.map(({ stage, statuses }) => [stage, statuses.length])).toEqual([
    ['init', 1],
    ['intent_analysis', 2],
    ['context_gathering', 0],
  ])
  expect(after.stages.at(-1)?.startedAt).toBe(run.stages.at(-1)?.startedAt)
})

test('a question to the user stands until it is answered, whatever is counted meanwhile', () => {
  const { events } = tape('an-input-that-was-answered')
  const asked = fold(events.slice(0, 3))
  const question = { requestId: '1', question: 'Which mill?', options: [] }
  expect(asked.status).toBe('input_required')
  expect(asked.inputRequest).toEqual({ ...question, expiresAt: '2026-01-09T03:04:05Z' })
  const told = fold(events.slice(0, 4))
  expect(told.status).toBe('running')
  expect(told.inputs).toEqual([{ requestId: '1', question: 'Which mill?', text: 'upper' }])
})

test('an event of a stage nobody knows leaves the run where it is', () => {
  const { events } = tape('simple-chat')
  const run = fold(events.slice(0, 2))
  const odd = { ...chunks(['x'])[0], seq: 3, stage: 'next' } as StreamEvent
  expect(reduceRun(run, odd).stage).toBe('intent_analysis')
})

test('a run whose stream broke off keeps its text, and goes on when it is rejoined', () => {
  const { events } = tape('answer')
  const second = events.findLastIndex(({ type }) => type === 'stream_chunk')
  const half = incompleteRun(fold(events.slice(0, second)))
  expect([half.status, half.text]).toEqual(['incomplete', 'The water flüsst 🌊 '])
  expect(events.reduce(reduceRun, half)).toEqual(fold(events))
})

test('nothing follows the end', () => {
  const run = fold(tape('answer').events)
  const late = { ...chunks(['late'])[0], seq: 99 } as StreamEvent
  expect(reduceRun(run, late)).toBe(run)
  expect(incompleteRun(run)).toBe(run)
})

test('a chunk takes as many steps after ten thousand others as after ten', () => {
  const events = chunks(Array.from({ length: 10_001 }, (_, at) => `${at} `))
  expect(steps(events, 10_000)).toBe(steps(events, 10))
})

/** How often the fold looks at anything of the run before, for the event at `place`. */
function steps(events: readonly StreamEvent[], place: number): number {
  let count = 0
  const counted = <T extends object>(value: T): T =>
    new Proxy(value, {
      get(target, key) {
        count += 1
        const found: unknown = Reflect.get(target, key)
        return typeof found === 'object' && found !== null ? counted(found) : found
      },
    })
  const event = events[place]
  if (event === undefined) throw new Error(`there is no event ${place}`)
  reduceRun(counted(fold(events.slice(0, place))), event)
  return count
}
