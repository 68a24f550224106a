// made by frontend/tools/generate.mjs from contracts/openapi.json; change the server instead

/**
 * What a new run does where its conversation has one that has not ended.
 *
 * One that waits for its user is in nobody's way: only `INTERRUPT` minds it, and ends it too.
 */
export type OnConflict = 'enqueue' | 'reject' | 'interrupt'
/**
 * How a document came here.
 *
 * Only one from a FOLDER is looked for on the disk again; a VAULT is written here; one from the
 * WEB has its address as its source; a CONVERSATION is what was said in one, searched as
 * documents are, and listed only where it is asked for.
 */
export type DocumentOrigin = 'folder' | 'upload' | 'sample' | 'vault' | 'web' | 'conversation'
/**
 * How a document can be found.
 */
export type ListedStatus = 'searchable' | 'embedded' | 'skipped' | 'failed'
/**
 * How far a pull is.
 */
export type PullState = 'running' | 'done' | 'failed' | 'cancelled'
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
 * What a run is for.
 */
export type RunKind = 'chat' | 'ingest'

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
 * More of a message; the address says of which, whatever `message_id` does.
 */
export interface AppendBody {
  message_id?: number | null
  content_chunk: string
  /**
   * Added to those before.
   */
  token_count?: number | null
}
/**
 * Whether this server asks for a key.
 */
export interface AuthStatus {
  auth_enabled: boolean
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
  /**
   * Whether this client can answer a question while the run waits: then what is not clear comes as `input_required`; otherwise as the answer.
   */
  interactive?: boolean | null
  /**
   * An ended run of this conversation, its newest: its question is answered again, without a second user message. `query` must be that question.
   */
  retry_of?: string | null
  /**
   * Where the conversation has a run that has not ended: `enqueue` (the default) waits for it, `reject` answers 409, `interrupt` cancels it first and keeps what it wrote. A run that waits for its user is in nobody's way; only `interrupt` ends that too.
   */
  on_conflict?: OnConflict | null
  /**
   * Once the last viewer has left: `continue` (the default), `cancel`, or `cancel_after:<s>`, unless somebody watches again within so many seconds, 86400 at most. It counts from the first viewer on, and a server that stops is no viewer that leaves.
   */
  on_disconnect?: string | null
}
/**
 * What lies around the question.
 */
export interface ChatContextBody {
  /**
   * Earlier turns; count where the conversation has none.
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
 * That part of the answer rests on that passage.
 */
export interface Citation {
  source_id: string
  /**
   * In Unicode code points of the answer.
   */
  answer_start: number
  answer_end: number
  /**
   * Exactly that revision's text from char_start to char_end.
   */
  quote: string
  document_id: number
  revision: number
  char_start: number
  char_end: number
  page?: number | null
  /**
   * Whether the document has changed since.
   */
  stale: boolean
  /**
   * Whether the document was removed.
   */
  gone: boolean
}
/**
 * What an answer rests on by now, in the order it was said and found.
 */
export interface Citations {
  citations: Citation[]
  sources: CitedSource[]
}
/**
 * A passage that was found for the answer.
 */
export interface CitedSource {
  id: string
  document_id: number
  revision: number
  title: string
  /**
   * Whether the document has changed since.
   */
  stale: boolean
  /**
   * Whether the document was removed.
   */
  gone: boolean
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
 * The conversation that was deleted.
 */
export interface Deleted {
  success: boolean
  id: number
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
  /**
   * `searchable`: found by its words; `embedded`: by its meaning, too.
   */
  status: 'searchable' | 'embedded' | 'skipped' | 'failed'
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
 * How much of the documents can be found.
 */
export interface DocumentCoverage {
  documents: number
  /**
   * Those that are found by their words.
   */
  searchable: number
  /**
   * Those that are found by their meaning, too.
   */
  embedded: number
  skipped: number
  failed: number
  /**
   * Passages in all.
   */
  pieces: number
  /**
   * Those that are found by their meaning, too.
   */
  pieces_embedded: number
  /**
   * What makes that possible; "" where nothing does.
   */
  model: string
  /**
   * What it does: off, working, ready, failed.
   */
  state: string
  /**
   * How changes in the added folders are noticed, for people.
   */
  folders: string
}
/**
 * A page of documents in the order they came, and how many there are in all.
 */
export interface DocumentList {
  items: DocumentInfo[]
  total: number
}
/**
 * A piece of a document's text, its place in Unicode code points.
 */
export interface DocumentText {
  document_id: number
  /**
   * The revision the text is of.
   */
  revision: number
  /**
   * Whether the document has changed since that revision.
   */
  stale: boolean
  title: string
  start: number
  /**
   * Where the piece ends; less than asked for, where the text does.
   */
  end: number
  /**
   * How long the whole text is.
   */
  total_chars: number
  text: string
}
export interface EnvelopeOfAuthStatus {
  code?: number
  status?: number
  message?: string
  data: AuthStatus
}
export interface EnvelopeOfHealthyParts {
  code?: number
  status?: number
  message?: string
  data: HealthyParts
}
/**
 * That this server is up, and which of its parts are there.
 */
export interface HealthyParts {
  status?: string
  service?: string
  components: {
    [k: string]: boolean
  }
}
export interface EnvelopeOfHealthy {
  code?: number
  status?: number
  message?: string
  data: Healthy
}
/**
 * That this server is up.
 */
export interface Healthy {
  status?: string
  service?: string
}
/**
 * That it is gone.
 */
export interface Erased {
  /**
   * Whether the files were written anew without it; where keys are asked for, only the user who runs the server has that done, with `tailrace erase`.
   */
  wiped: boolean
}
/**
 * What a long poll brings.
 */
export interface EventPage {
  /**
   * Events, as a stream has them.
   */
  events: {
    [k: string]: unknown
  }[]
  /**
   * What to ask for next, as `after`.
   */
  cursor: string
  /**
   * How far the run is.
   */
  status: 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled'
  /**
   * Whether nothing more will come.
   */
  done: boolean
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
/**
 * A passage: code points `char_start` to `char_end` of that revision of its document.
 */
export interface FoundPassage {
  id: string
  document_id: number
  revision: number
  title: string
  /**
   * Its document's path or name.
   */
  source: string
  /**
   * The headings it stands under.
   */
  heading: string
  page: number | null
  char_start: number
  char_end: number
  text: string
  /**
   * Some of it, around what was asked for, on one line.
   */
  snippet: string
  /**
   * Higher is better; compares within one search.
   */
  score: number
}
/**
 * What was found, best first.
 */
export interface FoundPassages {
  items: FoundPassage[]
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
 * What is to be read in: one of `path`, `url` and `rescan`.
 */
export interface IngestionBody {
  /**
   * A folder or a file of the machine this server runs on, from the root on; it is read again whenever it changes. Asks for the home's token.
   */
  path?: string | null
  /**
   * A page of the web, `http` or `https`.
   */
  url?: string | null
  /**
   * Look again at everything that was added. Asks for the home's token.
   */
  rescan?: true | null
  /**
   * Whether the run ends once all can be found by its words, or by its meaning, too (the default).
   */
  until?: ('searchable' | 'embedded') | null
}
/**
 * The answer to what a run waits for.
 */
export interface InputBody {
  /**
   * Of the `input_required` that is answered.
   */
  request_id: string
  /**
   * The answer; one of its `options`, or anything else.
   */
  text: string
}
/**
 * The message whose answer was stopped.
 */
export interface Interrupted {
  message_id: string
}
/**
 * A message made by hand.
 */
export interface MessageBody {
  conversation_id: number
  role: 'user' | 'assistant'
  content: string
  /**
   * Whether it is whole; otherwise more may be appended.
   */
  is_complete?: boolean | null
  token_count?: number | null
}
/**
 * A model that can be fetched, with all a person should know before it is.
 */
export interface ModelOffer {
  name: string
  /**
   * What its makers call it.
   */
  title: string
  size_bytes: number
  /**
   * What the whole file must have, or it is thrown away.
   */
  sha256: string
  /**
   * Of the weights, as an SPDX identifier.
   */
  licence: string
  /**
   * Where the weights are described.
   */
  homepage: string
  /**
   * The hosts it would come from, in order.
   */
  sources: string[]
  /**
   * Whether it is too small to be of use.
   */
  smoke_test_only: boolean
  installed: boolean
}
/**
 * One fetch of a model, and how far it is.
 */
export interface ModelPull {
  name: string
  state: PullState
  done_bytes: number
  total_bytes: number
  /**
   * Where it comes from; "" before the first byte.
   */
  source: string
  error: PullError | null
}
/**
 * Why a pull failed.
 */
export interface PullError {
  code: string
  /**
   * What went wrong, and what to do.
   */
  message: string
}
/**
 * What answers here, what could, and the fetch that is under way.
 */
export interface ModelSetup {
  /**
   * Null while there is none: answers are then the passages themselves.
   */
  answering: Model | null
  /**
   * The host that TAILRACE_LLM_URL names; null: models run on this machine.
   */
  endpoint: string | null
  /**
   * Whether models can run on this machine.
   */
  runtime: boolean
  /**
   * The name of the model for whoever has no wish.
   */
  recommended: string
  models: ModelOffer[]
  /**
   * The fetch under way, or else the newest; null before the first.
   */
  pull: ModelPull | null
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
  /**
   * What events that were let go of amount to.
   */
  snapshot_url?: string | null
}
/**
 * What is old enough to be let go of.
 */
export interface PruneBody {
  /**
   * Seconds since a run's end.
   */
  older_than_s: number
  /**
   * Only say what would go.
   */
  dry_run?: boolean
}
/**
 * What went, or would go.
 */
export interface Pruned {
  /**
   * Whose last event but the terminal one went.
   */
  runs: number
  events: number
  /**
   * False where more is left; ask again.
   */
  done: boolean
}
/**
 * Why not, in the seed's envelope.
 */
export interface Refusal {
  /**
   * The same as `status`.
   */
  code: number
  status: number
  message: string
}
/**
 * Another text for a message; the address says for which, whatever `message_id` does.
 */
export interface ReplaceBody {
  message_id?: number | null
  new_content: string
  /**
   * Whether it is whole now; one that has ended stays ended.
   */
  is_complete?: boolean | null
  /**
   * Instead of those before.
   */
  token_count?: number | null
}
/**
 * The answer to what a run waits for, as the seed has it; the address names the run.
 */
export interface ResumeBody {
  workflow_id?: string | null
  /**
   * The answer.
   */
  user_input?: string | null
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
  /**
   * Whether it answers a question or reads documents in.
   */
  kind: 'chat' | 'ingest'
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
  /**
   * Whether it answers a question or reads documents in.
   */
  kind: 'chat' | 'ingest'
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
   * What it waits for its user to say.
   */
  input?: RunInput | null
  /**
   * Why it failed.
   */
  error?: RunError | null
}
/**
 * What a run waits for.
 */
export interface RunInput {
  /**
   * An answer has to name it.
   */
  request_id: string
  question: string
  /**
   * Answers to choose from; others are taken.
   */
  options?: string[]
  /**
   * When the run ends without an answer.
   */
  expires_at: string
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
  /**
   * The run it belongs to; null for one made by hand.
   */
  run_id: string | null
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
  /**
   * How its run ended; null while it goes on, and for other messages.
   */
  outcome: Outcome | null
  /**
   * Why its run failed; null where it did not.
   */
  error_code: string | null
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
 *
 * The seed has no `input`: what an interactive run waits for.
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
  input?: {
    [k: string]: unknown
  } | null
  errors?: string | null
}
/**
 * A message made by hand that will be written piece by piece.
 */
export interface StreamingMessageBody {
  conversation_id: number
  role: 'user' | 'assistant'
}
/**
 * A conversation's new title.
 */
export interface TitleBody {
  title: string
}
/**
 * The document that was asked for.
 */
export interface VaultAnswer {
  success?: true
  data: VaultData
}
/**
 * A note, or another document, with its text.
 */
export interface VaultData {
  id: number
  title: string
  summary: string | null
  tags: string | null
  created_at: string
  updated_at: string
  document_type: string
  content: string
}
/**
 * A note; the address says which, whatever `id` does. What is null stays as it was.
 */
export interface VaultBody {
  id?: number | null
  /**
   * Empty: `Untitled`.
   */
  title: string
  /**
   * Markdown; it may be empty.
   */
  content: string
  summary?: string | null
  tags?: string | null
  /**
   * `Note`, where it is new.
   */
  document_type?: string | null
}
/**
 * Whether the document can be searched, and in how many passages.
 */
export interface VaultContext {
  success?: true
  document_id: number
  has_context: boolean
  total_chunks: number
  document_info: VaultInfo
}
/**
 * A note, or another document, but for its text.
 */
export interface VaultInfo {
  id: number
  title: string
  summary: string | null
  tags: string | null
  created_at: string
  updated_at: string
  document_type: string
}
/**
 * What went wrong.
 */
export interface VaultError {
  success: false
  error: string
}
/**
 * The note that was written, and that it can be searched.
 */
export interface VaultKept {
  success?: true
  message: string
  doc_id: number
  table_name?: 'vaults'
  context_processing: 'triggered' | 'reprocessing'
}
/**
 * A note in a list.
 */
export interface VaultLine {
  id: number
  title: string
  /**
   * Its first 100 characters; null where there is none.
   */
  summary: string | null
  created_at: string
  updated_at: string
  document_type: string
  /**
   * In characters.
   */
  content_length: number
}
/**
 * A page of notes, newest first, and how many there are in all.
 */
export interface VaultList {
  success?: true
  data: VaultLine[]
  total: number
}
/**
 * That the note is gone, and cannot be found any more.
 */
export interface VaultRemoved {
  success?: true
  message: string
  context_cleanup?: 'triggered'
}
