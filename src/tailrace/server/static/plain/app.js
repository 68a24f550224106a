// @ts-check
/** App: what the parts of the page share; made once in `agent_chat.js`, handed to each view. */

/** @typedef {import('../core.js').ChatSession} ChatSession */
/** @typedef {import('../core.js').TailraceClient} TailraceClient */
/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./announcer.js').Announcer} Announcer */
/** @typedef {import('./api_key.js').ApiKey} ApiKey */
/** @typedef {import('./conversations.js').Conversations} Conversations */
/** @typedef {import('./documents.js').Documents} Documents */
/** @typedef {import('./ingestions.js').Ingestions} Ingestions */
/** @typedef {import('./models.js').Models} Models */
/** @typedef {import('./passage.js').Passage} Passage */
/** @typedef {import('./quote_card.js').QuoteCard} QuoteCard */
/** @typedef {import('./uploads.js').Uploads} Uploads */
/** @typedef {import('./words.js').Language} Language */
/** @typedef {import('./words.js').Words} Words */

/**
 * A document that the next question is about.
 *
 * @typedef {{documentId: number, title: string}} Scope
 */

/**
 * What lives as long as the page.
 *
 * @typedef {object} Shared
 * @property {ChatSession} session the conversation that is shown, and its live answer
 * @property {TailraceClient} client
 * @property {Address} address
 * @property {ApiKey} key
 * @property {Conversations} conversations
 * @property {Documents} documents
 * @property {Uploads} uploads
 * @property {Ingestions} ingestions
 * @property {Models} models
 * @property {import('./store.js').Store<Scope | null>} scope
 * @property {() => void} refresh loads all lists again
 * @property {(language: Language) => void} speak shows the page in that language
 */

/**
 * And what is made anew for another language.
 *
 * @typedef {Shared & {words: Words, announcer: Announcer, passage: Passage, quote: QuoteCard}} App
 */

export {}
