// @ts-check
/**
 * Transcript: the turns of a conversation, a question and what came of it each.
 *
 * Rule 1: a message has one element from its first appearance on, known by its key; what has not
 * changed is not touched.
 * Rule 2: what led to an answer that was loaded is asked for once it comes into sight.
 */

import { Answer } from './answer.js'
import { arrange, make } from './dom.js'

/** @typedef {import('../core.js').ChatMessage} ChatMessage */
/** @typedef {import('../core.js').ChatState} ChatState */
/** @typedef {import('./app.js').App} App */

const LIVE = new Set(['sending', 'pending', 'streaming'])
const LONG = 180
const FOLD = 900

export class Transcript {
  /** @type {Map<string, Node>} */
  #questions = new Map()
  /** @type {Map<string, Answer>} */
  #answers = new Map()
  /** @type {Map<string, HTMLElement>} */
  #articles = new Map()
  #sight = new IntersectionObserver((entries) => this.#seen(entries))

  /** @param {App} app */
  constructor(app) {
    this.app = app
    this.element = make('div', {
      class: 'transcript column',
      role: 'log',
      'aria-live': 'off',
      'aria-label': app.words.say('transcript.title'),
    })
  }

  /** @param {ChatState} state */
  update(state) {
    const { streamingMessage: live } = state
    const messages = live ? [...state.messages, live] : state.messages
    const last = messages.at(-1)
    const keys = new Set(messages.map((message) => message.key))
    this.#forget(keys)
    /** @type {Map<HTMLElement, Node[]>} */
    const turns = new Map()
    /** @type {HTMLElement | null} */
    let article = null
    for (const message of messages) {
      if (message.role === 'user' || article === null) {
        article = this.#article(message.key)
        turns.set(article, [])
      }
      const isQuestion = message.role === 'user'
      const part = isQuestion ? this.#question(message) : this.#answer(message, message === last)
      turns.get(article)?.push(part)
      if (message === live) article.classList.add('fresh')
    }
    for (const [element, parts] of turns) arrange(element, parts)
    arrange(this.element, [...turns.keys()])
  }

  close() {
    this.#sight.disconnect()
    for (const answer of this.#answers.values()) answer.close()
  }

  /** @param {readonly IntersectionObserverEntry[]} entries */
  #seen(entries) {
    const seen = new Set(entries.filter((each) => each.isIntersecting).map((each) => each.target))
    for (const [key, answer] of this.#answers) {
      if (!seen.has(answer.element)) continue
      this.#sight.unobserve(answer.element)
      void this.app.session.loadRun(key, { quietly: true }).then(() => answer.loadAge())
    }
  }

  /** @param {ReadonlySet<string>} keys those that are still there */
  #forget(keys) {
    for (const [key, answer] of this.#answers) {
      if (keys.has(key)) continue
      answer.close()
      this.#sight.unobserve(answer.element)
      this.#answers.delete(key)
    }
    for (const key of this.#questions.keys()) if (!keys.has(key)) this.#questions.delete(key)
    for (const key of this.#articles.keys()) if (!keys.has(key)) this.#articles.delete(key)
  }

  /** @param {string} key of its first message */
  #article(key) {
    let article = this.#articles.get(key)
    if (!article) {
      article = make('article', { class: 'turn' })
      this.#articles.set(key, article)
    }
    return article
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} newest
   */
  #answer(message, newest) {
    let answer = this.#answers.get(message.key)
    if (!answer) {
      answer = new Answer(this.app)
      this.#answers.set(message.key, answer)
      if (message.run === null && !LIVE.has(message.status)) this.#sight.observe(answer.element)
    }
    answer.update(message, newest)
    return answer.element
  }

  /** @param {ChatMessage} message */
  #question(message) {
    let element = this.#questions.get(message.key)
    if (!element) {
      element = this.#makeQuestion(message.content)
      this.#questions.set(message.key, element)
    }
    return element
  }

  /** @param {string} text */
  #makeQuestion(text) {
    const long = text.length > LONG || text.includes('\n')
    const heading = make('h2', { class: `question ${long ? 'long' : ''}`, dir: 'auto' }, text)
    if (text.length <= FOLD) return heading
    heading.classList.add('folded')
    const all = make(
      'button',
      {
        type: 'button',
        class: 'button quiet show-all',
        onclick: () => {
          heading.classList.remove('folded')
          all.remove()
        },
      },
      this.app.words.say('question.all'),
    )
    return make('div', {}, heading, all)
  }
}
