/** Sending a document, and telling how much of it has left. */

import { ChatFailure, clientError, failureOf } from './errors.ts'
import type { Http } from './http.ts'
import type { DocumentInfo } from './protocol/api.generated.ts'
import { parseJson, trusted } from './protocol/decode.ts'

/** How much of an upload has left, in bytes. */
export type OnProgress = (sent: number, total: number) => void

/** `fetch` tells nothing of what has left; the older way does. */
export function sendWithProgress(
  http: Http,
  path: string,
  bytes: Blob | Uint8Array<ArrayBuffer>,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<DocumentInfo> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(new ChatFailure(clientError('aborted')))
    if (signal?.aborted) return aborted()
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open('POST', http.url(path))
    const headers = http.headers({ 'content-type': 'application/octet-stream' })
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total)
    request.onload = () => {
      const { status, responseText } = request
      if (status < 400) resolve(trusted<DocumentInfo>(parseJson(responseText)))
      else failureOf(new Response(responseText, { status })).then(reject)
    }
    request.onerror = () => reject(new ChatFailure(clientError('no_connection')))
    request.onabort = aborted
    request.onloadend = () => signal?.removeEventListener('abort', abort)
    signal?.addEventListener('abort', abort)
    request.send(bytes)
  })
}
