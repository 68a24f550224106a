// @ts-check
/**
 * The plain page: a whole front end over the client library, without a framework or a build.
 *
 * Here its parts are made and joined; `plain/` has one of them a file.
 *
 * Rule 1: what a part shows comes from the session or a store, and whoever changes that is told of
 *   no view.
 * Rule 2: addresses are relative to this file, so that the page works below any prefix.
 */

import { ChatSession, TailraceClient } from './core.js'
import { Address } from './plain/address.js'
import { ApiKey } from './plain/api_key.js'
import { Conversations } from './plain/conversations.js'
import { Documents } from './plain/documents.js'
import { Frame } from './plain/frame.js'
import { Ingestions } from './plain/ingestions.js'
import { findLive } from './plain/live_runs.js'
import { Models } from './plain/models.js'
import { Store } from './plain/store.js'
import { takeDrops, Uploads } from './plain/uploads.js'
import { chosenLanguage, Words } from './plain/words.js'

/** @typedef {import('./plain/app.js').Scope} Scope */
/** @typedef {import('./plain/app.js').Shared} Shared */
/** @typedef {import('./plain/words.js').Language} Language */

let words = new Words(chosenLanguage())
let showing = new AbortController()

const baseUrl = new URL('..', import.meta.url).href
const key = new ApiKey(() => words)
const options = { baseUrl, fetch: key.fetch, headers: key.headers }
const client = new TailraceClient(options)
const documents = new Documents(client)
const session = new ChatSession({ ...options, interactive: true })

/** @type {Shared} */
const shared = {
  session,
  client,
  address: new Address(),
  key,
  documents,
  conversations: new Conversations(client, () => findLive(baseUrl, key.fetch)),
  uploads: new Uploads(client, documents),
  ingestions: new Ingestions(client, documents, options),
  models: new Models(client),
  scope: new Store(/** @type {Scope | null} */ (null)),
  refresh,
  speak,
}

/** What others may have changed: another tab, the terminal. */
function refresh() {
  void shared.conversations.load()
  void shared.documents.load()
  void shared.ingestions.load()
  void shared.models.load()
}

/** @param {Language} language */
function speak(language) {
  words = new Words(language)
  showing.abort()
  showing = new AbortController()
  document.documentElement.lang = words.tag
  const page = document.getElementById('page')
  page?.replaceChildren(new Frame(shared, words, showing.signal).element)
}

speak(words.language)
takeDrops(shared.uploads, new AbortController().signal)
shared.conversations.follow(session)
document.addEventListener('visibilitychange', () => document.hidden || refresh())
refresh()
