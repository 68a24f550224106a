// @ts-check
/**
 * Making and changing elements. Text is set as text: nothing here, or anywhere in this page, reads
 * a string as HTML.
 */

const SVG = 'http://www.w3.org/2000/svg'

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Property */

/**
 * A new element. A property that is a function listens to that event (`onclick`); true gives an
 * empty attribute, false, null and undefined none.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Property>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else attribute(element, name, value)
  }
  element.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  )
  return element
}

/**
 * Sets an attribute where it differs; false, null and undefined take it away.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function attribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name)
  else {
    const text = value === true ? '' : String(value)
    if (element.getAttribute(name) !== text) element.setAttribute(name, text)
  }
}

/**
 * One of the icons of the page's sprite; decoration, without a name of its own.
 *
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#icon-${name}`)
  svg.append(use)
  return svg
}

/**
 * A button that shows an icon alone; its name is for those who hear it, and for the pointer.
 *
 * @param {string} name the icon's
 * @param {string} label
 * @param {Record<string, Property>} [properties]
 */
export function iconButton(name, label, properties = {}) {
  return make(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, ...properties },
    icon(name),
  )
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Shows the element or hides it; what is so already is not touched, which would cost a new layout.
 *
 * @param {HTMLElement} element
 * @param {boolean} shown
 */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown
}

/**
 * Shows these children, in this order; those that are there already are not touched, so that focus
 * and selection in them stay.
 *
 * @param {Element} parent
 * @param {readonly Node[]} children
 */
export function arrange(parent, children) {
  const wanted = new Set(children)
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove()
  let before = parent.firstChild
  for (const child of children) {
    if (child === before) before = before.nextSibling
    else parent.insertBefore(child, before)
  }
}

/**
 * Puts text into the clipboard, also where the page came over plain HTTP from another machine and
 * browsers offer no clipboard.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is there now
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = make('textarea', { class: 'hidden-label', 'aria-hidden': 'true', tabindex: -1 })
    const focused = document.activeElement
    document.body.append(area)
    area.value = text
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    if (focused instanceof HTMLElement) focused.focus()
    return copied
  }
}
