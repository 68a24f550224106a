// @ts-check
/**
 * Composer: where a question, or an answer to one, is written and sent; and where an answer that is
 * being written is stopped, in the same place.
 *
 * Rule 1: Enter never sends while an input method composes.
 * Rule 2: what is not sent yet is a draft: kept for each conversation, over reloads.
 * Rule 3: the button keeps its place, size and focus whatever it does.
 */

import { attribute, icon, iconButton, make, setText } from './dom.js'
import { recall, remember } from './preferences.js'

/** @typedef {import('../core.js').ChatState} ChatState */
/** @typedef {import('./app.js').App} App */

const LIMIT = 32_768
const NEAR = LIMIT * 0.9
const COMPOSING = 229

export class Composer {
  #draft = ''
  #live = false
  #asks = false
  #stopping = false
  #area
  #button
  #picture = icon('send')
  #limit = make('span', { class: 'limit', id: 'composer-limit' })
  #scope = make('span', { class: 'scope', hidden: true })

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(app, signal) {
    this.app = app
    const { words } = app
    this.#area = make('textarea', {
      rows: 1,
      id: 'question',
      'aria-label': words.say('composer.label'),
      dir: 'auto',
      'aria-describedby': 'composer-limit',
      autocomplete: 'off',
      enterkeyhint: 'send',
      oninput: () => this.#edited(),
      onkeydown: (event) => this.#pressed(event),
      onpaste: (event) => this.#pasted(event),
    })
    this.#button = make('button', { type: 'submit', class: 'icon-button act' }, this.#picture)
    const attach = iconButton('upload', words.say('documents.add'), {
      onclick: () => app.uploads.choose(),
    })
    this.element = make(
      'form',
      { class: 'composer', onsubmit: (event) => this.#submitted(event) },
      this.#area,
      make('div', { class: 'tools' }, attach, this.#scope, this.#limit, this.#button),
    )
    const unsubscribe = app.scope.subscribe(() => this.#showScope())
    signal.addEventListener('abort', unsubscribe)
    this.#load(app.session.getSnapshot().conversationId)
    this.#showScope()
  }

  focus() {
    this.#area.focus({ preventScroll: true })
  }

  /** Takes the focus where that brings no keyboard over the page. */
  invite() {
    if (!matchMedia('(pointer: coarse)').matches) this.focus()
  }

  /**
   * Asks this, as if it had been written and sent.
   *
   * @param {string} text
   */
  ask(text) {
    const scope = this.app.scope.value
    this.app.scope.set(null)
    void this.app.session.send(text, scope ? { documentId: scope.documentId } : {})
  }

  /** @param {ChatState} state */
  update(state) {
    const name = draftName(state.conversationId)
    if (name !== this.#draft) this.#load(state.conversationId)
    const live = state.streamingMessage
    const asks = Boolean(live?.run?.inputRequest)
    if (!live) this.#stopping = false
    this.#live = live !== null
    this.#asks = asks
    const { words } = this.app
    attribute(this.#area, 'placeholder', words.say(asks ? 'composer.answer' : 'composer.ask'))
    this.#showButton()
  }

  get #stops() {
    return this.#live && !(this.#asks && this.#area.value.trim())
  }

  #showButton() {
    const stops = this.#stops
    const name = this.app.words.say(
      this.#stopping ? 'composer.stopping' : stops ? 'composer.stop' : 'composer.send',
    )
    attribute(this.#button, 'aria-label', name)
    attribute(this.#button, 'title', name)
    this.#button.classList.toggle('stop', stops)
    attribute(
      this.#picture.firstElementChild ?? this.#picture,
      'href',
      stops ? '#icon-stop' : '#icon-send',
    )
    const idle = stops ? this.#stopping : !this.#sendable
    attribute(this.#button, 'aria-disabled', idle ? 'true' : null)
  }

  get #sendable() {
    return this.#area.value.trim() !== '' && this.#length() <= LIMIT
  }

  #length() {
    const { value } = this.#area
    return value.length < NEAR ? value.length : Array.from(value).length
  }

  #edited() {
    remember(this.#draft, this.#area.value || null)
    this.#showLimit()
    this.#showButton()
  }

  #showLimit() {
    const length = this.#length()
    this.#limit.classList.toggle('over', length > LIMIT)
    attribute(this.#area, 'aria-invalid', length > LIMIT ? 'true' : null)
    const near = length >= NEAR
    setText(
      this.#limit,
      near ? this.app.words.say('composer.limit', { count: length, limit: LIMIT }) : '',
    )
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    event.preventDefault()
    if (this.#stops) this.#stop()
    else this.#send()
  }

  #stop() {
    if (this.#stopping) return
    this.#stopping = true
    this.#showButton()
    void this.app.session.stop()
  }

  #send() {
    if (!this.#sendable) return
    const text = this.#area.value.trim()
    this.#area.value = ''
    this.#edited()
    if (this.#asks) void this.app.session.answer(text)
    else this.ask(text)
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.keyCode === COMPOSING) return
    if (event.key === 'Escape' && this.#live && !this.app.passage.element.open) {
      event.preventDefault()
      this.#stop()
    }
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    if (!this.#stops) this.#send()
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const files = event.clipboardData?.files
    if (!files?.length) return
    event.preventDefault()
    this.app.uploads.add(files)
  }

  /** @param {number | null} conversationId */
  #load(conversationId) {
    const name = draftName(conversationId)
    const begins = this.#live && this.#draft === draftName(null)
    if (begins) {
      // the conversation has its id now: what was typed meanwhile is its draft
      remember(name, this.#area.value || null)
      remember(this.#draft, null)
    }
    this.#draft = name
    this.#area.value = recall(name) ?? ''
    this.#showLimit()
    this.#showButton()
  }

  #showScope() {
    const { words, scope } = this.app
    this.#scope.hidden = scope.value === null
    if (!scope.value) return
    const clear = iconButton('close', words.say('scope.clear'), {
      onclick: () => {
        scope.set(null)
        this.focus()
      },
    })
    const name = words.say('scope.about', { title: scope.value.title })
    this.#scope.replaceChildren(make('span', {}, name), clear)
    this.focus()
  }
}

/** @param {number | null} conversationId */
function draftName(conversationId) {
  return `draft.${conversationId ?? 'new'}`
}
