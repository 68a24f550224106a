/**
 * Which blocks of a text that still grows can no longer change, whatever follows.
 *
 * The parser goes from block to block, so what comes later can change an earlier block only while
 * that block's end is open. A boundary between two blocks is firm once it is not:
 *
 * - a fence and a thematic break end by themselves: what stands after them cannot change them;
 * - a blank line ends everything but lists and indented code. It also ends the search of a link
 *   reference definition for its title, which otherwise runs on into the paragraph after it, even
 *   out of a list or a quotation;
 * - lists and indented code end where a line after a blank one does not go on with them;
 * - without a blank line, a heading of one line ends when the next line is whole (until then it may
 *   be the head of a table), and everything ends before a line that interrupts whatever it meets.
 *
 * A line that is not whole may still become anything; only the first two rules do without it.
 */

import type { Block } from './blocks.ts'

const END_BY_THEMSELVES = new Set(['fence', 'hr'])
const GO_ON_AFTER_A_BLANK_LINE = new Set(['bullet_list_open', 'ordered_list_open', 'code_block'])
/**
 * Neither tables nor quotations are here: what searches for its title goes on from within a list into
 * the head of a table, and from within a quotation into the next one.
 */
const INTERRUPT = new Set(['bullet_list_open', 'fence', 'heading_open', 'hr', 'ordered_list_open'])

/** How many of `blocks`, counted from the first, are settled; `text` is what they were read from. */
export function settledCount(blocks: readonly Block[], text: string): number {
  const lines = text.split('\n')
  const last = blocks.at(-1)
  if (last !== undefined && endsAtBlankLine(last, lines)) return blocks.length
  for (let i = blocks.length - 1; i > 0; i--) {
    const [previous, next] = [blocks[i - 1], blocks[i]]
    if (previous !== undefined && next !== undefined && isFirm(previous, next, lines)) return i
  }
  return 0
}

/** Whether a whole blank line stands after the last block and ends it. */
function endsAtBlankLine(block: Block, lines: readonly string[]): boolean {
  return (
    !GO_ON_AFTER_A_BLANK_LINE.has(block.type) &&
    isWhole(block.endLine, lines) &&
    isBlank(block.endLine, lines)
  )
}

function isFirm(previous: Block, next: Block, lines: readonly string[]): boolean {
  if (END_BY_THEMSELVES.has(previous.type)) return true
  const blank = isBlank(next.startLine - 1, lines)
  if (blank && !GO_ON_AFTER_A_BLANK_LINE.has(previous.type)) return true
  if (!isWhole(next.startLine, lines)) return false
  return blank || previous.type === 'heading_open' || INTERRUPT.has(next.type)
}

/** A line is whole once its line end has come. */
function isWhole(line: number, lines: readonly string[]): boolean {
  return line < lines.length - 1
}

function isBlank(line: number, lines: readonly string[]): boolean {
  return /^[ \t]*$/.test(lines[line] ?? '')
}
