/**
 * useIngestion: documents being read in, as a React hook.
 *
 * Rule 1: the hook holds no state of its own; it shows the snapshots of an `IngestionSession`.
 * Rule 2: to unmount ends following, never the reading: `follow(runId)` finds it again.
 */

import { type IngestionOptions, IngestionSession, type IngestionState } from '@tailrace/core'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'

/** What can be done; each stays the same function between renders. */
export type IngestionCalls = Pick<IngestionSession, 'start' | 'follow' | 'stop'>

/** How far it is, and what can be done. */
export interface IngestionStream extends IngestionState, IngestionCalls {}

/**
 * One reading of documents by the server at `options.baseUrl`, the page's own where not given.
 *
 * The options of the first render count; for another server, give the component another `key`.
 */
export function useIngestion(options: IngestionOptions = {}): IngestionStream {
  const [session] = useState(() => new IngestionSession(options))
  const state = useSyncExternalStore(session.subscribe, session.getSnapshot, session.getSnapshot)
  const calls = useMemo(() => callsOf(session), [session])
  useEffect(() => () => session.close(), [session])
  return useMemo(() => ({ ...state, ...calls }), [state, calls])
}

function callsOf(session: IngestionSession): IngestionCalls {
  return {
    start: (what) => session.start(what),
    follow: (runId) => session.follow(runId),
    stop: () => session.stop(),
  }
}
