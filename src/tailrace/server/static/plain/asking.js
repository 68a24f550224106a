// @ts-check
/** A question with yes and no, for what cannot be undone. */

import { make } from './dom.js'

/** @typedef {import('./words.js').Words} Words */

/**
 * Whether the person says yes.
 *
 * @param {Words} words
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function ask(words, { title, text, yes }) {
  return new Promise((resolve) => {
    const no = make(
      'button',
      { type: 'button', class: 'button', onclick: () => dialog.close() },
      words.say('asking.no'),
    )
    const sure = make(
      'button',
      { type: 'button', class: 'button danger', onclick: () => dialog.close('yes') },
      yes,
    )
    const dialog = make(
      'dialog',
      { class: 'box', 'aria-labelledby': 'asking-title' },
      make('h2', { id: 'asking-title' }, title),
      make('p', { dir: 'auto' }, text),
      make('div', { class: 'buttons' }, no, sure),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
