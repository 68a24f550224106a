// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { MarkdownView } from '../../src/markdown/index.ts'

function begin(): { root: HTMLElement; view: MarkdownView; html: () => string } {
  const root = document.createElement('div')
  const view = new MarkdownView(root)
  return { root, view, html: () => root.innerHTML.replaceAll(' dir="auto"', '') }
}

/** What is seen after each prefix of `text`, without what is seen twice in a row. */
function film(text: string): string[] {
  const { view, html } = begin()
  const pictures: string[] = []
  for (let end = 1; end <= text.length; end++) {
    view.update(text.slice(0, end))
    if (html() !== pictures.at(-1)) pictures.push(html())
  }
  return pictures
}

test('a list after a line never flashes as a heading', () => {
  expect(film('To do:\n- a').filter((picture) => picture.includes('<h'))).toEqual([])
})

test('a table is never seen as bars and dashes', () => {
  const pictures = film('Look:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n')
  expect(pictures.filter((picture) => picture.includes('|'))).toEqual([])
  expect(pictures.at(-1)).toContain('<td>2</td>')
})

test('a task is never seen as brackets', () => {
  expect(film('- [ ] a\n- [x] b').filter((picture) => picture.includes('['))).toEqual([])
})

test('code is a card from its first line on, and never seen as backticks', () => {
  const pictures = film('See:\n\n```py\nab\ncd\n```\n\nx')
  expect(pictures.filter((picture) => picture.includes('`'))).toEqual([])
  expect(pictures.filter((picture) => /<code[^>]*>[^<]/.test(picture)).length).toBe(5)
  expect(pictures.filter((picture) => picture.includes('md-code-language">p<'))).toEqual([])
})

test('what is held back is shown at the end', () => {
  const { view, html } = begin()
  view.update('a\n-')
  expect(html()).toBe('<p>a</p>')
  view.finish()
  expect(html()).toBe('<h4 class="md-h2">a</h4>')
})

test('all but the last blocks of an answer are settled while it is written', () => {
  const { view } = begin()
  const blocks = [
    '# Title',
    'text',
    '- a\n- b',
    '1. c',
    '```\ncode\n```',
    '> quote',
    '|a|\n|-|\n|b|',
    '***',
    'end',
  ]
  view.update(blocks.join('\n\n'))
  expect(view.settledNodes.length).toBe(blocks.length - 1)
  view.update(`${blocks.join('\n\n')}\n\n`)
  expect(view.settledNodes.length).toBe(blocks.length)
})

test('a heading, a list and code without blank lines between settle too', () => {
  const { view } = begin()
  view.update('# Title\n- a\n- b\n```\ncode\n```\n> quote\n# Title\ntext')
  expect(view.settledNodes.map((node) => node.localName)).toEqual(['h3', 'ul', 'div', 'blockquote'])
})

test('a definition that comes late makes its link at the end, and touches nothing else', () => {
  const { root, view } = begin()
  view.update('first\n\nsee [this]\n\nlast\n\n')
  const nodes = [...root.children]
  view.update('first\n\nsee [this]\n\nlast\n\n[this]: https://x.example\n')
  expect(root.querySelector('a')).toBeNull()
  view.finish()
  expect(root.querySelector('a')?.getAttribute('href')).toBe('https://x.example/')
  expect([...root.children]).toEqual(nodes)
})

test('a definition serves all that comes after it', () => {
  const { root, view } = begin()
  view.update('[this]: https://x.example\n\nfirst\n\n')
  view.update('[this]: https://x.example\n\nfirst\n\nsee [this]')
  expect(root.querySelector('a')?.getAttribute('href')).toBe('https://x.example/')
})

test('half an address defines nothing that stays', () => {
  const { root, view } = begin()
  view.update('see [a]\n\n[a]: https://x.ex')
  view.update('see [a]\n\n[a]: https://x.example\n\nsee [a]')
  view.finish()
  const addresses = [...root.querySelectorAll('a')].map((link) => link.getAttribute('href'))
  expect(addresses).toEqual(['https://x.example/', 'https://x.example/'])
})

test('a text that is taken back keeps the nodes of what stays', () => {
  const { root, view } = begin()
  view.update('first\n\nsecond\n\nthird\n\nfourth')
  const [first] = root.children
  view.update('first\n\nsecond, but other')
  expect(root.textContent).toBe('firstsecond, but other')
  expect(root.firstChild).toBe(first)
})

test('what a taken back text said of its code, its list and its task is taken back too', () => {
  const { view, html } = begin()
  view.update('```js\na\n```\n\n2. a\n\n- [x] a')
  view.update('```\na\n```\n\n1. a\n\n- [ ] a')
  view.finish()
  expect(html()).not.toMatch(/language-|start=|checked/)
})

test('the same text again, after its end, changes nothing', () => {
  const { root, view } = begin()
  view.update('one **two')
  view.finish()
  view.update('one **two')
  expect(root.textContent).toBe('one **two')
})

test('a text that goes on after its end goes on', () => {
  const { root, view } = begin()
  view.update('one')
  view.finish()
  view.update('one two\n\nthree')
  view.finish()
  expect(root.textContent).toBe('one twothree')
})

test('what stood in its place before is gone', () => {
  const root = document.createElement('div')
  root.append('old')
  new MarkdownView(root).update('new')
  expect(root.textContent).toBe('new')
})
