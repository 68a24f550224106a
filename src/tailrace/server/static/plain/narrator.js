// @ts-check
/** Narrator: what a screen reader is told of an answer: that it began, is written, asks, ended. */

/** @typedef {import('../core.js').ChatMessage} ChatMessage */
/** @typedef {import('../core.js').ChatState} ChatState */
/** @typedef {import('./app.js').App} App */

export class Narrator {
  /** @type {string | null} key of the answer that is told of */
  #key = null
  #written = false
  #asked = ''

  /** @param {App} app */
  constructor(app) {
    this.app = app
  }

  /** @param {ChatState} state */
  update(state) {
    const live = state.streamingMessage
    const { announcer, words } = this.app
    if (live) {
      if (live.key !== this.#key) {
        this.#key = live.key
        this.#written = false
        this.#asked = ''
        announcer.say(words.say('told.began'))
      }
      const asked = live.run?.inputRequest
      if (asked && asked.requestId !== this.#asked) {
        this.#asked = asked.requestId
        announcer.say(words.say('told.asks', { question: asked.question }))
      } else if (live.content && !this.#written) {
        this.#written = true
        announcer.say(words.say('told.writing'))
      }
      return
    }
    const ended = state.messages.find((message) => message.key === this.#key)
    this.#key = null
    if (ended) this.#tellEnd(ended)
  }

  /** @param {ChatMessage} message */
  #tellEnd(message) {
    const { announcer, words } = this.app
    switch (message.status) {
      case 'failed':
        return // an alert says so
      case 'cancelled':
      case 'incomplete':
        announcer.say(words.say(`${message.status}.title`))
        return
      case 'insufficient_context':
        announcer.say(words.say('insufficient.title'))
        return
      default:
        announcer.say(
          [
            words.say('told.ended', { count: countWords(message.content, words.tag) }),
            words.say('course.sources', { count: message.run?.sources.length ?? 0 }),
          ].join(', '),
        )
    }
  }
}

/**
 * @param {string} text
 * @param {string} tag of the language
 */
function countWords(text, tag) {
  const segments = new Intl.Segmenter(tag, { granularity: 'word' }).segment(text)
  let count = 0
  for (const segment of segments) if (segment.isWordLike) count += 1
  return count
}
