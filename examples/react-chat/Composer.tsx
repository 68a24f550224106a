import type { ChatStream } from '@tailrace/react'

/** Where a question is typed, and what can be done about its answer. */
export function Composer({ isStreaming, error, send, stop, retry }: ChatStream) {
  const stopButton = (
    <button type="button" onClick={stop}>
      Stop
    </button>
  )
  return (
    <form action={(data: FormData) => void send(String(data.get('question')))}>
      <input name="question" aria-label="Question" />
      {isStreaming ? stopButton : <button type="submit">Ask</button>}
      {error && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </form>
  )
}
