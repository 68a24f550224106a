// @ts-check
/** Which conversations have an answer on its way, seen from the list of runs. */

/** @typedef {{conversation_id: number | null, finished_at: string | null}} Run */

const LOOKED_AT = 50

/**
 * @param {string} baseUrl
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<readonly number[]>}
 */
export async function findLive(baseUrl, fetch) {
  const response = await fetch(`${baseUrl}api/agent/runs?limit=${LOOKED_AT}`).catch(() => null)
  if (!response?.ok) return []
  /** @type {{items: readonly Run[]}} */
  const { items } = await response.json()
  return items.flatMap((run) =>
    run.finished_at === null && run.conversation_id !== null ? [run.conversation_id] : [],
  )
}
