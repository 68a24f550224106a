// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { MarkdownView, renderMarkdown } from '../../src/markdown/index.ts'

/** Texts that some parser, somewhere, took the square of their length for, or a stack too deep. */
const HEAVY: Record<string, (length: number) => string> = {
  'quotations within quotations': (n) => '>'.repeat(n),
  stars: (n) => `a${'*'.repeat(n * 2.5)}b`,
  'emphasis within emphasis': (n) => `${'*a **b '.repeat(n / 14)}${'** *'.repeat(n / 8)}`,
  'opening brackets': (n) => '['.repeat(n),
  'links within links': (n) => '[a]('.repeat(n / 4),
  'images within images': (n) => '![['.repeat(n / 3),
  'backticks of every length': (n) =>
    Array.from({ length: Math.sqrt(2 * n) }, (_, i) => '`'.repeat(i)).join(' '),
  'lists within lists': (n) => '* - '.repeat(n / 4),
  'a list that goes ever deeper': (n) =>
    Array.from({ length: Math.sqrt(n) }, (_, i) => `${' '.repeat(i * 2)}- a\n`).join(''),
  'a list without end': (n) => '- item\n'.repeat(n / 7),
  'a line without end': (n) => 'word '.repeat(n / 5),
  'code without end': (n) => `\`\`\`\n${'code\n'.repeat(n / 5)}`,
  'a table without end': (n) => `|a|b|\n|-|-|\n${'|c|d|\n'.repeat(n / 6)}`,
  'a table of missing cells': (n) =>
    `${'|a'.repeat(n / 8)}\n${'|-'.repeat(n / 8)}\n${'|\n'.repeat(n / 4)}`,
  'tables without rows': (n) => 'a | b\n'.repeat(n / 6),
  'a title without end': (n) => `[a]: b\n"${'x\n'.repeat(n / 2)}`,
  'definitions without end': (n) => '[a]: b\n'.repeat(n / 7),
  'entities that are none': (n) => '&'.repeat(n),
  'addresses that are none': (n) => 'https://'.repeat(n / 8),
  'elements that are none': (n) => '<a '.repeat(n / 3),
}

function streamed(text: string): { root: HTMLElement; effort: number } {
  const root = document.createElement('div')
  const view = new MarkdownView(root)
  for (let end = 0; end < text.length; end += 16) view.update(text.slice(0, end))
  view.update(text)
  const { effort } = view
  view.finish()
  return { root, effort }
}

function depth(node: Element): number {
  return 1 + Math.max(0, ...[...node.children].map(depth))
}

test.each(Object.entries(HEAVY))('twice the text takes twice the effort: %s', (_, make) => {
  const [short, long] = [make(4_000), make(8_000)]
  const more = streamed(long).effort - streamed(short).effort
  expect(more).toBeLessThan(200 * (long.length - short.length))
})

test.each(Object.entries(HEAVY))('what is made of it stays small and flat: %s', (_, make) => {
  const text = make(20_000)
  const root = document.createElement('div')
  renderMarkdown(root, text)
  expect(root.querySelectorAll('*').length).toBeLessThan(text.length)
  expect(depth(root)).toBeLessThan(60)
})

test('what is nested too deeply is shown as it was written', () => {
  const root = document.createElement('div')
  renderMarkdown(root, `${'> '.repeat(50)}**end**`)
  expect(root.querySelectorAll('blockquote').length).toBe(24)
  expect(root.textContent).toBe(`${'> '.repeat(26)}**end**`)
})

test('emphasis nested too deeply keeps its marks', () => {
  const root = document.createElement('div')
  const letters = 'abcdefghijklmnopqrst'
  const open = [...letters].map((letter) => `*${letter} `).join('')
  renderMarkdown(root, `${open}z${'*'.repeat(20)}`)
  expect(root.querySelectorAll('em').length).toBe(12)
  expect(root.textContent?.replaceAll('*', '')).toBe(`${[...letters].join(' ')} z`)
  expect(root.textContent?.match(/\*/g)?.length).toBe(16)
})
