/**
 * Detectors for a page that shows hostile Markdown: what ran, what was refused, what stands there.
 *
 * Rule 1: the allow-list here is written by hand, apart from the one it checks.
 */

const ELEMENTS = new Set(
  (
    'a blockquote br button code div em h3 h4 h5 h6 hr input label li ol p pre s span strong ' +
    'table tbody td th thead tr ul'
  ).split(' '),
)
const ATTRIBUTES = {
  'aria-label': /^(?:Code|Table|[\w+#.-]{1,32})$/,
  checked: /^$/,
  class:
    /^(?:md-(?:h[1-6]|code|code-head|code-language|copied|copy|table|left|center|right|task|image|image-label|hint|deep)|language-[\w+#.-]{1,32})$/,
  'data-copied': /^Copied$/,
  dir: /^(?:auto|ltr)$/,
  disabled: /^$/,
  href: /^(?:https?:\/\/[^@]+|mailto:[^?&]+@[^?&]+)$/,
  rel: /^noopener noreferrer nofollow$/,
  role: /^(?:group|status)$/,
  scope: /^col$/,
  start: /^\d{1,9}$/,
  tabindex: /^0$/,
  target: /^_blank$/,
  type: /^(?:button|checkbox)$/,
}

globalThis.hits = 0
globalThis.hit = () => {
  globalThis.hits++
}
globalThis.refused = []
document.addEventListener('securitypolicyviolation', (event) => {
  globalThis.refused.push(event.effectiveDirective)
})

/** A form's own `attributes` may be one of its inputs: the corpus has such a form. */
function attributeNames(element) {
  return Element.prototype.getAttributeNames.call(element)
}

/** Everything within `root` that must not be there. */
function forbidden(root) {
  const found = []
  for (const element of root.querySelectorAll('*')) {
    if (element.namespaceURI !== 'http://www.w3.org/1999/xhtml') found.push(element.namespaceURI)
    if (!ELEMENTS.has(element.localName)) found.push(element.localName)
    for (const name of attributeNames(element)) {
      const value = element.getAttribute(name)
      if (!ATTRIBUTES[name]?.test(value)) found.push(`${element.localName} ${name}=${value}`)
    }
  }
  return found
}

/** What a reader sees of `root`: all text, but the hints for screen readers. */
function seen(root) {
  const copy = root.cloneNode(true)
  for (const hint of copy.querySelectorAll('.md-hint')) hint.remove()
  return copy.textContent
}

async function corpus() {
  const { cases } = await (await fetch(`${location.origin}/hostile.json`)).json()
  return cases
}

function place() {
  return document.body.appendChild(document.createElement('main'))
}

/** Two frames and a request there and back: time for all that a case set off to begin. */
async function settle() {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame)
  await corpus()
}

/** Stream every case, `step` characters at a time; what was wrong with each. */
globalThis.streamCorpus = async (step) => {
  const { MarkdownView } = await import('/markdown.js')
  const wrong = []
  for (const { name, markdown, shows } of await corpus()) {
    const root = place()
    const view = new MarkdownView(root)
    for (let end = step; end < markdown.length + step; end += step) {
      view.update(markdown.slice(0, end))
      for (const what of forbidden(root)) wrong.push(`${name}: ${what}`)
    }
    view.finish()
    for (const what of forbidden(root)) wrong.push(`${name}: ${what}`)
    if (!seen(root).includes(shows)) wrong.push(`${name}: shows ${seen(root)}`)
  }
  await settle()
  return wrong
}

/** Do what must never be done with every case; what the allow-list says to that. */
globalThis.injectCorpus = async () => {
  const wrong = []
  for (const { name, markdown } of await corpus()) {
    if (name.includes('refresh')) continue // this page would be gone
    const root = place()
    try {
      root.innerHTML = markdown
    } catch {
      wrong.push(`${name}: refused`)
    }
    for (const what of forbidden(root)) wrong.push(`${name}: ${what}`)
  }
  await settle()
  return wrong
}
