/**
 * What the reading of documents amounts to after its run's events so far. Pure: no clock, no I/O.
 *
 * Rule 1: an event at or before the cursor changes nothing, and none does after the last one.
 * Rule 2: what is told is the newest count; a file is told of once, as it was dealt with last.
 * Rule 3: the list of files is bounded; how many more there are is counted.
 */

import { asObject, isTerminal, type JsonObject } from './protocol/decode.ts'
import type { Answered, Cancelled, Failed, StreamEvent } from './protocol/events.generated.ts'
import { failure, isSeen } from './run.ts'
import type { ChatError, Cursor } from './state.ts'

/** Where the reading is. */
export type IngestionPhase = 'finding' | 'reading' | 'embedding'

/** How it stands. `incomplete`: its stream ended without its end, and no rejoin succeeded. */
export type IngestionStatus = 'running' | 'completed' | 'cancelled' | 'failed' | 'incomplete'

/** How many files; `pieces` and `piecesEmbedded` count passages. */
export interface IngestionCounts {
  readonly found: number
  readonly done: number
  readonly searchable: number
  readonly unchanged: number
  readonly skipped: number
  readonly failed: number
  readonly removed: number
  readonly pieces: number
  readonly piecesEmbedded: number
}

/** A file that was not taken in, or is no longer there, and why. */
export interface IngestedFile {
  readonly source: string
  readonly status: 'skipped' | 'failed' | 'removed'
  readonly reason: string
  readonly documentId: number | null
}

/** The fold of an ingestion's events so far. Made by `reduceIngestion`, which is pure. */
export interface Ingestion {
  readonly runId: string | null
  readonly cursor: Cursor | null
  readonly status: IngestionStatus
  /** Null before the first is told, and once it has ended. */
  readonly phase: IngestionPhase | null
  /** Of the phase, 0 to 1; null where it is not known. */
  readonly progress: number | null
  readonly counts: IngestionCounts
  /** The file that is being read; "" between files. */
  readonly path: string
  /** What could not be read or was left out, failures first found first. */
  readonly files: readonly IngestedFile[]
  /** How many more there are than `files` has. */
  readonly more: number
  /** What it came to, in the server's words; "" until it ends. */
  readonly text: string
  readonly error: ChatError | null
  readonly startedAt: string | null
  readonly endedAt: string | null
}

/** Files that are kept for showing. */
const MOST_FILES = 500

const NO_COUNTS: IngestionCounts = {
  ...{ found: 0, done: 0, searchable: 0, unchanged: 0, skipped: 0, failed: 0, removed: 0 },
  ...{ pieces: 0, piecesEmbedded: 0 },
}

/** An ingestion of which nothing is known yet. */
export function initialIngestion(runId: string | null = null): Ingestion {
  return {
    runId,
    cursor: null,
    status: 'running',
    phase: null,
    progress: null,
    counts: NO_COUNTS,
    path: '',
    files: [],
    more: 0,
    text: '',
    error: null,
    startedAt: null,
    endedAt: null,
  }
}

/** The ingestion after one more event of its log. */
export function reduceIngestion(state: Ingestion, event: StreamEvent): Ingestion {
  if (state.endedAt !== null || isSeen(state.cursor, event)) return state
  const { run_id: runId, gen, seq, timestamp } = event
  const base = { ...state, runId, cursor: { gen, seq }, startedAt: state.startedAt ?? timestamp }
  if (isTerminal(event)) return ended(base, event)
  switch (event.type) {
    case 'stream_chunk':
      return { ...base, text: base.text + event.content }
    case 'snapshot':
      return { ...base, text: event.content }
    case 'retract':
      return { ...base, text: '' }
    case 'running':
    case 'done':
      return told(base, asObject(event.metadata) ?? {}, event.progress ?? null)
    default:
      return base
  }
}

/** The ingestion, its stream broken off for good. */
export function incompleteIngestion(state: Ingestion): Ingestion {
  return state.endedAt === null ? { ...state, status: 'incomplete' } : state
}

function ended(state: Ingestion, event: Answered | Failed | Cancelled): Ingestion {
  const { timestamp: endedAt, metadata } = event
  const rest = { phase: null, path: '', progress: null, endedAt }
  if (event.type === 'fail')
    return { ...state, ...rest, status: 'failed', error: failure(event.metadata.error) }
  const status = metadata.outcome === 'cancelled' ? 'cancelled' : 'completed'
  return { ...state, ...rest, status }
}

function told(state: Ingestion, metadata: JsonObject, progress: number | null): Ingestion {
  const { ingest, files } = metadata
  const facts = asObject(ingest)
  const dealt = Array.isArray(files) ? files.flatMap(fileOf) : []
  const listed = dealt.length === 0 ? state : { ...state, ...withFiles(state, dealt) }
  if (facts === null) return listed
  const phase = PHASES.find((one) => one === text(facts, 'phase')) ?? state.phase
  return { ...listed, phase, progress, path: text(facts, 'path'), counts: countsOf(facts, state) }
}

const PHASES: readonly IngestionPhase[] = ['finding', 'reading', 'embedding']

function countsOf(facts: JsonObject, { counts }: Ingestion): IngestionCounts {
  const count = (name: string, before: number) => {
    const value = facts[name]
    return typeof value === 'number' ? value : before
  }
  return {
    found: count('found', counts.found),
    done: count('done', counts.done),
    searchable: count('searchable', counts.searchable),
    unchanged: count('unchanged', counts.unchanged),
    skipped: count('skipped', counts.skipped),
    failed: count('failed', counts.failed),
    removed: count('removed', counts.removed),
    pieces: count('pieces', counts.pieces),
    piecesEmbedded: count('pieces_embedded', counts.piecesEmbedded),
  }
}

type Dealt = Omit<IngestedFile, 'status'> & { readonly status: string }

function fileOf(value: unknown): Dealt[] {
  const facts = asObject(value)
  if (facts === null) return []
  const { document_id: id } = facts
  return [
    {
      source: text(facts, 'source'),
      status: text(facts, 'status'),
      reason: text(facts, 'reason'),
      documentId: typeof id === 'number' ? id : null,
    },
  ]
}

/** What was dealt with anew takes the place of what was told of it before. */
function withFiles({ files, more }: Ingestion, dealt: readonly Dealt[]) {
  const anew = new Set(dealt.map(({ source }) => source))
  const added = dealt.flatMap((one): IngestedFile[] => {
    const { status } = one
    return status === 'skipped' || status === 'failed' || status === 'removed'
      ? [{ ...one, status }]
      : []
  })
  const all = [...files.filter(({ source }) => !anew.has(source)), ...added]
  return { files: all.slice(0, MOST_FILES), more: more + Math.max(0, all.length - MOST_FILES) }
}

function text(facts: JsonObject, name: string): string {
  const value = facts[name]
  return typeof value === 'string' ? value : ''
}
