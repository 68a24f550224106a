// @vitest-environment happy-dom
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Mark, MarkdownView, renderMarkdown } from '../../src/markdown/index.ts'
import { markdown, streamed } from './corpus.ts'
import { dump } from './dump.ts'

const { RUNS = '300' } = process.env
const numRuns = Number(RUNS)

function mark(at: number, name = at): Mark {
  return { at, key: `k${name}`, number: String(name), label: `Source ${name}` }
}

/** `text` without its `^`, and a mark where each was. */
function cited(text: string): { text: string; marks: Mark[] } {
  const parts = text.split('^')
  const marks: Mark[] = []
  let at = 0
  for (const part of parts.slice(0, -1)) {
    at += Array.from(part).length
    marks.push(mark(at, marks.length + 1))
  }
  return { text: parts.join(''), marks }
}

function rendered(text: string, marks: readonly Mark[]): HTMLElement {
  const root = document.createElement('div')
  renderMarkdown(root, text, {}, marks)
  return root
}

/** The text in `root` with its marks in braces. */
function read(root: HTMLElement): string {
  for (const button of root.querySelectorAll('.md-mark')) {
    button.textContent = `{${button.getAttribute('data-number')}}`
  }
  return root.textContent
}

function unmarked(root: HTMLElement): readonly unknown[] {
  for (const marks of root.querySelectorAll('.md-marks')) marks.remove()
  root.normalize()
  return dump(root)
}

const PLACED: readonly (readonly [string, string, string])[] = [
  ['behind a sentence', 'It is in front.^ It rings.^', 'It is in front.{1} It rings.{2}'],
  ['behind a sentence of Chinese', '钟声响起。^四万欧元。^', '钟声响起。{1}四万欧元。{2}'],
  ['by code points', '🌊🌊 flows.^ On.', '🌊🌊 flows.{1} On.'],
  ['within bold text', '**It is in front.^** On.', 'It is in front.{1} On.'],
  ['behind bold text', '**It is in front.**^ On.', 'It is in front.{1} On.'],
  ['not behind white space', 'One. ^Two.\n\n^Three.', 'One.{1} Two.{2}Three.'],
  ['in a later line of a paragraph', 'One\n  two.^ Three\nfour.^', 'One\ntwo.{1} Three\nfour.{2}'],
  ['in a heading', '# The bell^\n\nIt', 'The bell{1}It'],
  ['in a list', '- one^\n- two^\n  more^\n\n1. three^', 'one{1}two{2}\nmore{3}three{4}'],
  ['in a quotation', '> one^\n> two^', 'one{1}\ntwo{2}'],
  ['in a nested list', '- a\n  - b^\n- c', 'ab{1}c'],
  ['behind code', 'Run `make^ test`. On^', 'Run make test{1}. On{2}'],
  [
    'behind an address',
    'See https://a.example/b^ for it.',
    'See https://a.example/b (opens in a new tab){1} for it.',
  ],
  [
    'behind a link',
    'See [the^ plan](https://a.example) on.',
    'See the plan (opens in a new tab){1} on.',
  ],
  ['behind a whole text that has a sign', 'A\u000b b.^ c.', 'A\u000b b. c.{1}'],
  ['behind a task', '- [x] done^', ' done{1}'],
  ['two of one place', 'One.^^ Two.', 'One.{1}{2} Two.'],
  [
    'with line ends of another kind',
    'One.\r\nTwo.^ Three.\r\n\r\nFour.^',
    'One.\nTwo.{1} Three.Four.{2}',
  ],
]

test.each(PLACED)('a mark stands %s', (_, source, wanted) => {
  const { text, marks } = cited(source)
  expect(read(rendered(text, marks))).toBe(wanted)
})

test('a mark stands in its cell of a table', () => {
  const { text, marks } = cited('| a | b |\n|---|---|\n| one^ | one^ |\n| two | three^ |')
  const cells = [...rendered(text, marks).querySelectorAll('td')]
  expect(cells.map(read)).toEqual(['one{1}', 'one{2}', 'two', 'three{3}'])
})

test('a mark within a block of code stands at its end', () => {
  const { text, marks } = cited('```js\nlet a^ = 1\n```\n\nOn.')
  const root = rendered(text, marks)
  expect(root.querySelector('.md-code')?.lastElementChild?.className).toBe('md-marks')
  expect(root.querySelector('code .md-marks')).toBeNull()
})

test('a mark has a name and a number, and nothing that counts as text', () => {
  const button = rendered('One.', [mark(4, 7)]).querySelector('button')
  expect(button?.textContent).toBe('')
  expect(button?.getAttribute('aria-label')).toBe('Source 7')
  expect(button?.dataset).toMatchObject({ mark: 'k7', number: '7' })
})

const places = fc.uniqueArray(fc.nat(60), { maxLength: 5 })

test('without its marks, a text is as it is without any', () => {
  fc.assert(
    fc.property(markdown, places, (text, ats) => {
      const marks = ats.map((at) => mark(at))
      expect(unmarked(rendered(text, marks))).toEqual(unmarked(rendered(text, [])))
    }),
    { numRuns },
  )
})

test('however text and marks come, they end as if they had come at once', () => {
  fc.assert(
    fc.property(streamed, places, ({ text, cuts }, ats) => {
      const marks = ats.map((at) => mark(at))
      const root = document.createElement('div')
      const view = new MarkdownView(root)
      for (const [i, cut] of cuts.entries()) view.update(text.slice(0, cut), marks.slice(0, i))
      view.update(text)
      view.finish()
      for (let count = 0; count <= marks.length; count++) view.update(text, marks.slice(0, count))
      expect(dump(root)).toEqual(dump(rendered(text, marks)))
    }),
    { numRuns },
  )
})

test('a mark that comes late touches its own block alone', () => {
  const root = document.createElement('div')
  const view = new MarkdownView(root)
  const text = 'One.\n\nTwo.\n\nThree.\n\nFo'
  view.update(text)
  const seen: Node[] = []
  const nodes = [...root.children]
  const observed = new MutationObserver((records) => {
    for (const { target } of records) seen.push(target)
  })
  observed.observe(root, { subtree: true, childList: true, characterData: true, attributes: true })
  view.update(text, [mark(10, 1)])
  for (const { target } of observed.takeRecords()) seen.push(target)
  expect(seen.every((node) => nodes[1]?.contains(node))).toBe(true)
  expect(nodes).toEqual([...root.children])
  expect(read(root)).toBe('One.Two.{1}Three.Fo')
})

test('what marks cost grows with the text, not with its square', () => {
  const cost = (count: number) => {
    const view = new MarkdownView(document.createElement('div'))
    let text = ''
    const marks: Mark[] = []
    for (let i = 0; i < count; i++) {
      text += `Sentence ${i} of the answer, which says something.${i % 8 === 7 ? '\n\n' : ' '}`
      view.update(text, [...marks])
      marks.push(mark(text.trimEnd().length, i))
      view.update(text, [...marks])
    }
    view.finish()
    return view.effort
  }
  expect(cost(400)).toBeLessThan(cost(100) * 4 * 1.3)
})
