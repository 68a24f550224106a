/**
 * From a place in the text of an answer to the place in what became of it.
 *
 * Rule 1: a mark belongs to the character before it: to its block, and the inline text there.
 * Rule 2: a block without a text of that kind (code) has its marks at its end.
 */

import type { Block } from './blocks.ts'
import type { Mark, Place } from './marks.ts'
import { normalize, type Token } from './parser.ts'

/** The marks of one block: those within its inline texts, and those behind it. */
export interface Placement {
  readonly inline: ReadonlyMap<Token, readonly Place[]>
  readonly rest: readonly Mark[]
}

interface Marked {
  readonly inline: Map<Token, Place[]>
  readonly rest: Mark[]
}

/** A mark, and behind how many units of a text it stands. */
export interface Spot {
  readonly units: number
  readonly mark: Mark
}

/** Where marks stand in a text that grows: in UTF-16 units, behind no white space. */
export class Spots {
  /** By code points. */
  #known = new Map<number, number>()
  #points = 0
  #units = 0

  /** Forget what was found: the text is another one. */
  clear(): void {
    this.#known = new Map()
    this.#points = 0
    this.#units = 0
  }

  /** Those of `marks` (sorted) that stand behind more than `from` units of `text`, `to` at most. */
  within(text: string, marks: readonly Mark[], from: number, to: number): Spot[] {
    const spots: Spot[] = []
    for (const mark of marks) {
      const units = this.#known.get(mark.at) ?? this.#find(text, mark.at)
      if (units === null) break // it has not come yet, nor has what is behind it
      if (units > from && units <= to) spots.push({ units, mark })
    }
    return spots
  }

  #find(text: string, points: number): number | null {
    if (points < this.#points) {
      this.#points = 0
      this.#units = 0
    }
    while (this.#points < points) {
      const point = text.codePointAt(this.#units)
      const isHalf = point !== undefined && point >= 0xd800 && point < 0xdc00
      if (point === undefined || (isHalf && this.#units + 1 === text.length)) return null
      this.#units += point > 0xffff ? 2 : 1
      this.#points += 1
    }
    const units = text.slice(0, this.#units).trimEnd().length
    this.#known.set(points, units)
    return units
  }
}

/** Which of `blocks` has which marks; `source`, normalized, is what they were read from. */
export function placements(
  blocks: readonly Block[],
  source: string,
  spots: readonly { readonly offset: number; readonly mark: Mark }[],
): ReadonlyMap<Block, Placement> {
  const found = new Map<Block, Marked>()
  if (spots.length === 0) return found
  const lines = source.split('\n')
  for (const { offset, mark } of spots) {
    const { line, column } = lineOf(lines, offset)
    const isHere = ({ type, startLine }: Block) =>
      startLine <= line && type !== 'reference_definition'
    const block = blocks.findLast(isHere)
    if (block === undefined || offset > source.length) continue // not shown, or not yet
    const placement: Marked = found.get(block) ?? { inline: new Map(), rest: [] }
    found.set(block, placement)
    const token = inlineAt(block, lines, line, column)
    if (token === null) placement.rest.push(mark)
    else {
      const places = placement.inline.get(token.token) ?? []
      placement.inline.set(token.token, [...places, { offset: token.offset, mark }])
    }
  }
  return found
}

/** Where in the normalized `text` from `start` on a spot is. */
export function localSpots(text: string, start: number, spots: readonly Spot[]) {
  return spots.map(({ units, mark }) => {
    return { offset: normalize(text.slice(start, units)).length, mark }
  })
}

/** The line of the character before `offset`, and how much of that line stands before `offset`. */
function lineOf(lines: readonly string[], offset: number): { line: number; column: number } {
  let start = 0
  for (const [line, text] of lines.entries()) {
    if (offset <= start + text.length) return { line, column: offset - start }
    start += text.length + 1
  }
  return { line: lines.length - 1, column: lines.at(-1)?.length ?? 0 }
}

interface Inline {
  readonly token: Token
  readonly startLine: number
  /** Where its first line begins in the line of the source. */
  readonly column: number
}

/** The last inline text of the block that begins before that place, and the place within it. */
function inlineAt(
  block: Block,
  lines: readonly string[],
  line: number,
  column: number,
): { token: Token; offset: number } | null {
  const before = inlines(block, lines).filter(
    (one) => one.startLine < line || (one.startLine === line && one.column < column),
  )
  const last = before.at(-1)
  if (last === undefined) return null
  const { token, startLine } = last
  const contents = token.content.split('\n')
  const content = contents[line - startLine]
  if (content === undefined) return { token, offset: token.content.length }
  const start = contents.slice(0, line - startLine).join('\n').length + (line > startLine ? 1 : 0)
  const own = line === startLine ? last.column : (lines[line] ?? '').lastIndexOf(content)
  const length = own < 0 ? content.length : Math.min(Math.max(column - own, 0), content.length)
  return { token, offset: start + length }
}

/** The inline texts of a block. A table's cells know no line; their row does. */
function inlines({ tokens, startLine }: Block, lines: readonly string[]): Inline[] {
  let row = startLine
  let column = 0
  const found: Inline[] = []
  for (const token of tokens) {
    if (token.type === 'tr_open') {
      row = token.map?.[0] ?? row
      column = 0
    }
    if (token.type !== 'inline' || token.content === '') continue
    const line = token.map?.[0] ?? row
    const [first = ''] = token.content.split('\n')
    const isCell = token.map === null
    const source = lines[line] ?? ''
    const at = isCell ? source.indexOf(first, column) : source.lastIndexOf(first)
    if (isCell && at >= 0) column = at + first.length
    found.push({ token, startLine: line, column: Math.max(at, 0) })
  }
  return found
}
