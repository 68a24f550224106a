// @ts-check
/** Rail: the way around: a new chat, the conversations by their time, documents, settings. */

import { hashOf } from './address.js'
import { ask } from './asking.js'
import { attribute, icon, iconButton, make, setText } from './dom.js'

/** @typedef {import('../core.js').SeedConversation} SeedConversation */
/** @typedef {import('./address.js').Place} Place */
/** @typedef {import('./app.js').App} App */
/** @typedef {'today' | 'yesterday' | 'week' | 'earlier'} Age */

const DAY_MS = 86_400_000
/** @type {readonly Age[]} */
const AGES = ['today', 'yesterday', 'week', 'earlier']

export class Rail {
  #list = make('div')
  #documents = make('span', { class: 'count' })
  #model = make('p', { class: 'model' })
  #menu = make('div', { class: 'menu', popover: 'auto' })
  /** @type {Map<string, HTMLElement>} */
  #places = new Map()
  #listed = ''

  /**
   * @param {App} app
   * @param {() => void} begin begins a new chat
   * @param {AbortSignal} signal
   */
  constructor(app, begin, signal) {
    this.app = app
    const { words, address } = app
    const fresh = make(
      'button',
      { type: 'button', class: 'button new', onclick: begin },
      icon('new'),
      words.say('rail.new'),
    )
    this.element = make(
      'div',
      { class: 'rail' },
      make('p', { class: 'wordmark' }, icon('mark'), 'Tailrace'),
      fresh,
      make('nav', { 'aria-label': words.say('rail.title') }, this.#list),
      make(
        'div',
        { class: 'foot' },
        this.#place('documents', 'document', words.say('documents.title'), this.#documents),
        this.#place('settings', 'settings', words.say('settings.title')),
        this.#model,
      ),
      this.#menu,
    )
    for (const store of [app.conversations, app.documents, app.models, address]) {
      signal.addEventListener(
        'abort',
        store.subscribe(() => this.#show()),
      )
    }
    signal.addEventListener(
      'abort',
      app.session.subscribe(() => this.#showHere()),
    )
    this.#show()
  }

  /**
   * @param {'documents' | 'settings'} view
   * @param {string} picture
   * @param {string} label
   * @param {Node} [count]
   */
  #place(view, picture, label, count) {
    const link = make(
      'a',
      { href: hashOf({ view }) },
      icon(picture),
      make('span', {}, label),
      count,
    )
    const row = make('div', { class: 'row' }, link)
    this.#places.set(view, row)
    return row
  }

  #show() {
    const { words, documents, models } = this.app
    setText(this.#documents, documents.value.loaded ? words.number(documents.value.ready) : '')
    this.#showModel(models.value.setup)
    this.#showList()
    this.#showHere()
  }

  #showList() {
    const { words, conversations } = this.app
    const { items, total, loaded, live, error } = conversations.value
    if (this.element.querySelector('.row input')) return // a name is being written
    const now = new Date()
    const groups = AGES.map((age) => ({
      age,
      rows: items.filter((item) => ageOf(item, now) === age),
    })).filter(({ rows }) => rows.length > 0)
    const rows = groups.map(({ age, rows }) => [
      age,
      rows.map(({ id, title }) => [id, title, live.has(id)]),
    ])
    const listed = JSON.stringify([rows, total, loaded, error !== null])
    // a row that is replaced under the pointer loses its click
    if (listed === this.#listed) return
    this.#listed = listed
    if (items.length === 0) {
      const text = error ? words.say('rail.failed') : loaded ? words.say('rail.none') : ''
      this.#list.replaceChildren(make('p', {}, text), ...(error ? [this.#retry()] : []))
      return
    }
    /** @type {Node[]} */
    const parts = groups.flatMap(({ age, rows }) => [
      make('h2', {}, words.say(`age.${age}`)),
      make('ul', {}, ...rows.map((item) => this.#row(item))),
    ])
    if (items.length < total) {
      parts.push(
        make(
          'button',
          { type: 'button', class: 'button quiet', onclick: () => conversations.loadMore() },
          words.say('rail.more'),
        ),
      )
    }
    const focused = document.activeElement?.closest('[data-id]')?.getAttribute('data-id')
    this.#list.replaceChildren(...parts)
    if (focused) this.#rowOf(Number(focused))?.querySelector('a')?.focus({ preventScroll: true })
  }

  #showHere() {
    const { address, session } = this.app
    const place = address.value
    for (const [view, row] of this.#places) mark(row, place.view === view)
    const shown =
      place.view === 'chat' ? (place.conversationId ?? session.getSnapshot().conversationId) : null
    for (const row of this.#list.querySelectorAll('[data-id]')) {
      mark(row, shown !== null && row.getAttribute('data-id') === String(shown))
    }
  }

  /** @param {import('../core.js').ModelSetup | null} setup */
  #showModel(setup) {
    const { words } = this.app
    this.#model.hidden = setup === null
    if (!setup) return
    const answering = setup.answering
    const title = setup.models.find((model) => model.name === answering?.name)?.title
    const pulling = setup.pull?.state === 'running'
    this.#model.className = `model ${answering ? 'ready' : 'none'}`
    setText(
      this.#model,
      answering
        ? words.say('model.ready', { name: title ?? answering.name })
        : words.say(pulling ? 'model.coming' : 'model.none'),
    )
  }

  #retry() {
    return make(
      'button',
      { type: 'button', class: 'button quiet', onclick: this.app.refresh },
      this.app.words.say('retry.look'),
    )
  }

  /** @param {SeedConversation} item */
  #row(item) {
    const { words, conversations } = this.app
    const title = item.title || words.say('rail.untitled')
    const live = conversations.value.live.has(item.id)
    const more = iconButton('more', words.say('rail.actions', { title }), {
      'aria-haspopup': 'true',
      onclick: () => this.#open(item, more),
    })
    return make(
      'li',
      { class: 'row', 'data-id': item.id },
      make(
        'a',
        { href: hashOf({ view: 'chat', conversationId: item.id }), title },
        live && make('b', { class: 'live-dot' }),
        make('span', { dir: 'auto' }, title),
        live && make('span', { class: 'hidden-label' }, words.say('rail.live')),
      ),
      more,
    )
  }

  /** @param {number} id */
  #rowOf(id) {
    return this.#list.querySelector(`[data-id="${id}"]`)
  }

  /**
   * What can be done with a conversation, below the button that was pressed.
   *
   * @param {SeedConversation} item
   * @param {HTMLElement} below
   */
  #open(item, below) {
    const { words } = this.app
    /** @type {(picture: string, label: string, act: () => void) => HTMLElement} */
    const entry = (picture, label, act) =>
      make(
        'button',
        {
          type: 'button',
          onclick: () => {
            this.#menu.hidePopover()
            act()
          },
        },
        icon(picture),
        label,
      )
    this.#menu.replaceChildren(
      entry('rename', words.say('rail.rename'), () => this.#rename(item)),
      entry('delete', words.say('rail.delete'), () => void this.#delete(item)),
    )
    this.#menu.showPopover()
    const { bottom, right } = below.getBoundingClientRect()
    const { offsetWidth, offsetHeight } = this.#menu
    const top = Math.min(bottom + 4, innerHeight - offsetHeight - 8)
    this.#menu.style.setProperty('top', `${top}px`)
    this.#menu.style.setProperty('left', `${Math.max(8, right - offsetWidth)}px`)
    this.#menu.querySelector('button')?.focus()
  }

  /** @param {SeedConversation} item */
  #rename(item) {
    const row = this.#rowOf(item.id)
    const link = row?.querySelector('a')
    if (!row || !link) return
    let given = false
    /** @param {boolean} keep */
    const end = (keep) => {
      if (given) return
      given = true
      const title = input.value.trim()
      input.replaceWith(link)
      link.focus()
      this.#show()
      if (keep && title && title !== item.title) void this.app.conversations.rename(item.id, title)
    }
    const input = make('input', {
      'aria-label': this.app.words.say('rail.rename'),
      maxlength: 200,
      value: item.title ?? '',
      onblur: () => end(true),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.isComposing) return
        if (event.key === 'Enter') end(true)
        if (event.key === 'Escape') end(false)
      },
    })
    link.replaceWith(input)
    input.select()
  }

  /** @param {SeedConversation} item */
  async #delete(item) {
    const { words, conversations, address, session } = this.app
    const sure = await ask(words, {
      title: words.say('rail.delete_title'),
      text: words.say('rail.delete_text', { title: item.title || words.say('rail.untitled') }),
      yes: words.say('rail.delete'),
    })
    if (!sure) return
    await conversations.remove(item.id)
    if (session.getSnapshot().conversationId === item.id) {
      session.clear()
      address.go({ view: 'chat', conversationId: null })
    }
  }
}

/**
 * @param {Element} row
 * @param {boolean} here
 */
function mark(row, here) {
  row.classList.toggle('here', here)
  const link = row.querySelector('a')
  if (link) attribute(link, 'aria-current', here ? 'page' : null)
}

/**
 * @param {SeedConversation} item
 * @param {Date} now
 * @returns {Age}
 */
function ageOf(item, now) {
  // the seed's times are UTC without saying so
  const used = new Date(`${item.updated_at.replace(' ', 'T').replace(/(\.\d{3})\d*$/, '$1')}Z`)
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const before = midnight - used.getTime()
  if (before <= 0) return 'today'
  if (before <= DAY_MS) return 'yesterday'
  return before <= 7 * DAY_MS ? 'week' : 'earlier'
}
