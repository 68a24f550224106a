/**
 * MarkdownView: Markdown that is still being written, as DOM that grows with it.
 *
 * Rule 1: a settled block (`settle.ts`) is DOM that is not touched again before `finish`, but for a
 *         mark that comes late; only the open part behind it is read again and patched.
 * Rule 2: after `finish`, the DOM is what `renderMarkdown` makes of the same text, however the text
 *         came. It replaces only what differs: text that was held back or mended, links whose
 *         definition came late.
 * Rule 3: the effort grows with the length of the text, never with its square: an open part that
 *         takes more than `SMALL` to read is read again only when enough came to be worth it.
 */

import { type Block, blockTree, type Context } from './blocks.ts'
import { listenForCopies } from './copying.ts'
import { create, patch } from './dom.ts'
import { shownLength } from './hold.ts'
import { ENGLISH, type Labels } from './labels.ts'
import type { Mark } from './marks.ts'
import { normalize, type References } from './parser.ts'
import { localSpots, placements, Spots } from './places.ts'
import { definitions, InlineMemory, type Reading, read } from './reading.ts'
import { settledCount } from './settle.ts'
import { type Branch, sameTree } from './tree.ts'

export interface MarkdownOptions {
  readonly labels?: Partial<Labels>
  /** What a heading of the first level becomes, 1 to 6 (default 3: below the page's own). */
  readonly topHeading?: number
}

/** What a block is to be. */
interface Wanted {
  readonly tree: Branch
  readonly block: Block
}

/** A block as it stands in the page. */
interface Shown extends Wanted {
  readonly node: HTMLElement
}

/** Blocks that settled together. */
interface Settled {
  readonly shown: readonly Shown[]
  /** Where they begin and end in the text. */
  readonly start: number
  readonly end: number
  /** Every definition that was known then. */
  readonly known: References
  /** How much of the text was looked at to know that they are settled. */
  readonly witness: number
  readonly references: References
}

/** In about microseconds, as everything called effort: what may be spent on every update. */
const SMALL = 2_048
/** What may be spent on a character where more than that is needed. */
const WORTH = 128

/** Markdown in one element of the page, which it empties first and then has for itself. */
export class MarkdownView {
  readonly #root: HTMLElement
  readonly #labels: Labels
  readonly #topHeading: number
  #memory: InlineMemory
  #settled: Settled[] = []
  #open: readonly Shown[] = []
  #references: References = Object.create(null)
  #text = ''
  #marks: readonly Mark[] = []
  readonly #spots = new Spots()
  #readEnd = 0
  #finished = true
  #effort = 0
  /** How many characters have to come before the next reading. */
  #awaited = 0

  constructor(root: HTMLElement, options: MarkdownOptions = {}) {
    this.#root = root
    this.#labels = { ...ENGLISH, ...options.labels }
    this.#topHeading = options.topHeading ?? 3
    this.#memory = new InlineMemory(this.#labels)
    root.replaceChildren()
    listenForCopies(root)
  }

  /** What all updates took so far. */
  get effort(): number {
    return this.#effort
  }

  /** The nodes that stay as they are until `finish`. */
  get settledNodes(): readonly HTMLElement[] {
    return this.#settled.flatMap(({ shown }) => shown.map(({ node }) => node))
  }

  /**
   * Show `text`, of which more may follow, with `marks` behind what they belong to. A text that does
   * not begin with the former one is shown anew from where they differ.
   */
  update(text: string, marks: readonly Mark[] = this.#marks): void {
    const differs = text !== this.#text
    if (!differs && marks === this.#marks) return
    if (!text.startsWith(this.#text)) this.#keep(sharedLength(text, this.#text))
    if (differs && this.#finished) this.#keep(0)
    if (differs) this.#finished = false
    this.#text = text
    const isMarked = this.#mark(marks)
    const isDue = differs && text.length >= this.#readEnd + this.#awaited
    if (!isDue && (!isMarked || this.#finished)) return
    this.#readEnd = text.length
    const source = normalize(text.slice(this.#settledEnd))
    this.#showOpen(source.slice(0, shownLength(source)))
  }

  /** The text is whole: show all of it, as if it had come at once. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    const source = normalize(this.#text)
    const known = read(source, Object.create(null))
    const shown = [...this.#settled.flatMap((settled) => settled.shown), ...this.#open]
    this.#settled = []
    this.#references = Object.create(null)
    this.#awaited = 0
    const all = this.#replace(shown, this.#trees(known, source, 0))
    const end = this.#text.length
    const { references } = known
    this.#settled = [{ shown: all, start: 0, end, known: references, witness: end, references }]
    this.#open = []
  }

  /** Take other marks, and show them in what is settled; whether the open part has others too. */
  #mark(marks: readonly Mark[]): boolean {
    if (marks === this.#marks) return false
    const before = this.#marks
    this.#marks = [...marks].sort((one, other) => one.at - other.at)
    const changed = [...difference(before, this.#marks), ...difference(this.#marks, before)]
    changed.sort((one, other) => one.at - other.at)
    const end = this.#text.length
    for (const [i, part] of this.#settled.entries()) {
      const touched = this.#spots.within(this.#text, changed, part.start, part.end)
      if (touched.length > 0) this.#settled[i] = { ...part, shown: this.#remarked(part) }
    }
    return this.#spots.within(this.#text, changed, this.#settledEnd, end).length > 0
  }

  #remarked({ shown, start, end, known }: Settled): Shown[] {
    const memory = new InlineMemory(this.#labels)
    memory.begin(known)
    const source = normalize(this.#text.slice(start, end))
    const blocks = shown.map(({ block }) => block)
    const wanted = this.#wanted(blocks, source, start, memory)
    this.#effort += memory.effort
    return shown.map((one, i) => {
      const { tree, block } = wanted[i] ?? one
      return { tree, block, node: patch(one.node, one.tree, tree) }
    })
  }

  get #settledEnd(): number {
    return this.#settled.at(-1)?.end ?? 0
  }

  /** Open again what was settled by looking at more than the first `length` characters. */
  #keep(length: number): void {
    const kept = this.#settled.filter(({ witness }) => witness <= length)
    const opened = this.#settled.slice(kept.length).flatMap(({ shown }) => shown)
    this.#open = [...opened, ...this.#open]
    this.#settled = kept
    this.#references = Object.create(null)
    for (const { references } of kept) this.#define(references)
    this.#memory = new InlineMemory(this.#labels)
    this.#spots.clear()
    this.#readEnd = 0
    this.#awaited = 0
  }

  #define(references: References): void {
    for (const [label, reference] of Object.entries(references))
      this.#references[label] ??= reference
  }

  #showOpen(source: string): void {
    const reading = read(source, this.#references)
    const { blocks } = reading
    const count = settledCount(blocks, source)
    const growing = count < blocks.length ? blocks.at(-1) : undefined
    const before = this.#effort
    this.#open = this.#replace(this.#open, this.#trees(reading, source, this.#settledEnd, growing))
    const effort = this.#effort - before
    this.#awaited = effort > SMALL ? effort / WORTH : 0
    if (count > 0) this.#settle(blocks.slice(0, count), reading.references)
  }

  #trees(
    { blocks, references, effort }: Reading,
    source: string,
    start: number,
    growing?: Block,
  ): Wanted[] {
    this.#memory.begin(references)
    const wanted = this.#wanted(blocks, source, start, this.#memory, growing)
    this.#effort += effort + this.#memory.effort
    return wanted
  }

  #wanted(
    blocks: readonly Block[],
    source: string,
    start: number,
    memory: InlineMemory,
    growing?: Block,
  ): Wanted[] {
    const context: Context = {
      labels: this.#labels,
      topHeading: this.#topHeading,
      inline: memory.trees,
      growing: memory.growing,
    }
    const spots = this.#spots.within(this.#text, this.#marks, start, this.#text.length)
    const marks = placements(blocks, source, localSpots(this.#text, start, spots))
    return blocks.flatMap((block) => {
      const tree = blockTree(block, context, block === growing, marks.get(block))
      return tree === null ? [] : [{ tree, block }]
    })
  }

  #settle(blocks: readonly Block[], references: References): void {
    const isShown = (block: Block) => block.type !== 'reference_definition'
    const count = blocks.filter(isShown).length
    const found = definitions(
      blocks.flatMap(({ tokens }) => tokens),
      references,
    )
    const from = this.#settledEnd
    const end = from + lineStart(this.#text.slice(from), blocks.at(-1)?.endLine ?? 0)
    const shown = this.#open.slice(0, count)
    const witness = this.#readEnd
    this.#settled.push({ shown, start: from, end, known: references, witness, references: found })
    this.#open = this.#open.slice(count)
    this.#define(found)
  }

  /** Make the page show `wanted` where `shown` stands. What is the same at either end stays. */
  #replace(shown: readonly Shown[], wanted: readonly Wanted[]): Shown[] {
    const shorter = Math.min(shown.length, wanted.length)
    let head = 0
    while (head < shorter && same(shown[head], wanted[head])) head++
    let tail = 0
    while (tail < shorter - head && same(shown.at(-1 - tail), wanted.at(-1 - tail))) tail++
    const old = shown.slice(head, shown.length - tail)
    const after = shown[shown.length - tail]?.node ?? null
    const middle = wanted.slice(head, wanted.length - tail).map(({ tree, block }, i): Shown => {
      const before = old[i]
      if (before) return { tree, block, node: patch(before.node, before.tree, tree) }
      const node = create(this.#root.ownerDocument, tree)
      this.#root.insertBefore(node, after)
      return { tree, block, node }
    })
    for (const { node } of old.slice(middle.length)) node.remove()
    const stays = [...shown.slice(0, head), ...middle, ...shown.slice(shown.length - tail)]
    return stays.map((one, i) => ({ ...one, block: wanted[i]?.block ?? one.block }))
  }
}

/** Show `text` in `root`, at once and whole. */
export function renderMarkdown(
  root: HTMLElement,
  text: string,
  options?: MarkdownOptions,
  marks: readonly Mark[] = [],
): void {
  const view = new MarkdownView(root, options)
  view.update(text, marks)
  view.finish()
}

function same(shown: Shown | undefined, wanted: Wanted | undefined): boolean {
  return shown !== undefined && wanted !== undefined && sameTree(shown.tree, wanted.tree)
}

/** The marks of `one` that `other` has not. */
function difference(one: readonly Mark[], other: readonly Mark[]): Mark[] {
  const nameOf = ({ at, key, label }: Mark) => `${at} ${key} ${label}`
  const had = new Set(other.map(nameOf))
  return one.filter((mark) => !had.has(nameOf(mark)))
}

function sharedLength(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length)
  let length = 0
  while (length < shorter && one[length] === other[length]) length++
  return length
}

/** Where a line of `text` begins, lines counted from 0, whatever ends them. */
function lineStart(text: string, line: number): number {
  const lineEnds = text.matchAll(/\r\n?|\n/g)
  let start = 0
  for (let i = 0; i < line; i++) {
    const { value } = lineEnds.next()
    if (value === undefined) return text.length
    start = value.index + value[0].length
  }
  return start
}
