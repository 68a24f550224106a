/** Follow, leave and rejoin the runs of a Tailrace server; no framework. */

export { ChatSession, type SessionOptions } from './ChatSession.ts'
export {
  ChatStreamService,
  type FollowOptions,
  type ServiceOptions,
  type WatchOptions,
  type WatchResult,
} from './ChatStreamService.ts'
export { type ChatAction, initialChat, reduceChat } from './chat.ts'
export { ChatFailure, clientError, toChatError } from './errors.ts'
export { AnimationFrames, type FrameScheduler, ManualFrames } from './frames.ts'
export { type IngestionOptions, IngestionSession, type IngestionState } from './IngestionSession.ts'
export {
  type IngestedFile,
  type Ingestion,
  type IngestionCounts,
  type IngestionPhase,
  type IngestionStatus,
  incompleteIngestion,
  initialIngestion,
  reduceIngestion,
} from './ingestion.ts'
export type {
  Citations,
  CitedSource,
  DocumentCoverage,
  DocumentInfo,
  DocumentList,
  DocumentText,
  Health,
  ListedStatus,
  ModelOffer,
  ModelPull,
  ModelSetup,
  Run,
  RunDetail,
  RunKind,
  SeedConversation,
  SeedConversations,
  SeedMessage,
} from './protocol/api.generated.ts'
export { decodeEvent, isOpening, isTerminal } from './protocol/decode.ts'
export { incompleteRun, initialRun, reduceRun } from './run.ts'
export { type ServerSentEvent, SseDecoder, WireError } from './sse.ts'
export type * from './state.ts'
export {
  type DocumentPage,
  type IngestRequest,
  type Page,
  type PassageOptions,
  type RunPage,
  TailraceClient,
} from './TailraceClient.ts'
export type { QuestionContext } from './turn.ts'
export type { OnProgress } from './upload.ts'
export { describeError, type ErrorWords, type Language } from './words.ts'
