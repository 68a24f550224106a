import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalize } from '../../src/markdown/parser.ts'
import { read } from '../../src/markdown/reading.ts'
import { settledCount } from '../../src/markdown/settle.ts'
import { markdown } from './corpus.ts'

const { RUNS = '2000' } = process.env

function blocks(text: string) {
  return read(normalize(text), {}).blocks
}

/** What of a block can be seen: its tokens. */
function told(of: ReturnType<typeof blocks>) {
  return of.map(({ type, tokens }) => [
    type,
    tokens.map((t) => [t.type, t.tag, t.content, t.info, t.hidden, t.attrs, t.meta]),
  ])
}

test('a block that is called settled is the same in every longer text', () => {
  fc.assert(
    fc.property(markdown, (text) => {
      const whole = told(blocks(text))
      for (let cut = 1; cut < text.length; cut++) {
        const source = normalize(text.slice(0, cut))
        const before = blocks(source)
        const count = settledCount(before, source)
        expect(told(before.slice(0, count))).toEqual(whole.slice(0, count))
      }
    }),
    { numRuns: Number(RUNS) },
  )
})

test.each([
  ['a title goes on from quotation to quotation', '> [a]: /b\n"c\n> d\n', 'e"'],
  [
    'a title goes on from a list into what looks like a table',
    '- [a]: /b\n"c | d\n---|---\n',
    'e"',
  ],
  ['a title goes on from a definition into a heading', '[a]: /b\n"c\n===\nd\n', 'e"'],
  ['a title goes on from a list into a paragraph', '- [a]: /b\n"c\nd\n', 'e"'],
  ['a label goes on from a heading', '[a\n===\nb\n', ']: /c'],
  ['a number becomes an item', '1. a\n\n2', '. b'],
  ['a heading becomes the head of a table', '# a | b\n-', '--|-'],
])('nothing is settled while %s', (_, text, rest) => {
  const before = told(blocks(text))
  const after = told(blocks(text + rest))
  expect(after.slice(0, before.length)).not.toEqual(before)
  expect(settledCount(blocks(text), text)).toBe(0)
})

test('what stands behind settled blocks reads the same without them', () => {
  fc.assert(
    fc.property(markdown, (text) => {
      const source = normalize(text)
      const all = blocks(source)
      const count = settledCount(all, source)
      const from = all[count - 1]?.endLine ?? 0
      const rest = blocks(source.split('\n').slice(from).join('\n'))
      expect(told(rest)).toEqual(told(all.slice(count)))
    }),
    { numRuns: Number(RUNS) },
  )
})
