/** A real HTTP server on a free port, whose answers a test writes; it can cut its lines. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { StreamEvent } from '../src/protocol/events.generated.ts'
import { framed } from './tapes.ts'

/** What was asked of it. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answering = (asked: Asked, reply: Reply) => void | Promise<void>

/** One answer, as it leaves. */
export class Reply {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  json(value: unknown, status = 200, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers })
    this.#response.end(JSON.stringify(value))
  }

  empty(status = 204): void {
    this.#response.writeHead(status)
    this.#response.end()
  }

  /** The head of a stream, and what the server says before its first event. */
  stream(runId: string, first = 'retry: 0\n\n'): void {
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'x-run-id': runId })
    this.#response.write(first)
  }

  async write(text: string | Uint8Array): Promise<void> {
    await new Promise((resolve) => this.#response.write(text, resolve))
  }

  async events(events: readonly StreamEvent[]): Promise<void> {
    await this.write(events.map(framed).join(''))
  }

  end(): void {
    this.#response.end()
  }

  /** Drop the connection. */
  cut(): void {
    this.#response.destroy()
  }

  /** Resolves when the other side has gone. */
  left(): Promise<void> {
    return new Promise((resolve) => this.#response.once('close', resolve))
  }
}

/** A server that runs; `asked` has every request so far. */
export class TestServer {
  readonly asked: Asked[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(answering: Answering): Promise<TestServer> {
    const server = createServer(async (request, response) => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece)
      const { method = '', url: path = '', headers } = request
      const asked = { method, path, headers, body: Buffer.concat(pieces).toString() }
      opened.asked.push(asked)
      await answering(asked, new Reply(response))
    })
    const opened = new TestServer(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return opened
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Where the client stands: the seq of the newest event it has; 0 without one. */
export function cursorOf({ headers }: Asked): number {
  const id = headers['last-event-id']
  return typeof id === 'string' ? Number(id.split('-')[1]) : 0
}
