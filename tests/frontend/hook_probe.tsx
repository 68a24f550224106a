/** A component that only holds the hooks; a test mounts it, calls them and takes it away. */

import { type ChatStream, type IngestionStream, useChatStream, useIngestion } from '@tailrace/react'
import { StrictMode, useEffect } from 'react'
import { createRoot, type Root } from 'react-dom/client'

const baseUrl = new URLSearchParams(location.search).get('server') ?? ''
const senders = new Set<ChatStream['send']>()
let chat: ChatStream | null = null
let reading: IngestionStream | null = null
let root: Root | null = null

function Probe() {
  const current = useChatStream({ baseUrl })
  const ingestion = useIngestion({ baseUrl })
  useEffect(() => {
    reading = ingestion
    chat = current // only now: before its effects have run, nobody could press anything
    senders.add(current.send)
  })
  return <p>{current.streamingMessage?.content ?? current.messages.at(-1)?.content}</p>
}

Object.assign(window, {
  mount: () => {
    senders.clear()
    root = createRoot(document.body.appendChild(document.createElement('div')))
    root.render(
      <StrictMode>
        <Probe />
      </StrictMode>,
    )
  },
  unmount: () => {
    root?.unmount()
    chat = null
  },
  chat: () => chat,
  reading: () => reading,
  senders: () => senders.size,
})
