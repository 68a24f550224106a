// @ts-check
/** Notices below an answer: how it ended where it did not simply end, and what it asks. */

import { describeError } from '../core.js'
import { icon, make } from './dom.js'

/** @typedef {import('../core.js').ChatMessage} ChatMessage */
/** @typedef {import('../core.js').InputRequest} InputRequest */
/** @typedef {import('./app.js').App} App */

/**
 * How the answer ended; null where there is nothing to say about it.
 *
 * @param {App} app
 * @param {ChatMessage} message
 * @param {boolean} newest only the newest answer can be tried again
 * @returns {HTMLElement | null}
 */
export function makeNotice(app, message, newest) {
  const { words } = app
  const retry =
    newest &&
    button(words.say(`retry.${message.status === 'incomplete' ? 'look' : 'ask'}`), 'retry', () =>
      app.session.retry(),
    )
  switch (message.status) {
    case 'failed':
      return failure(app, message, retry)
    case 'incomplete':
      return notice(
        'warn',
        'alert',
        words.say('incomplete.title'),
        words.say('incomplete.advice'),
        [retry],
      )
    case 'cancelled': {
      const advice = words.say(message.content ? 'cancelled.advice' : 'cancelled.nothing')
      return notice('', 'stop', words.say('cancelled.title'), advice, [retry])
    }
    case 'insufficient_context': {
      const add = button(words.say('documents.add'), 'upload', () => app.uploads.choose())
      return notice(
        'warn',
        'search',
        words.say('insufficient.title'),
        words.say('insufficient.advice'),
        [add],
      )
    }
    default:
      return null
  }
}

/**
 * What the run asks its user, with the answers it offers.
 *
 * @param {App} app
 * @param {InputRequest} asked
 */
export function makeQuestion(app, asked) {
  const { words, session } = app
  const options = asked.options.map((option) => button(option, null, () => session.answer(option)))
  const advice = words.say(options.length > 0 ? 'asked.choose' : 'asked.write')
  return notice('ask', 'thought', asked.question, advice, options)
}

/**
 * @param {App} app
 * @param {ChatMessage} message
 * @param {HTMLElement | false} retry
 */
function failure(app, message, retry) {
  const { words } = app
  const error = message.error ?? {
    code: 'internal',
    message: '',
    retryable: true,
    retryAfterS: null,
  }
  const { title, advice } = describeError(error, words.language)
  const key =
    error.code === 'unauthorized' && button(words.say('key.enter'), null, () => app.key.ask())
  const made = notice('bad', 'alert', title, advice, [key, retry])
  const kept = message.content ? `${words.say('failed.kept')} ` : ''
  made.querySelector('.detail')?.append(kept, make('code', {}, error.code))
  return made
}

/**
 * @param {'' | 'warn' | 'bad' | 'ask'} kind
 * @param {string} picture
 * @param {string} title
 * @param {string} advice
 * @param {readonly (HTMLElement | false)[]} buttons
 */
function notice(kind, picture, title, advice, buttons) {
  const some = buttons.filter((each) => each !== false)
  return make(
    'div',
    { class: `notice ${kind}` },
    icon(picture),
    make(
      'div',
      {},
      make('h3', { dir: 'auto' }, title),
      make('p', {}, advice),
      kind === 'bad' && make('p', { class: 'detail' }),
      some.length > 0 && make('div', { class: 'buttons' }, ...some),
    ),
  )
}

/**
 * @param {string} label
 * @param {string | null} picture
 * @param {() => void} onclick
 */
function button(label, picture, onclick) {
  return make(
    'button',
    { type: 'button', class: 'button', onclick },
    picture && icon(picture),
    label,
  )
}
