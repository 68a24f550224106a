import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalize } from '../../src/markdown/parser.ts'
import { read } from '../../src/markdown/reading.ts'
import { settledCount } from '../../src/markdown/settle.ts'
import { markdown } from './corpus.ts'

const { RUNS = '10000' } = process.env

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

test('a block that is called settled is the same whatever follows', () => {
  fc.assert(
    fc.property(markdown, markdown, (text, rest) => {
      const before = blocks(text)
      const count = settledCount(before, normalize(text))
      expect(told(blocks(text + rest).slice(0, count))).toEqual(told(before.slice(0, count)))
    }),
    { numRuns: Number(RUNS) },
  )
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
