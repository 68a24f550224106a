/** An ingestion's log, as the server writes it. */

import type { StreamEvent } from '../src/protocol/events.generated.ts'
import { eventsOf, framed } from './tapes.ts'

const AT = '2026-01-02T03:04:05.000000Z'
const USAGE = { source: 'estimated' }
const SHA = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

type Facts = Record<string, unknown>

/** The events of a run, event 1 first, `steps` in order. */
export function ingesting(steps: readonly Facts[]): StreamEvent[] {
  const ids = { run_id: 'r1', workflow_id: 'r1', session_id: 's' }
  const none = { conversation_id: null, user_message_id: null, assistant_message_id: null }
  const first = {
    type: 'running',
    content: 'Received',
    stage: 'init',
    metadata: { ...ids, ...none },
  }
  const events = [first, ...steps].map((step, at) => ({
    ...{ content: '', timestamp: AT, run_id: 'r1', gen: 1, seq: at + 1, epoch: 1 },
    ...step,
  }))
  const bytes = events.map((event) => framed(event as StreamEvent)).join('')
  return eventsOf([new TextEncoder().encode(bytes)])
}

/** How far it is. */
export function told(ingest: Facts, files: readonly Facts[] = [], progress = 0.5): Facts {
  const metadata = { ingest, ...(files.length > 0 && { files }) }
  return { type: 'running', stage: 'context_gathering', node: 'context', progress, metadata }
}

/** Its last event. */
export function endedAs(type: string, stage: string, outcome: string, more: Facts = {}): Facts {
  const facts = { outcome, last_seq: 1, content_sha256: SHA, usage: USAGE, seconds: {} }
  return { type, stage, metadata: { ...facts, ...more } }
}
