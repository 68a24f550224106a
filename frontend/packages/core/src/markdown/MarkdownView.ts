/**
 * MarkdownView: Markdown that is still being written, as DOM that grows with it.
 *
 * Rule 1: a settled block (`settle.ts`) is DOM that is not touched again before `finish`; only the
 *         open part behind it is read again and patched.
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
import { normalize, type References } from './parser.ts'
import { definitions, InlineMemory, type Reading, read } from './reading.ts'
import { settledCount } from './settle.ts'
import { type Branch, sameTree } from './tree.ts'

export interface MarkdownOptions {
  readonly labels?: Partial<Labels>
  /** What a heading of the first level becomes, 1 to 6 (default 3: below the page's own). */
  readonly topHeading?: number
}

/** A block as it stands in the page. */
interface Shown {
  readonly tree: Branch
  readonly node: HTMLElement
}

/** Blocks that settled together. */
interface Settled {
  readonly shown: readonly Shown[]
  /** Where they end in the text. */
  readonly end: number
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
   * Show `text`, of which more may follow. One that does not begin with the former text is shown anew
   * from where they differ.
   */
  update(text: string): void {
    if (text === this.#text) return
    if (!text.startsWith(this.#text)) this.#keep(sharedLength(text, this.#text))
    this.#finished = false
    this.#text = text
    if (text.length < this.#readEnd + this.#awaited) return
    this.#readEnd = text.length
    const source = normalize(text.slice(this.#settledEnd))
    this.#showOpen(source.slice(0, shownLength(source)))
  }

  /** The text is whole: show all of it, as if it had come at once. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    const reading = read(normalize(this.#text), Object.create(null))
    const shown = [...this.#settled.flatMap((settled) => settled.shown), ...this.#open]
    this.#settled = []
    this.#references = Object.create(null)
    this.#awaited = 0
    this.#open = this.#replace(shown, this.#trees(reading))
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
    this.#open = this.#replace(this.#open, this.#trees(reading, growing))
    const effort = this.#effort - before
    this.#awaited = effort > SMALL ? effort / WORTH : 0
    if (count > 0) this.#settle(blocks.slice(0, count), reading.references)
  }

  #trees({ blocks, references, effort }: Reading, growing?: Block): Branch[] {
    this.#memory.begin(references)
    const context: Context = {
      labels: this.#labels,
      topHeading: this.#topHeading,
      inline: this.#memory.trees,
      growing: this.#memory.growing,
    }
    const trees = blocks
      .map((block) => blockTree(block, context, block === growing))
      .filter((tree) => tree !== null)
    this.#effort += effort + this.#memory.effort
    return trees
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
    this.#settled.push({ shown, end, witness: this.#readEnd, references: found })
    this.#open = this.#open.slice(count)
    this.#define(found)
  }

  /** Make the page show `trees` where `shown` stands. What is the same at either end stays. */
  #replace(shown: readonly Shown[], trees: readonly Branch[]): Shown[] {
    const shorter = Math.min(shown.length, trees.length)
    let head = 0
    while (head < shorter && same(shown[head], trees[head])) head++
    let tail = 0
    while (tail < shorter - head && same(shown.at(-1 - tail), trees.at(-1 - tail))) tail++
    const old = shown.slice(head, shown.length - tail)
    const after = shown[shown.length - tail]?.node ?? null
    const middle = trees.slice(head, trees.length - tail).map((tree, i): Shown => {
      const before = old[i]
      if (before !== undefined) return { tree, node: patch(before.node, before.tree, tree) }
      const node = create(this.#root.ownerDocument, tree)
      this.#root.insertBefore(node, after)
      return { tree, node }
    })
    for (const { node } of old.slice(middle.length)) node.remove()
    return [...shown.slice(0, head), ...middle, ...shown.slice(shown.length - tail)]
  }
}

/** Show `text` in `root`, at once and whole. */
export function renderMarkdown(root: HTMLElement, text: string, options?: MarkdownOptions): void {
  const view = new MarkdownView(root, options)
  view.update(text)
  view.finish()
}

function same(shown: Shown | undefined, tree: Branch | undefined): boolean {
  return shown !== undefined && tree !== undefined && sameTree(shown.tree, tree)
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
