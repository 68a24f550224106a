/** Whether the text that came is the text that was written, to the last byte. */

import type { RunState } from './state.ts'

/**
 * Whether nothing of the ended run's text is missing or wrong. Where the page came over plain HTTP
 * the browser lends no hash function; there only the offsets of its chunks count.
 */
export async function isWhole(run: RunState): Promise<boolean> {
  if (run.damaged) return false
  const { subtle } = globalThis.crypto
  if (subtle === undefined || run.contentSha256 === null) return true
  const digest = await subtle.digest('SHA-256', new TextEncoder().encode(run.text))
  return run.contentSha256 === hex(new Uint8Array(digest))
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
