// @ts-check
/** IngestionCard: one reading of documents: how far it is, what could not be read, a way to stop it. */

import { describeError } from '../core.js'
import { arrange, attribute, icon, iconButton, make, setText, show } from './dom.js'
import { isLive } from './ingestions.js'

/** @typedef {import('../core.js').IngestedFile} IngestedFile */
/** @typedef {import('../core.js').Ingestion} Ingestion */
/** @typedef {import('./app.js').App} App */
/** @typedef {import('./ingestions.js').Followed} Followed */

const SHOWN = 100
const OWN = new Set(['invalid_request', 'not_found', 'web_page_unavailable'])

export class IngestionCard {
  #name = make('h2', { dir: 'auto' })
  #phase = make('p', { class: 'phase' })
  #counts = make('p', { class: 'facts' })
  #path = make('p', { class: 'facts path', dir: 'auto' })
  #reason = make('p', { class: 'reason', role: 'alert' })
  #bar = make('progress', { max: 1 })
  #title = make('span')
  #list = make('ul')
  /** @type {Followed | null} */
  #shown = null

  /**
   * @param {App} app
   * @param {number} key
   */
  constructor(app, key) {
    this.app = app
    const { words, ingestions } = app
    this.stop = make(
      'button',
      { type: 'button', class: 'button', onclick: () => ingestions.stop(key) },
      icon('stop'),
      words.say('ingest.stop'),
    )
    this.dismiss = iconButton('close', words.say('ingest.dismiss'), {
      onclick: () => ingestions.dismiss(key),
    })
    const fold = icon('chevron')
    fold.classList.add('fold')
    this.files = make(
      'details',
      { class: 'not-read' },
      make('summary', {}, this.#title, fold),
      this.#list,
    )
    this.element = make(
      'li',
      { class: 'ingestion' },
      make('div', { class: 'top' }, this.#name, this.stop, this.dismiss),
      this.#phase,
      this.#bar,
      this.#counts,
      this.#path,
      this.#reason,
      this.files,
    )
  }

  /** @param {Followed} followed */
  update(followed) {
    if (followed === this.#shown) return
    this.#shown = followed
    const { words } = this.app
    const { name, state } = followed
    const { ingestion, error } = state
    const live = isLive(state)
    setText(this.#name, name || words.say('ingest.title'))
    setText(this.#phase, this.#say(followed))
    this.#phase.classList.toggle('lively', live)
    this.#showBar(live, ingestion)
    const lone = loneFile(ingestion)
    setText(this.#counts, ingestion && !lone ? this.#countsOf(ingestion) : '')
    show(this.#counts, this.#counts.textContent !== '')
    const path = live && ingestion && ingestion.phase !== 'embedding' ? ingestion.path : ''
    setText(this.#path, path)
    show(this.#path, path !== '' && path !== name)
    const why = error ?? ingestion?.error ?? null
    setText(this.#reason, words.sentence(lone?.reason || (why ? this.#reasonOf(why) : '')))
    show(this.#reason, this.#reason.textContent !== '')
    this.#showFiles(lone ? null : ingestion)
    show(this.stop, live && ingestion !== null)
    attribute(this.stop, 'disabled', state.isStopping)
    show(this.dismiss, !live)
  }

  /**
   * The server's own sentence where what is read is the reason.
   *
   * @param {import('../core.js').ChatError} error
   */
  #reasonOf(error) {
    return OWN.has(error.code) ? error.message : describeError(error, this.app.words.language).title
  }

  /**
   * @param {boolean} live
   * @param {Ingestion | null} ingestion
   */
  #showBar(live, ingestion) {
    show(this.#bar, live)
    attribute(this.#bar, 'value', ingestion?.progress ?? null)
    attribute(this.#bar, 'aria-label', this.#phase.textContent)
  }

  /** @param {Followed} followed */
  #say({ state }) {
    const { words } = this.app
    const { ingestion, isStopping } = state
    if (isLive(state)) {
      if (isStopping) return words.say('ingest.stopping')
      return words.say(`ingest.${ingestion?.phase ?? 'waiting'}`)
    }
    if (ingestion === null) return words.say('ingest.failed')
    const { status } = ingestion
    if (status === 'completed' && ingestion.counts.failed > 0)
      return words.say('ingest.completed_but')
    return words.say(status === 'running' ? 'ingest.incomplete' : `ingest.${status}`)
  }

  /** @param {Ingestion} ingestion */
  #countsOf({ counts, phase }) {
    const { words } = this.app
    const { found, done, searchable, skipped, failed, removed, pieces, piecesEmbedded } = counts
    const parts = []
    if (phase === 'embedding' && pieces > 0)
      parts.push(words.say('ingest.vectors', { done: piecesEmbedded, count: pieces }))
    else if (phase !== null && found > 0)
      parts.push(words.say('ingest.done', { done, count: found }))
    if (searchable > 0) parts.push(words.say('ingest.searchable', { count: searchable }))
    if (skipped > 0) parts.push(words.say('ingest.skipped', { count: skipped }))
    if (failed > 0) parts.push(words.say('ingest.unread', { count: failed }))
    if (removed > 0) parts.push(words.say('ingest.removed', { count: removed }))
    return parts.join(' · ')
  }

  /** @param {Ingestion | null} ingestion */
  #showFiles(ingestion) {
    const { words } = this.app
    const files = ingestion?.files.filter((file) => file.status !== 'removed') ?? []
    show(this.files, files.length > 0)
    if (files.length === 0) return
    const more = files.length - SHOWN + (ingestion?.more ?? 0)
    setText(this.#title, words.say('ingest.why', { count: files.length + (ingestion?.more ?? 0) }))
    const items = files.slice(0, SHOWN).map((file) => this.#item(file))
    if (more > 0) items.push(make('li', {}, words.say('ingest.more', { count: more })))
    arrange(this.#list, items)
  }

  /** @type {WeakMap<IngestedFile, HTMLElement>} */
  #items = new WeakMap()

  /** @param {IngestedFile} file */
  #item(file) {
    let item = this.#items.get(file)
    if (!item) {
      const name = make('span', { class: 'path', dir: 'auto' }, file.source)
      item = make('li', { class: file.status }, name, make('span', { class: 'why' }, file.reason))
      this.#items.set(file, item)
    }
    return item
  }
}

/**
 * The file that could not be read, where it was to be the only one.
 *
 * @param {Ingestion | null} ingestion
 */
function loneFile(ingestion) {
  if (ingestion === null || ingestion.counts.searchable > 0) return null
  return ingestion.endedAt !== null && ingestion.files.length === 1 ? ingestion.files[0] : null
}
