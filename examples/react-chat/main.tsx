import { describeError } from '@tailrace/core'
import { useChatStream } from '@tailrace/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Composer } from './Composer.tsx'
import { Markdown } from './Markdown.tsx'

const baseUrl = new URLSearchParams(location.search).get('server') ?? 'http://127.0.0.1:1733'

function Chat() {
  const chat = useChatStream({ baseUrl })
  const { messages, streamingMessage, currentStage, connection, error } = chat
  const shown = streamingMessage ? [...messages, streamingMessage] : messages
  return (
    <main>
      {shown.map((message) => (
        <article key={message.key} className={message.role} data-status={message.status}>
          <Markdown text={message.content} whole={message !== streamingMessage} />
        </article>
      ))}
      <p role="status">{connection.state === 'reconnecting' ? 'Reconnecting …' : currentStage}</p>
      {error && <p role="alert">{describeError(error, 'en').title}</p>}
      <Composer {...chat} />
    </main>
  )
}

const page = (
  <StrictMode>
    <Chat />
  </StrictMode>
)
createRoot(document.body.appendChild(document.createElement('div'))).render(page)
