// @ts-check
/**
 * Uploads: files on their way to the server, one after the other.
 *
 * Rule: what could not be taken in stays in sight, with the reason, until it is dismissed.
 */

import { toChatError } from '../core.js'
import { make } from './dom.js'
import { Store } from './store.js'

/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('../core.js').ChatError} ChatError */
/** @typedef {import('./documents.js').Documents} Documents */

/**
 * @typedef {object} Upload
 * @property {number} key
 * @property {string} name
 * @property {'waiting' | 'sending' | 'done' | 'refused' | 'failed'} state
 * @property {number} share how much of it has left, 0 to 1
 * @property {string} reason of the server, where it was taken in and cannot be searched
 * @property {ChatError | null} error
 */

const GONE_AFTER_MS = 6000

/** @extends {Store<readonly Upload[]>} */
export class Uploads extends Store {
  /** @type {Map<number, File>} */
  #files = new Map()
  #count = 0
  #busy = false

  /**
   * @param {TailraceClient} client
   * @param {Documents} documents
   */
  constructor(client, documents) {
    super([])
    this.client = client
    this.documents = documents
  }

  /** Asks for files, and adds them. */
  choose() {
    const input = make('input', { type: 'file', multiple: true })
    input.addEventListener('change', () => input.files && this.add(input.files))
    input.click()
  }

  /** @param {Iterable<File>} files */
  add(files) {
    const added = Array.from(files, (file) => {
      this.#count += 1
      this.#files.set(this.#count, file)
      return this.#entry(this.#count, file.name)
    })
    this.set([...this.value, ...added])
    void this.#send()
  }

  /** @param {number} key */
  dismiss(key) {
    this.#files.delete(key)
    this.set(this.value.filter((upload) => upload.key !== key))
  }

  /**
   * @param {number} key
   * @param {string} name
   * @returns {Upload}
   */
  #entry(key, name) {
    return { key, name, state: 'waiting', share: 0, reason: '', error: null }
  }

  async #send() {
    if (this.#busy) return
    this.#busy = true
    for (;;) {
      const next = this.value.find((upload) => upload.state === 'waiting')
      const file = next && this.#files.get(next.key)
      if (!file) break
      await this.#sendOne(next.key, file)
    }
    this.#busy = false
  }

  /**
   * @param {number} key
   * @param {File} file
   */
  async #sendOne(key, file) {
    this.#change(key, { state: 'sending' })
    try {
      const sent = await this.client.uploadDocument(file.name, file, (done, total) =>
        this.#change(key, { share: total > 0 ? done / total : 1 }),
      )
      const taken = sent.status === 'searchable'
      this.#change(key, { state: taken ? 'done' : 'refused', reason: sent.reason, share: 1 })
      if (taken) setTimeout(() => this.dismiss(key), GONE_AFTER_MS)
    } catch (cause) {
      this.#change(key, { state: 'failed', error: await toChatError(cause) })
    }
    this.#files.delete(key)
    await this.documents.load()
  }

  /**
   * @param {number} key
   * @param {Partial<Upload>} change
   */
  #change(key, change) {
    this.set(this.value.map((upload) => (upload.key === key ? { ...upload, ...change } : upload)))
  }
}

/**
 * Lets files be dropped anywhere on the page.
 *
 * @param {Uploads} uploads
 * @param {AbortSignal} signal
 */
export function takeDrops(uploads, signal) {
  /** @type {(event: DragEvent) => boolean} */
  const holdsFiles = (event) => event.dataTransfer?.types.includes('Files') ?? false
  /** @param {boolean} dropping */
  const show = (dropping) => document.body.classList.toggle('dropping', dropping)
  addEventListener(
    'dragover',
    (event) => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      show(true)
    },
    { signal },
  )
  addEventListener('dragleave', (event) => event.relatedTarget === null && show(false), { signal })
  addEventListener(
    'drop',
    (event) => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      show(false)
      if (event.dataTransfer) uploads.add(event.dataTransfer.files)
    },
    { signal },
  )
}
