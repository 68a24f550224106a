// @ts-check
/**
 * Course: the way of one answer through its stages: a bar and a time each while it goes on, folded
 * into one line of the same height once it has ended, with every step behind it.
 */

import { attribute, icon, make, setText } from './dom.js'
import { Lookups } from './lookups.js'

/** @typedef {import('../core.js').ChatMessage} ChatMessage */
/** @typedef {import('../core.js').RunState} RunState */
/** @typedef {import('../core.js').Stage} Stage */
/** @typedef {import('../core.js').StageVisit} StageVisit */
/** @typedef {import('../core.js').Status} Status */
/** @typedef {import('../core.js').ToolActivity} ToolActivity */
/** @typedef {import('./words.js').Words} Words */

/** @type {readonly Stage[]} */
const USUAL = ['intent_analysis', 'context_gathering', 'execution']
const LIVE = new Set(['sending', 'pending', 'streaming'])
const TICK_MS = 100

let count = 0

export class Course {
  #reaches = make('span', { class: 'reaches' })
  #sum = make('span')
  #tick = icon('check')
  #fold = icon('chevron')
  /** @type {Map<Stage, {element: HTMLElement, time: HTMLElement}>} */
  #reachOf = new Map()
  /** @type {ChatMessage | null} */
  #message = null
  /** @type {number | undefined} */
  #timer

  /**
   * @param {Words} words
   * @param {() => void} onOpen called when its steps are asked for and not here
   */
  constructor(words, onOpen) {
    this.words = words
    this.onOpen = onOpen
    this.lookups = new Lookups(words)
    count += 1
    const id = `steps-${count}`
    this.#tick.classList.add('tick')
    this.#fold.classList.add('fold')
    this.steps = make('ol', { class: 'steps', id, hidden: true })
    this.progress = make('progress', { class: 'hidden-label', max: 1 })
    this.element = make(
      'button',
      {
        type: 'button',
        class: 'course',
        'aria-expanded': 'false',
        'aria-controls': id,
        onclick: () => this.#toggle(),
      },
      this.#reaches,
      make('span', { class: 'sum' }, this.#tick, this.#sum, this.#fold),
    )
  }

  /** @param {ChatMessage} message */
  update(message) {
    this.#message = message
    const live = LIVE.has(message.status)
    const { run } = message
    if (live) this.#timer ??= setInterval(() => this.#showTimes(), TICK_MS)
    else this.close()
    const asks = run?.inputRequest ? 'asks' : ''
    this.element.className = `course ${live ? asks : 'folded'} ${message.status}`
    this.progress.hidden = !live
    this.#showReaches(run, live)
    if (!live) setText(this.#sum, this.#summary(message))
    attribute(this.#tick, 'hidden', message.status !== 'completed')
    if (!this.steps.hidden) this.#showSteps(run)
  }

  close() {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #toggle() {
    this.steps.hidden = !this.steps.hidden
    attribute(this.element, 'aria-expanded', String(!this.steps.hidden))
    if (this.steps.hidden) return
    if (this.#message?.run) this.#showSteps(this.#message.run)
    else this.onOpen()
  }

  /**
   * @param {RunState | null} run
   * @param {boolean} live
   */
  #showReaches(run, live) {
    const visited = new Set(run?.stages.map((visit) => visit.stage))
    const stages = live || !run ? [...USUAL] : USUAL.filter((stage) => visited.has(stage))
    if (visited.has('reflection')) stages.push('reflection')
    if (stages.length === 0) stages.push('intent_analysis')
    for (const [stage, reach] of this.#reachOf) {
      if (!stages.includes(stage)) {
        reach.element.remove()
        this.#reachOf.delete(stage)
      }
    }
    const here = run && run.stage !== 'init' ? run.stage : 'intent_analysis'
    for (const stage of stages) {
      const { element } = this.#reach(stage)
      const active = live && stage === here
      const ended = !live && stage === here
      const done = visited.has(stage) && !active
      element.className = `reach ${active ? 'active' : done ? 'done' : ''} ${ended ? 'ended' : ''}`
      const share = !live && run ? Math.max(secondsOf(run, stage, false), 0.01) * 1000 : 1
      element.style.setProperty('--share', String(share))
      if (active) this.#showProgress(element, stage, run?.progress ?? null)
    }
    this.#showTimes()
  }

  /**
   * @param {HTMLElement} element
   * @param {Stage} stage
   * @param {number | null} progress
   */
  #showProgress(element, stage, progress) {
    element.classList.toggle('unknown', progress === null)
    element.style.setProperty('--progress', String(progress ?? 0))
    attribute(this.progress, 'value', progress)
    attribute(this.progress, 'aria-label', this.words.say(`stage.${stage}`))
  }

  #showTimes() {
    const run = this.#message?.run
    const live = this.#timer !== undefined
    for (const [stage, { time }] of this.#reachOf) {
      const seconds = run ? secondsOf(run, stage, live) : 0
      setText(time, seconds > 0 ? this.words.seconds(seconds) : '')
    }
  }

  /** @param {Stage} stage */
  #reach(stage) {
    let reach = this.#reachOf.get(stage)
    if (!reach) {
      const time = make('span', { class: 'time' })
      const name = make('span', { class: 'name' }, this.words.say(`stage.${stage}`))
      const label = make('span', { class: 'label' }, name, ' ', time)
      reach = { element: make('span', {}, make('span', { class: 'bar' }), label), time }
      this.#reachOf.set(stage, reach)
      this.#reaches.append(reach.element)
    }
    return reach
  }

  /** @param {ChatMessage} message */
  #summary(message) {
    const { words } = this
    const { run, status } = message
    if (!run) return words.say('course.load')
    const time = words.seconds(totalSeconds(run))
    const parts = [words.say(`course.${ending(status)}`, { time })]
    if (run.sources.length > 0)
      parts.push(words.say('course.sources', { count: run.sources.length }))
    return parts.join(' · ')
  }

  /** @param {RunState | null} run */
  #showSteps(run) {
    if (!run) return
    const visits = run.stages.filter((visit) => visit.stage !== 'init')
    const end = endOf(run, this.#timer !== undefined)
    const last = new Map(visits.map((visit) => [visit.stage, visit]))
    this.steps.replaceChildren(
      ...visits.map((visit) => {
        const isLast = last.get(visit.stage) === visit
        const tools = isLast ? run.tools.filter((tool) => tool.stage === visit.stage) : []
        return this.#step(visit, visit.endedAt ?? end, tools)
      }),
    )
  }

  /**
   * @param {StageVisit} visit
   * @param {string} end
   * @param {readonly ToolActivity[]} tools
   */
  #step(visit, end, tools) {
    const time = this.words.seconds(span(visit.startedAt, end))
    const name = this.words.say(`stage.${visit.stage}`)
    return make(
      'li',
      {},
      make('div', { class: 'step' }, name, make('span', { class: 'time' }, time)),
      make(
        'ul',
        {},
        ...telling(visit.statuses).map((status) =>
          make('li', { class: status.type === 'fail' ? 'fail' : '' }, status.content),
        ),
      ),
      this.lookups.make(tools),
    )
  }
}

/** @param {string} status of a message that has ended */
function ending(status) {
  switch (status) {
    case 'insufficient_context':
    case 'cancelled':
    case 'failed':
    case 'incomplete':
      return status
    default:
      return 'completed'
  }
}

/**
 * Statuses without those that the next one only counts on: "Reading: 10 %", "Reading: 20 %".
 *
 * @param {readonly Status[]} statuses
 */
function telling(statuses) {
  /** @param {Status | undefined} status */
  const gist = (status) => status?.content.replace(/[\d.,]+ ?%?/g, '')
  return statuses.filter((status, at) => status.content && gist(status) !== gist(statuses[at + 1]))
}

/**
 * @param {RunState} run
 * @param {Stage} stage
 * @param {boolean} live
 */
function secondsOf(run, stage, live) {
  const end = endOf(run, live)
  return run.stages
    .filter((visit) => visit.stage === stage)
    .reduce((sum, visit) => sum + span(visit.startedAt, visit.endedAt ?? end), 0)
}

/** @param {RunState} run one that has ended, or of which no more is heard */
export function totalSeconds(run) {
  return run.startedAt ? span(run.startedAt, endOf(run, false)) : 0
}

/**
 * When the run ended, or was last heard of; a live one ends now.
 *
 * @param {RunState} run
 * @param {boolean} live
 */
function endOf(run, live) {
  if (live) return new Date().toISOString()
  const visit = run.stages.at(-1)
  return run.endedAt ?? visit?.statuses.at(-1)?.at ?? visit?.startedAt ?? run.startedAt ?? ''
}

/**
 * @param {string} from
 * @param {string} to
 */
function span(from, to) {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000) || 0
}
