/**
 * The server's ordinary calls, typed: conversations, documents, models, health.
 *
 * Rule 1: each call gives what the server answers, or throws a `ChatFailure`.
 * Rule 2: streams of runs are `ChatStreamService`'s.
 */

import { type ChatFailure, clientError } from './errors.ts'
import { type FollowResult, follow, type Line, type Patience } from './following.ts'
import { Http, type HttpOptions } from './http.ts'
import type {
  Citations,
  DocumentCoverage,
  DocumentInfo,
  DocumentList,
  DocumentText,
  EnvelopeOfAuthStatus,
  Health,
  ListedStatus,
  ModelSetup,
  Run,
  RunDetail,
  RunKind,
  RunList,
  SeedConversation,
  SeedConversations,
  SeedMessage,
} from './protocol/api.generated.ts'
import { asObject, parseJson, trusted } from './protocol/decode.ts'
import type { ServerSentEvent } from './sse.ts'
import { type OnProgress, sendWithProgress } from './upload.ts'

/** Where a page of a list begins, and how long it may be. */
export interface Page {
  readonly limit?: number
  readonly offset?: number
}

export interface DocumentPage extends Page {
  readonly status?: ListedStatus
}

export interface RunPage {
  readonly limit?: number
  readonly kind?: RunKind | 'all'
}

export interface PassageOptions {
  /** Of which revision; the newest where not given. */
  readonly revision?: number
  readonly signal?: AbortSignal
}

/** What is to be read in: one of them. A path and a rescan ask for the token of the server's home. */
export type IngestRequest =
  | { readonly url: string }
  | { readonly path: string }
  | { readonly rescan: true }

/** The server's ordinary calls. */
export class TailraceClient {
  readonly #http: Http
  readonly #patience: Patience

  constructor(options: HttpOptions & Patience = {}) {
    this.#http = new Http(options)
    this.#patience = options
  }

  createConversation(pageName = 'home', signal?: AbortSignal): Promise<SeedConversation> {
    const json = { page_name: pageName }
    return this.#http.json('POST', CONVERSATIONS, { json, ...(signal && { signal }) })
  }

  /** A page of conversations, last used first. */
  listConversations(page: Page = {}): Promise<SeedConversations> {
    return this.#http.json('GET', `${CONVERSATIONS}/list${query({ ...page })}`)
  }

  /** All messages of a conversation, in order; none for an unknown one. */
  getMessages(conversationId: number, signal?: AbortSignal): Promise<SeedMessage[]> {
    const path = `${CONVERSATIONS}/${conversationId}/messages`
    return this.#http.json('GET', path, { ...(signal && { signal }) })
  }

  renameConversation(conversationId: number, title: string): Promise<SeedConversation> {
    const path = `${CONVERSATIONS}/${conversationId}/update`
    return this.#http.json('PATCH', path, { json: { title } })
  }

  async deleteConversation(conversationId: number): Promise<void> {
    await this.#http.send('DELETE', `${CONVERSATIONS}/${conversationId}/update`)
  }

  /** Runs, newest first: those of questions, or another kind of them. */
  async listRuns({ limit, kind }: RunPage = {}): Promise<Run[]> {
    const path = `/api/agent/runs${query({ limit, kind })}`
    const { items } = await this.#http.json<RunList>('GET', path)
    return items
  }

  getRun(runId: string): Promise<RunDetail> {
    return this.#http.json('GET', `/api/agent/runs/${encodeURIComponent(runId)}`)
  }

  /** What a run's answer rests on, and which of that has changed since or is gone. */
  runCitations(runId: string, signal?: AbortSignal): Promise<Citations> {
    const path = `/api/agent/runs/${encodeURIComponent(runId)}/citations`
    return this.#http.json('GET', path, { ...(signal && { signal }) })
  }

  /** End a run; what was written stays. */
  cancelRun(runId: string): Promise<Run> {
    return this.#http.json('POST', `/api/agent/runs/${encodeURIComponent(runId)}/cancel`)
  }

  /** A page of documents, in the order they came; those of one status alone where it is given. */
  listDocuments(page: DocumentPage = {}): Promise<DocumentList> {
    return this.#http.json('GET', `/api/documents${query({ ...page })}`)
  }

  /** How many documents and passages there are, and how many can be found, and how. */
  coverage(signal?: AbortSignal): Promise<DocumentCoverage> {
    return this.#http.json('GET', '/api/documents/coverage', { ...(signal && { signal }) })
  }

  /**
   * Have a web page, a folder or a file of the server's machine, or all of them again, read in. What
   * is given is the run that does so: `IngestionSession` follows it, `cancelRun` stops it.
   */
  ingest(what: IngestRequest, signal?: AbortSignal): Promise<Run> {
    const sending = { json: what, ...(signal && { signal }) }
    return this.#http.json('POST', '/api/documents/ingestions', sending)
  }

  /** Add a document; one of the same name is replaced. */
  uploadDocument(
    name: string,
    bytes: Blob | Uint8Array<ArrayBuffer>,
    onProgress?: OnProgress,
    signal?: AbortSignal,
  ): Promise<DocumentInfo> {
    const path = `/api/documents${query({ name })}`
    if (onProgress && typeof XMLHttpRequest === 'function') {
      return sendWithProgress(this.#http, path, bytes, onProgress, signal)
    }
    const headers = { 'content-type': 'application/octet-stream' }
    return this.#http.json('POST', path, { bytes, headers, ...(signal && { signal }) })
  }

  async deleteDocument(documentId: number): Promise<void> {
    await this.#http.send('DELETE', `/api/documents/${documentId}`)
  }

  /** The document's text from code point `start` to `end`, as it is now or was in a revision. */
  getPassage(
    documentId: number,
    start: number,
    end: number,
    { revision, signal }: PassageOptions = {},
  ): Promise<DocumentText> {
    const path = `/api/documents/${documentId}/text${query({ start, end, revision })}`
    return this.#http.json('GET', path, { ...(signal && { signal }) })
  }

  /** What answers here, and what could. */
  modelSetup(): Promise<ModelSetup> {
    return this.#http.json('GET', '/api/settings/models')
  }

  /** Begin to fetch a model of the catalogue. */
  async pullModel(name: string): Promise<void> {
    await this.#http.send('POST', `/api/settings/models/${encodeURIComponent(name)}/pull`)
  }

  async cancelPull(): Promise<void> {
    await this.#http.send('DELETE', '/api/settings/models/pull')
  }

  /** Be told of every change of `modelSetup`, from how it stands now, until `signal`. */
  async watchModelSetup(
    onState: (setup: ModelSetup) => void,
    signal: AbortSignal,
  ): Promise<FollowResult> {
    return follow(new SetupLine(this.#http, onState), this.#patience, signal)
  }

  health(): Promise<Health> {
    return this.#http.json('GET', '/healthz')
  }

  /** Whether this server asks for a key. */
  async authStatus(): Promise<{ readonly authEnabled: boolean }> {
    const { data } = await this.#http.json<EnvelopeOfAuthStatus>('GET', '/api/auth/status')
    return { authEnabled: data.auth_enabled }
  }
}

const CONVERSATIONS = '/api/agent/chat/conversations'

/** The stream of the model set-up, which has no end. */
class SetupLine implements Line {
  readonly #http: Http
  readonly #onState: (setup: ModelSetup) => void

  constructor(http: Http, onState: (setup: ModelSetup) => void) {
    this.#http = http
    this.#onState = onState
  }

  open(signal: AbortSignal): Promise<Response> {
    return this.#http.send('GET', '/api/settings/models/events', { signal })
  }

  take(frame: ServerSentEvent): 'seen' | 'new' {
    const setup = asObject(parseJson(frame.data))
    if (setup === null) return 'seen'
    this.#onState(trusted<ModelSetup>(setup))
    return 'new'
  }

  isFinal({ status }: ChatFailure): boolean {
    return status !== null && status >= 400 && status < 500 && status !== 429
  }

  exhausted() {
    return { after: null, error: clientError('no_connection') }
  }
}

function query(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)]],
  )
  return given.length > 0 ? `?${new URLSearchParams(given)}` : ''
}
