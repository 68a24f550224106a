// @ts-check
/**
 * ChatView: one conversation: its transcript, or what stands before the first question, and the
 * dock with the composer.
 */

import { describeError } from '../core.js'
import { Banner } from './banner.js'
import { Composer } from './composer.js'
import { icon, make, show } from './dom.js'
import { FirstScreen } from './first_screen.js'
import { Narrator } from './narrator.js'
import { Follower } from './scroll.js'
import { Transcript } from './turns.js'
import { UnderLine } from './under_line.js'

/** @typedef {import('../core.js').ChatState} ChatState */
/** @typedef {import('./app.js').App} App */

const FAR_PX = 80

export class ChatView {
  #note = make('div', { class: 'column' })
  /** @type {ChatState | null} */
  #shown = null

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words, session } = app
    this.heading = make('h1', { class: 'hidden-label' }, words.say('chat.title'))
    this.transcript = new Transcript(app)
    this.composer = new Composer(app, signal)
    this.first = new FirstScreen(app, (question) => this.#ask(question), signal)
    this.banner = new Banner(app)
    this.narrator = new Narrator(app)
    this.pill = make(
      'button',
      { type: 'button', class: 'button pill', hidden: true, onclick: () => this.follower.follow() },
      icon('down'),
      words.say('chat.new_text'),
    )
    this.slot = make('div')
    this.dock = make(
      'div',
      { class: 'dock' },
      make(
        'div',
        { class: 'column' },
        this.pill,
        this.banner.element,
        this.slot,
        this.composer.element,
        new UnderLine(app, signal).element,
      ),
    )
    this.element = make(
      'div',
      { class: 'view chat' },
      this.heading,
      this.#note,
      this.transcript.element,
      this.dock,
    )
    this.follower = new Follower(this.element, signal)
    this.follower.following.subscribe(() => this.#showPill())
    this.#measure(signal)
    signal.addEventListener(
      'abort',
      session.subscribe(() => this.#show()),
    )
    signal.addEventListener('abort', () => {
      this.transcript.close()
      this.banner.close()
    })
    this.#show()
    this.follower.follow()
  }

  /** @param {string} question */
  #ask(question) {
    this.composer.ask(question)
    this.composer.invite()
  }

  #show() {
    const state = this.app.session.getSnapshot()
    const before = this.#shown
    if (state === before) return
    this.#shown = state
    this.transcript.update(state)
    this.composer.update(state)
    this.banner.update(state.connection)
    this.narrator.update(state)
    this.#showNote(state)
    this.#showFirst(state)
    this.#move(state, before)
  }

  /** Comes into sight again: new text may have come meanwhile. */
  appear() {
    this.follower.grew()
  }

  /**
   * @param {ChatState} state
   * @param {ChatState | null} before
   */
  #move(state, before) {
    const live = state.streamingMessage
    const opened = before?.loading && !state.loading
    const began = live !== null && live.key !== before?.streamingMessage?.key
    if (opened || began) this.follower.follow()
    else if (live) this.follower.grew()
    this.#showPill()
  }

  #showPill() {
    const live = this.#shown?.streamingMessage
    const away = !this.follower.following.value && Boolean(live?.content)
    show(this.pill, away && this.follower.distance > FAR_PX)
  }

  /** @param {ChatState} state */
  #showNote(state) {
    const { words, address, session } = this.app
    if (state.loading) {
      this.#note.replaceChildren(make('p', { class: 'loading' }, words.say('chat.loading')))
    } else if (state.error && !state.messages.some((message) => message.error === state.error)) {
      const { title, advice } = describeError(state.error, words.language)
      const place = address.value
      const again = () =>
        place.view === 'chat' && place.conversationId !== null && session.open(place.conversationId)
      this.#note.replaceChildren(
        make(
          'div',
          { class: 'notice bad', role: 'alert' },
          icon('alert'),
          make(
            'div',
            {},
            make('h2', {}, title),
            make('p', {}, advice),
            make(
              'div',
              { class: 'buttons' },
              make(
                'button',
                { type: 'button', class: 'button', onclick: again },
                words.say('retry.look'),
              ),
            ),
          ),
        ),
      )
    } else this.#note.replaceChildren()
  }

  /** @param {ChatState} state */
  #showFirst(state) {
    const empty =
      state.messages.length === 0 && !state.streamingMessage && !state.loading && !state.error
    const shown = this.first.element.isConnected
    if (empty && !shown) this.dock.before(this.first.element)
    if (!empty && shown) this.first.element.remove()
    show(this.heading, !empty)
    show(this.transcript.element, !empty)
  }

  /**
   * Keeps the height of the dock where the style sheet finds it.
   *
   * @param {AbortSignal} signal
   */
  #measure(signal) {
    const observer = new ResizeObserver(() => {
      this.element.style.setProperty('--dock', `${this.dock.offsetHeight}px`)
    })
    observer.observe(this.dock)
    signal.addEventListener('abort', () => observer.disconnect())
  }
}
