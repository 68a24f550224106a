// @vitest-environment happy-dom
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { MarkdownView, renderMarkdown } from '../../src/markdown/index.ts'
import { markdown, streamed } from './corpus.ts'
import { dump } from './dump.ts'

const { RUNS = '1000' } = process.env

function rendered(text: string): readonly unknown[] {
  const root = document.createElement('div')
  renderMarkdown(root, text)
  return dump(root)
}

function stream(text: string, cuts: readonly number[]): HTMLElement {
  const root = document.createElement('div')
  const view = new MarkdownView(root)
  for (const cut of cuts) view.update(text.slice(0, cut))
  view.update(text)
  view.finish()
  return root
}

test('however a text is cut, it ends as if it had come at once', () => {
  fc.assert(
    fc.property(streamed, ({ text, cuts }) => {
      expect(dump(stream(text, cuts))).toEqual(rendered(text))
    }),
    { numRuns: Number(RUNS) },
  )
})

test('a settled node is never touched before the end', () => {
  fc.assert(
    fc.property(streamed, ({ text, cuts }) => {
      const root = document.createElement('div')
      const view = new MarkdownView(root)
      const settled: { node: HTMLElement; was: unknown }[] = []
      for (const cut of [...cuts, text.length]) {
        view.update(text.slice(0, cut))
        const nodes = view.settledNodes
        expect(nodes.slice(0, settled.length)).toEqual(settled.map(({ node }) => node))
        for (const [i, { node, was }] of settled.entries()) {
          expect(root.children[i]).toBe(node)
          expect(dump(node)).toEqual(was)
        }
        for (const node of nodes.slice(settled.length)) settled.push({ node, was: dump(node) })
      }
    }),
    { numRuns: Number(RUNS) },
  )
})

test('a text that is taken back and goes on otherwise ends as if it had come at once', () => {
  fc.assert(
    fc.property(markdown, markdown, fc.nat(100), (text, other, percent) => {
      const kept = text.slice(0, (text.length * percent) / 100)
      const root = document.createElement('div')
      const view = new MarkdownView(root)
      for (let end = 0; end <= text.length; end += 5) view.update(text.slice(0, end))
      for (let end = 0; end <= other.length; end += 7) view.update(kept + other.slice(0, end))
      view.update(kept + other)
      view.finish()
      expect(dump(root)).toEqual(rendered(kept + other))
    }),
    { numRuns: Number(RUNS) },
  )
})
