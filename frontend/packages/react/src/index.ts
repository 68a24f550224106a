/** A Tailrace chat as a React hook. */

export { type ChatCalls, type ChatStream, useChatStream } from './use-chat-stream.ts'
