/**
 * A whole conversation with a real server, told as JSON on standard output.
 *
 * usage: node conversation.ts <server's address>
 */

import { ChatSession, type ChatState } from '../../src/index.ts'

const [, , baseUrl = ''] = process.argv
const schedule = { request: (flush: () => void) => queueMicrotask(flush), cancel: () => {} }
const told: Record<string, unknown>[] = []

function shows(session: ChatSession, holds: (state: ChatState) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds(session.getSnapshot())) return
      forget()
      resolve()
    }
    const forget = session.subscribe(look)
    look()
  })
}

async function tell(step: string, session: ChatSession, doing: Promise<void>): Promise<void> {
  await doing
  const { messages, error, conversationId } = session.getSnapshot()
  told.push({ step, messages, error, conversationId })
}

const session = new ChatSession({ baseUrl, schedule })
await tell('simple chat', session, session.send('Hello!'))
await tell('answer', session, session.send('What is the budget of the harbour plan?'))
await tell('insufficient', session, session.send('Who won the football cup of Brazil?'))
await tell('failure', session, session.send('What does it say about failing harbour plans?'))
await tell('retry', session, session.retry())

const endless = session.send('Tell me an endless story')
await shows(session, ({ streamingMessage }) => (streamingMessage?.content ?? '') !== '')
await session.stop()
await tell('stop', session, endless)

const again = new ChatSession({ baseUrl, schedule })
await tell('reopened', again, again.open(session.getSnapshot().conversationId ?? 0))
await tell('continued', again, again.send('And hello again!'))
const old = again.getSnapshot().messages[3]
await tell('old run', again, again.loadRun(old?.key ?? ''))

process.stdout.write(JSON.stringify(told))
