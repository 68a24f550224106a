/**
 * What can go wrong, as one kind of value; `words.ts` says it to people.
 *
 * Rule 1: whatever was thrown or answered becomes a `ChatError` once, here.
 * Rule 2: `code` comes from the server's closed list, or is one of `ClientErrorCode`.
 */

import { asObject, parseJson } from './protocol/decode.ts'
import type { ChatError, ClientErrorCode } from './state.ts'

/** What the calls of this library throw. */
export class ChatFailure extends Error {
  override readonly name = 'ChatFailure'
  readonly error: ChatError
  /** The HTTP status; null where no answer came. */
  readonly status: number | null

  constructor(error: ChatError, status: number | null = null) {
    super(error.message)
    this.error = error
    this.status = status
  }
}

/** An error that only a client can know of. */
export function clientError(code: ClientErrorCode): ChatError {
  const retryable = code !== 'unauthorized' && code !== 'aborted'
  return { code, message: SAID[code], retryable, retryAfterS: null }
}

/** The error in an answer that is not ok, or in something that was thrown. */
export async function toChatError(cause: unknown): Promise<ChatError> {
  if (cause instanceof Response) return errorOf(cause)
  if (cause instanceof ChatFailure) return cause.error
  if (cause instanceof Error && cause.name === 'AbortError') return clientError('aborted')
  return { code: 'internal', message: UNFORESEEN, retryable: true, retryAfterS: null }
}

/** The answer as a failure to throw. */
export async function failureOf(response: Response): Promise<ChatFailure> {
  return new ChatFailure(await errorOf(response), response.status)
}

async function errorOf(response: Response): Promise<ChatError> {
  const text = await response.text().catch(() => '')
  const { code, detail, retry_after_s } = asObject(parseJson(text)) ?? {}
  const known = typeof code === 'string' ? code : codeOf(response.status)
  return {
    code: known,
    message: typeof detail === 'string' ? detail : `The server answered ${response.status}.`,
    retryable: RETRYABLE.includes(known),
    retryAfterS: typeof retry_after_s === 'number' ? retry_after_s : retryAfter(response),
  }
}

/** The seed's routes, and proxies, give no code: their status stands for one. */
function codeOf(status: number): string {
  return CODES[status] ?? (status >= 500 ? 'internal' : 'invalid_request')
}

const CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden_origin',
  404: 'not_found',
  409: 'conflict',
  413: 'body_too_large',
  429: 'too_many_runs',
  502: 'no_connection', // a proxy that does not reach the server
  503: 'no_connection',
  504: 'no_connection',
  507: 'storage_full',
}

const RETRYABLE: readonly string[] = [
  'no_connection',
  'too_many_runs',
  'model_unavailable',
  'model_rate_limited',
  'model_timeout',
  'model_protocol',
  'storage_full',
  'worker_lost',
  'internal',
]

const UNFORESEEN = 'Something went wrong in this page that nobody foresaw.'

const SAID: Readonly<Record<ClientErrorCode, string>> = {
  no_connection: 'The server cannot be reached.',
  incomplete_stream: 'The answer broke off before its end, and its stream could not be rejoined.',
  damaged_stream: 'Some of the answer got lost on its way here.',
  unauthorized: 'This server asks for a key.',
  aborted: 'This page stopped following; the run goes on.',
}

function retryAfter(response: Response): number | null {
  const text = response.headers.get('retry-after')
  if (text === null) return null
  const seconds = /^[0-9]+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null
}
