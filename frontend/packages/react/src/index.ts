/** A Tailrace chat, and documents being read in, as React hooks. */

export { type ChatCalls, type ChatStream, useChatStream } from './use-chat-stream.ts'
export { type IngestionCalls, type IngestionStream, useIngestion } from './use-ingestion.ts'
