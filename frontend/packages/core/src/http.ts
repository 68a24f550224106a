/**
 * One request, one answer, over `fetch`.
 *
 * Rule 1: what is returned was ok; everything else is thrown as a `ChatFailure`.
 */

import { ChatFailure, clientError, failureOf } from './errors.ts'
import { parseJson, trusted } from './protocol/decode.ts'

/** Where the server is, and how it is spoken to. */
export interface HttpOptions {
  /** Where the server's routes begin; "" for the page's own server. */
  readonly baseUrl?: string
  readonly fetch?: typeof globalThis.fetch
  /** Headers of every request, asked for each time: an API key, for example. */
  readonly headers?: () => Record<string, string>
}

/** What a request carries. */
export interface Sending {
  readonly json?: unknown
  readonly bytes?: Blob | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

/** The server, as far as HTTP goes. */
export class Http {
  readonly #baseUrl: string
  readonly #fetch: typeof globalThis.fetch
  readonly #headers: () => Record<string, string>

  constructor(options: HttpOptions = {}) {
    this.#baseUrl = (options.baseUrl ?? '').replace(/\/+$/, '')
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.#headers = options.headers ?? (() => ({}))
  }

  /** The whole address of `path`. */
  url(path: string): string {
    return this.#baseUrl + path
  }

  /** The headers of a request that has some of its own. */
  headers(own: Record<string, string> = {}): Record<string, string> {
    return { ...this.#headers(), ...own }
  }

  /**
   * The answer, which is ok.
   *
   * @throws ChatFailure none came, or it is an error.
   */
  async send(method: string, path: string, sending: Sending = {}): Promise<Response> {
    const response = await this.#try(method, path, sending)
    if (!response.ok) throw await failureOf(response)
    return response
  }

  /**
   * The JSON of the answer.
   *
   * @throws ChatFailure as `send`.
   */
  async json<T>(method: string, path: string, sending: Sending = {}): Promise<T> {
    const response = await this.send(method, path, sending)
    const text = await response.text().catch(() => undefined)
    if (text === undefined) throw new ChatFailure(clientError('no_connection'))
    return trusted<T>(parseJson(text))
  }

  async #try(method: string, path: string, sending: Sending): Promise<Response> {
    const { json, bytes, headers = {}, signal } = sending
    const kind = json === undefined ? {} : { 'content-type': 'application/json' }
    try {
      return await this.#fetch(this.url(path), {
        method,
        headers: this.headers({ ...kind, ...headers }),
        body: json === undefined ? (bytes ?? null) : JSON.stringify(json),
        signal: signal ?? null,
        cache: 'no-store',
      })
    } catch {
      throw new ChatFailure(clientError(signal?.aborted ? 'aborted' : 'no_connection'))
    }
  }
}
