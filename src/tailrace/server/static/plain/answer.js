// @ts-check
/**
 * Answer: one answer on the screen: its course, sources, reasoning, text, how it ended, and what
 * can be done with it.
 *
 * Rule 1: text that came stays, whatever the end.
 * Rule 2: what comes with the end stands below the text, in room that was there before.
 */

import { MarkdownView } from '../core.js'
import { Citations } from './citations.js'
import { Course, totalSeconds } from './course.js'
import { arrange, copyText, icon, make, setText } from './dom.js'
import { makeNotice, makeQuestion } from './notices.js'
import { SourceRow } from './sources.js'

/** @typedef {import('../core.js').ChatMessage} ChatMessage */
/** @typedef {import('../core.js').RunState} RunState */
/** @typedef {import('./app.js').App} App */
/** @typedef {import('./sources.js').Age} Age */

const LIVE = new Set(['sending', 'pending', 'streaming'])
const COPIED_MS = 2000

export class Answer {
  element = make('div', { class: 'answer' })
  #prose = make('div', { class: 'prose', dir: 'auto' })
  #waiting = make('p', { class: 'waiting' })
  #reasoningText = make('p', { dir: 'auto' })
  #after = make('div', { class: 'after' })
  /** @type {HTMLElement | null} */
  #ending = null
  /** @type {ChatMessage | null} */
  #message = null
  #newest = false

  /** @param {App} app */
  constructor(app) {
    const { words } = app
    this.app = app
    this.course = new Course(words, () => this.#message && app.session.loadRun(this.#message.key))
    this.sources = new SourceRow(app)
    this.citations = new Citations(app, this.#prose)
    this.markdown = new MarkdownView(this.#prose, {
      topHeading: 2, // most models begin with the second level, which then stands below the question
      labels: {
        copy: words.say('code.copy'),
        copied: words.say('code.copied'),
        externalLink: words.say('link.external'),
        code: words.say('code.code'),
        table: words.say('code.table'),
        image: words.say('code.image'),
      },
    })
    const fold = icon('chevron')
    fold.classList.add('fold')
    this.reasoning = make(
      'details',
      { class: 'reasoning' },
      make('summary', {}, icon('thought'), words.say('reasoning.title'), fold),
      this.#reasoningText,
    )
  }

  /**
   * Shows the message as it is now.
   *
   * @param {ChatMessage} message
   * @param {boolean} newest whether no later one stands below
   */
  update(message, newest) {
    const before = this.#message
    const moved = newest !== this.#newest
    if (message === before && !moved) return
    this.#message = message
    this.#newest = newest
    const { run } = message
    const live = LIVE.has(message.status)
    this.course.update(message)
    this.sources.update(run?.sources ?? [], run?.citations ?? [])
    if (run) setText(this.#reasoningText, run.reasoning)
    this.#showText(message, live)
    this.#showWaiting(message, live)
    if (
      moved ||
      message.status !== before?.status ||
      message.error !== before.error ||
      run?.inputRequest !== before.run?.inputRequest
    ) {
      this.#ending = this.#makeEnding(message, before !== null && LIVE.has(before.status))
    }
    if (!live) this.#showAfter(message, before)
    arrange(
      this.element,
      /** @type {Node[]} */ (
        [
          this.course.element,
          live && this.course.progress,
          this.course.steps,
          run && run.sources.length > 0 && this.sources.element,
          run?.reasoning && this.reasoning,
          !this.#waiting.hidden && this.#waiting,
          message.content && this.#prose,
          this.#ending,
          this.#after,
        ].filter(Boolean)
      ),
    )
  }

  /** Finds out which documents have changed since the answer was written. */
  async loadAge() {
    const { runId } = this.#message ?? {}
    if (!runId) return
    const found = await this.app.client.runCitations(runId).catch(() => null)
    const old = (found?.sources ?? []).filter(({ stale, gone }) => stale || gone)
    /** @type {ReadonlyMap<string, Age>} */
    const ages = new Map(old.map(({ id, gone }) => [id, gone ? 'gone' : 'stale']))
    this.sources.age(ages)
    this.citations.ages = ages
  }

  close() {
    this.course.close()
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} live
   */
  #showText(message, live) {
    this.markdown.update(message.content, this.citations.marks(message.run))
    if (!live) this.markdown.finish()
  }

  /**
   * What goes on, where the text will stand once it comes.
   *
   * @param {ChatMessage} message
   * @param {boolean} live
   */
  #showWaiting(message, live) {
    const asks = message.run?.inputRequest
    this.#waiting.hidden = !live || message.content !== '' || Boolean(asks)
    if (this.#waiting.hidden) return
    const status = message.run?.stages.at(-1)?.statuses.findLast((each) => each.content)
    setText(this.#waiting, status?.content ?? this.app.words.say('turn.sending'))
    this.#waiting.className = 'waiting lively'
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} happened whether it ended before the reader's eyes
   */
  #makeEnding(message, happened) {
    const asked = message.run?.inputRequest
    if (asked) return makeQuestion(this.app, asked)
    const notice = makeNotice(this.app, message, this.#newest)
    if (happened && message.status === 'failed') notice?.setAttribute('role', 'alert')
    return notice
  }

  /**
   * @param {ChatMessage} message
   * @param {ChatMessage | null} before
   */
  #showAfter(message, before) {
    if (message.status === before?.status && message.run === before.run) return
    const copy = message.content ? this.#copyButton() : null
    const usage = message.run ? this.#usage(message.run) : ''
    this.#after.replaceChildren(...(copy ? [copy] : []), make('span', {}, usage))
  }

  #copyButton() {
    const { words, announcer } = this.app
    const label = make('span', {}, words.say('answer.copy'))
    const copy = async () => {
      const copied = await copyText(this.#message?.content ?? '')
      setText(label, words.say(copied ? 'answer.copied' : 'answer.not_copied'))
      announcer.say(label.textContent ?? '')
      setTimeout(() => setText(label, words.say('answer.copy')), COPIED_MS)
    }
    return make(
      'button',
      { type: 'button', class: 'button quiet', onclick: copy },
      icon('copy'),
      label,
    )
  }

  /** @param {RunState} run */
  #usage(run) {
    const { words } = this.app
    const { usage } = run
    const parts = []
    if (usage && usage.promptTokens !== null && usage.completionTokens !== null) {
      parts.push(
        words.say(usage.estimated ? 'usage.about' : 'usage.tokens', {
          read: usage.promptTokens,
          written: usage.completionTokens,
        }),
      )
    }
    parts.push(words.seconds(totalSeconds(run)))
    return parts.join(' · ')
  }
}
