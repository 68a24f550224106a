// @ts-check
/**
 * Words: everything this page says, in the language that was chosen, numbers and times included.
 *
 * Rule 1: a text is found by its key; both tables have the same keys, which the type check holds.
 * Rule 2: what the server writes (statuses, titles) stays in its own words.
 */

import { recall, remember } from './preferences.js'
import { en } from './words_en.js'
import { zh } from './words_zh.js'

/** @typedef {'en' | 'zh'} Language */
/** @typedef {keyof typeof en} Key */
/** @typedef {Record<Key, string | {readonly one?: string, readonly other: string}>} Table */

/** @type {Record<Language, Table>} */
const TABLES = { en, zh }

const BYTE_UNITS = /** @type {const} */ (['kilobyte', 'megabyte', 'gigabyte'])

/**
 * The language this browser asks for, unless one was chosen here.
 *
 * @returns {Language}
 */
export function chosenLanguage() {
  const chosen = recall('language')
  if (chosen === 'en' || chosen === 'zh') return chosen
  for (const wanted of navigator.languages) {
    if (wanted.startsWith('zh')) return 'zh'
    if (wanted.startsWith('en')) return 'en'
  }
  return 'en'
}

/** @param {Language} language */
export function rememberLanguage(language) {
  remember('language', language)
}

export class Words {
  /** @type {Map<string, {format(value: any): string}>} */
  #formats = new Map()

  /** @param {Language} language */
  constructor(language) {
    this.language = language
    /** As HTML names it. */
    this.tag = language === 'zh' ? 'zh-CN' : 'en'
    const own = navigator.languages.find((each) => each.startsWith(language))
    this.#locale = own ?? this.tag // English has more than one way to write a date
    this.#plural = new Intl.PluralRules(this.#locale)
  }

  /** @type {Intl.PluralRules} */
  #plural
  /** @type {string} */
  #locale

  /**
   * The text `key` with its {slots} filled; `count` chooses the plural.
   *
   * @param {Key} key
   * @param {Record<string, string | number>} [values]
   * @returns {string}
   */
  say(key, values = {}) {
    const entry = TABLES[this.language][key]
    let text = entry
    if (typeof text !== 'string') {
      const { count = 0 } = values
      const form = this.#plural.select(Number(count))
      text = (form === 'one' ? text.one : undefined) ?? text.other
    }
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? ''
      return typeof value === 'number' ? this.number(value) : value
    })
  }

  /**
   * What the server says, as a sentence of its own.
   *
   * @param {string} text
   */
  sentence(text) {
    // a name or an address stays as it is
    const isWord = /^\p{L}+[ ,]/u.test(text)
    const [first = ''] = text
    return isWord ? first.toLocaleUpperCase(this.#locale) + text.slice(first.length) : text
  }

  /**
   * @param {number} value
   * @param {number} [digits] after the point, at most
   */
  number(value, digits = 0) {
    return this.#format(
      `number ${digits}`,
      () => new Intl.NumberFormat(this.#locale, { maximumFractionDigits: digits }),
    ).format(value)
  }

  /** @param {number} share 0 to 1 */
  percent(share) {
    return this.#format(
      'percent',
      () => new Intl.NumberFormat(this.#locale, { style: 'percent' }),
    ).format(share)
  }

  /** @param {number} size */
  bytes(size) {
    size /= 1000
    if (size < 1) size = Math.ceil(size)
    let power = 0
    while (size >= 999.5 && power < BYTE_UNITS.length - 1) {
      size /= 1000
      power += 1
    }
    const unit = BYTE_UNITS[power]
    const digits = power > 0 && size < 100 ? 1 : 0
    return this.#format(
      `bytes ${unit} ${digits}`,
      () =>
        new Intl.NumberFormat(this.#locale, {
          style: 'unit',
          unit,
          unitDisplay: 'short',
          maximumFractionDigits: digits,
        }),
    ).format(size)
  }

  /** @param {number} seconds */
  seconds(seconds) {
    if (seconds < 0.1) return this.say('unit.instant')
    if (seconds < 60) {
      const digits = seconds < 10 ? 1 : 0
      const count = this.#format(
        `seconds ${digits}`,
        () =>
          new Intl.NumberFormat(this.#locale, {
            minimumFractionDigits: digits,
            maximumFractionDigits: digits,
          }),
      ).format(seconds)
      return this.say('unit.seconds', { count })
    }
    const whole = Math.round(seconds)
    return this.say('unit.minutes', { minutes: Math.floor(whole / 60), seconds: whole % 60 })
  }

  /** @param {Date} date */
  moment(date) {
    return this.#format(
      'moment',
      () => new Intl.DateTimeFormat(this.#locale, { dateStyle: 'medium', timeStyle: 'short' }),
    ).format(date)
  }

  /**
   * @param {string} name
   * @param {() => {format(value: any): string}} make
   */
  #format(name, make) {
    let format = this.#formats.get(name)
    if (!format) {
      format = make()
      this.#formats.set(name, format)
    }
    return format
  }
}
