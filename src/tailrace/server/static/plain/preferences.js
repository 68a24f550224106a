// @ts-check
/**
 * What a person chose and this browser remembers: theme, language, drafts. Where storage is not
 * allowed, it lasts as long as the page.
 */

import { attribute } from './dom.js'

/** @type {Map<string, string>} */
const kept = new Map()

/**
 * @param {string} name
 * @returns {string | null}
 */
export function recall(name) {
  try {
    return localStorage.getItem(`tailrace.${name}`)
  } catch {
    return kept.get(name) ?? null
  }
}

/**
 * @param {string} name
 * @param {string | null} value null forgets it
 */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`tailrace.${name}`)
    else localStorage.setItem(`tailrace.${name}`, value)
  } catch {
    if (value === null) kept.delete(name)
    else kept.set(name, value)
  }
}

/** @typedef {'system' | 'light' | 'dark'} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = recall('theme')
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  remember('theme', chosen === 'system' ? null : chosen)
  attribute(document.documentElement, 'data-theme', chosen === 'system' ? null : chosen)
}
