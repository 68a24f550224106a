// @ts-check
/**
 * Frame: the page around its views: rail or drawer, the view that the address names, the passage.
 */

import { Announcer } from './announcer.js'
import { ChatView } from './chat_view.js'
import { DocumentsView } from './documents_view.js'
import { attribute, iconButton, make, setText } from './dom.js'
import { Passage } from './passage.js'
import { QuoteCard } from './quote_card.js'
import { Rail } from './rail.js'
import { SettingsView } from './settings_view.js'
import { Tray } from './tray.js'

/** @typedef {import('./app.js').Shared} Shared */
/** @typedef {import('./words.js').Words} Words */

const NARROW = '(max-width: 52rem)'

export class Frame {
  #main = make('main', { class: 'main' })
  #title = make('p')
  #drawer = make('dialog', { class: 'drawer' })
  #narrow = matchMedia(NARROW)

  /**
   * @param {Shared} shared
   * @param {Words} words
   * @param {AbortSignal} signal ends it
   */
  constructor(shared, words, signal) {
    const announcer = new Announcer()
    const around = { ...shared, words, announcer, quote: new QuoteCard(words, signal) }
    const app = { ...around, passage: new Passage(around, signal) }
    this.app = app
    this.rail = new Rail(app, () => this.#begin(), signal)
    this.chat = new ChatView(app, signal)
    this.documents = new DocumentsView(app, signal)
    this.settings = new SettingsView(app, signal)
    this.tray = new Tray(app, signal)
    attribute(this.#drawer, 'aria-label', words.say('rail.title'))
    const menu = iconButton('menu', words.say('rail.open'), {
      onclick: () => this.#drawer.showModal(),
    })
    const fresh = iconButton('new', words.say('rail.new'), {
      onclick: () => this.#begin(),
    })
    const top = make('header', { class: 'topbar' }, menu, this.#title, fresh)
    this.#main.append(top, this.chat.element, this.documents.element, this.settings.element)
    this.aside = make('aside', { class: 'side', 'aria-label': words.say('rail.title') })
    const skip = make(
      'button',
      { type: 'button', class: 'skip', onclick: () => this.#skip() },
      words.say('skip'),
    )
    this.element = make(
      'div',
      { class: 'frame' },
      skip,
      this.aside,
      this.#main,
      app.passage.element,
      this.#drawer,
      app.quote.element,
      announcer.element,
    )
    this.#drawer.addEventListener('click', (event) => {
      const outside = event.target === this.#drawer
      if (outside || (event.target instanceof Element && event.target.closest('a')))
        this.#drawer.close()
    })
    this.#narrow.addEventListener('change', () => this.#placeRail(), { signal })
    signal.addEventListener(
      'abort',
      app.address.subscribe(() => this.#show(true)),
    )
    signal.addEventListener(
      'abort',
      app.session.subscribe(() => this.#settle()),
    )
    signal.addEventListener(
      'abort',
      app.conversations.subscribe(() => this.#showTitle()),
    )
    this.#placeRail()
    this.#show(false)
  }

  #placeRail() {
    this.#drawer.close()
    ;(this.#narrow.matches ? this.#drawer : this.aside).append(this.rail.element)
    this.aside.hidden = this.#narrow.matches
  }

  /** A new chat, wherever one is. */
  #begin() {
    this.#drawer.close()
    this.app.session.clear()
    this.app.address.go({ view: 'chat', conversationId: null })
    this.chat.composer.invite()
  }

  /** @param {boolean} moved whether somebody went there */
  #show(moved) {
    const { address, session, passage } = this.app
    const place = address.value
    const shown = { chat: this.chat, documents: this.documents, settings: this.settings }
    for (const [view, { element }] of Object.entries(shown)) element.hidden = place.view !== view
    if (place.view === 'chat') {
      const { conversationId } = session.getSnapshot()
      if (place.conversationId === null && conversationId !== null && moved) session.clear()
      else if (place.conversationId !== null && place.conversationId !== conversationId) {
        void session.open(place.conversationId)
      }
      this.chat.slot.append(this.tray.element)
      this.chat.appear()
      if (moved) this.chat.composer.invite()
    } else {
      passage.close()
      if (place.view === 'documents') this.documents.slot.append(this.tray.element)
      if (moved) shown[place.view].heading.focus({ preventScroll: true })
    }
    this.#showTitle()
  }

  /** A new conversation has its address once it has an id; one without a word is a new chat. */
  #settle() {
    const { address, session } = this.app
    const place = address.value
    const { conversationId, messages, loading, error } = session.getSnapshot()
    if (place.view !== 'chat' || conversationId === null) return
    const isEmpty = messages.length === 0 && !loading && !error
    if (isEmpty && place.conversationId === conversationId) {
      session.clear()
      address.settle({ view: 'chat', conversationId: null })
    } else if (!isEmpty && place.conversationId === null) {
      address.settle({ view: 'chat', conversationId })
    }
  }

  #showTitle() {
    const { words, address, conversations } = this.app
    const place = address.value
    let title = ''
    if (place.view === 'documents' || place.view === 'settings')
      title = words.say(`${place.view}.title`)
    else
      title =
        conversations.value.items.find((item) => item.id === place.conversationId)?.title ?? ''
    setText(this.#title, title || 'Tailrace')
    const whole = title ? `${title} · Tailrace` : 'Tailrace'
    if (document.title !== whole) document.title = whole
  }

  #skip() {
    const { view } = this.app.address.value
    if (view === 'chat') this.chat.composer.focus()
    else this[view].heading.focus()
  }
}
