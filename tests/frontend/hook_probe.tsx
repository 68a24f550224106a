/** A component that only holds the hook; the test mounts it, calls it and takes it away. */

import { type ChatStream, useChatStream } from '@tailrace/react'
import { StrictMode, useEffect } from 'react'
import { createRoot, type Root } from 'react-dom/client'

const baseUrl = new URLSearchParams(location.search).get('server') ?? ''
const senders = new Set<ChatStream['send']>()
let chat: ChatStream | null = null
let root: Root | null = null

function Probe() {
  const current = useChatStream({ baseUrl })
  useEffect(() => {
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
  senders: () => senders.size,
})
