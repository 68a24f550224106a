// made by frontend/tools/generate.mjs from contracts/openapi.json; change the server instead

/**
 * Whether a document can be found; the reason why not stands beside it.
 */
export type DocumentStatus = 'searchable' | 'failed' | 'skipped'
/**
 * How a document came here; only one from a FOLDER is looked for on the disk again.
 */
export type DocumentOrigin = 'folder' | 'upload' | 'sample'
/**
 * How a run ended.
 */
export type Outcome = 'answered' | 'insufficient_context' | 'cancelled' | 'failed' | 'expired'
/**
 * How far a run is, as a list of runs shows it.
 */
export type RunState = 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled'
/**
 * Where a run is.
 */
export type WorkflowStage =
  | 'init'
  | 'intent_analysis'
  | 'context_gathering'
  | 'execution'
  | 'reflection'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'next'

/**
 * What came of adding a folder or a file.
 */
export interface Added {
  added: number
  updated: number
  unchanged: number
  removed: number
  skipped: NotRead[]
  failed: NotRead[]
  /**
   * What was added or updated.
   */
  document_ids: number[]
}
/**
 * A file that was not taken in, and why.
 */
export interface NotRead {
  source: string
  reason: string
}
/**
 * A question, and where it belongs.
 */
export interface ChatBody {
  /**
   * The question.
   */
  query: string
  context?: ChatContextBody | null
  /**
   * The client's session; one is made where there is none.
   */
  session_id?: string | null
  user_id?: string | null
  /**
   * The conversation it belongs to; its stored history then counts.
   */
  conversation_id?: number | null
}
/**
 * What lies around the question.
 */
export interface ChatContextBody {
  /**
   * Earlier turns; count only without a conversation_id.
   */
  chat_history?: ChatTurn[] | null
  /**
   * What is selected in the open document.
   */
  selected_content?: string | null
  /**
   * The open document; a number, or text that is one.
   */
  document_id?: number | null
}
/**
 * One turn of a conversation that the server does not have.
 */
export interface ChatTurn {
  role: 'user' | 'assistant'
  content: string
}
/**
 * A new conversation.
 */
export interface ConversationBody {
  /**
   * `home`, or `creation` beside an open document.
   */
  page_name: string
  document_id?: string | null
}
/**
 * A document, but for its text.
 */
export interface DocumentInfo {
  id: number
  title: string
  /**
   * Its path, or the name it was uploaded under.
   */
  source: string
  kind: string
  size_bytes: number
  /**
   * 1, and one more each time its text was replaced.
   */
  revision: number
  status: DocumentStatus
  /**
   * Why it is not searchable; "" where it is.
   */
  reason: string
  origin: DocumentOrigin
  chunk_count: number
  created_at: string
  updated_at: string
}
/**
 * A page of documents in the order they came, and how many there are in all.
 */
export interface DocumentList {
  items: DocumentInfo[]
  total: number
}
/**
 * What came of forgetting a folder or a file.
 */
export interface Forgotten {
  /**
   * How many documents went with it.
   */
  removed: number
}
export interface HTTPValidationError {
  detail?: ValidationError[]
}
export interface ValidationError {
  loc: (string | number)[]
  msg: string
  type: string
  input?: unknown
  ctx?: {}
}
/**
 * That this server is up, and what answers here.
 */
export interface Health {
  status: string
  version: string
  /**
   * Null while there is none: answers are then the passages themselves.
   */
  model: Model | null
}
/**
 * The model that answers.
 */
export interface Model {
  name: string
  /**
   * Whether it runs on this machine, supervised by us.
   */
  embedded: boolean
  /**
   * Whether it is too small to be of use.
   */
  smoke_test_only: boolean
}
/**
 * The message whose answer was stopped.
 */
export interface Interrupted {
  message_id: string
}
/**
 * A folder or a file on the machine the server runs on.
 */
export interface PathBody {
  path: string
}
/**
 * What went wrong, as RFC 9457 has it, with a code of ours.
 */
export interface Problem {
  type: string
  title: string
  status: number
  /**
   * What was asked, what was found, what to do.
   */
  detail: string
  /**
   * From a closed list; a released code is never renamed.
   */
  code: string
  retry_after_s?: number | null
}
/**
 * A run, and how far it is.
 */
export interface Run {
  run_id: string
  /**
   * The same as run_id, under the seed's name.
   */
  workflow_id: string
  query: string
  state: RunState
  stage: WorkflowStage
  /**
   * How it ended; null while it goes on.
   */
  outcome: Outcome | null
  /**
   * Why it failed; null where it did not.
   */
  error_code: string | null
  session_id: string
  conversation_id: number | null
  user_message_id: number | null
  assistant_message_id: number | null
  /**
   * The generation of its log, from 1.
   */
  gen: number
  /**
   * The seq of its newest event.
   */
  last_seq: number
  attempts: number
  created_at: string
  updated_at: string
  finished_at: string | null
}
/**
 * A run, with what it has written so far.
 */
export interface RunDetail {
  run_id: string
  /**
   * The same as run_id, under the seed's name.
   */
  workflow_id: string
  query: string
  state: RunState
  stage: WorkflowStage
  /**
   * How it ended; null while it goes on.
   */
  outcome: Outcome | null
  /**
   * Why it failed; null where it did not.
   */
  error_code: string | null
  session_id: string
  conversation_id: number | null
  user_message_id: number | null
  assistant_message_id: number | null
  /**
   * The generation of its log, from 1.
   */
  gen: number
  /**
   * The seq of its newest event.
   */
  last_seq: number
  attempts: number
  created_at: string
  updated_at: string
  finished_at: string | null
  /**
   * The answer, whole or so far.
   */
  text: string
  /**
   * Why it failed.
   */
  error?: RunError | null
}
/**
 * Why a run failed.
 */
export interface RunError {
  code: string
  message: string
  retryable?: boolean
  retry_after_s?: number | null
}
/**
 * A page of runs, newest first; `before` its last one gives the next page.
 */
export interface RunList {
  items: Run[]
}
/**
 * A conversation.
 */
export interface SeedConversation {
  id: number
  title: string | null
  user_id: string | null
  created_at: string
  updated_at: string
  metadata: string
  page_name: string
  status: string
}
/**
 * A page of conversations, last used first, and how many there are in all.
 */
export interface SeedConversations {
  items: SeedConversation[]
  total: number
}
/**
 * What went wrong; a list of places where the request does not have its form.
 */
export interface SeedError {
  detail:
    | string
    | {
        [k: string]: unknown
      }[]
}
/**
 * A message with the thoughts that led to it.
 */
export interface SeedMessage {
  id: number
  conversation_id: number
  parent_message_id: string | null
  role: string
  content: string
  status: string
  token_count: number
  metadata: string
  latency_ms: number
  error_message: string
  thinking: SeedThinking[]
  completed_at: string | null
  created_at: string
  updated_at: string
}
/**
 * One status a node gave while it worked.
 */
export interface SeedThinking {
  id: number
  message_id: number
  content: string
  stage: string | null
  progress: number | null
  sequence: number
  metadata: string
  created_at: string
}
/**
 * What a run has worked out; null where it has not come to it.
 */
export interface SeedState {
  success: boolean
  workflow_id: string
  stage: string
  query: string
  intent?: {
    [k: string]: unknown
  } | null
  context?: {
    [k: string]: unknown
  } | null
  execution?: {
    [k: string]: unknown
  } | null
  reflection?: {
    [k: string]: unknown
  } | null
  errors?: string | null
}
