/**
 * Reads a text, or the part of one that is still open, into blocks and their trees.
 *
 * Rule 1: what was read before and stands there again is not read again (`InlineMemory`).
 * Rule 2: link reference definitions of the settled part count, those of the open part do not stay.
 */

import { type Block, topLevelBlocks } from './blocks.ts'
import { inlineTrees } from './inline.ts'
import type { Labels } from './labels.ts'
import { markedTrees, type Place } from './marks.ts'
import { closing, mend } from './mend.ts'
import { parseBlocks, parseInline, type References, type Token } from './parser.ts'
import type { Tree } from './tree.ts'

/** Blocks, and every definition that may be used in them. */
export interface Reading {
  readonly blocks: readonly Block[]
  readonly references: References
  /** What reading took, about in microseconds. Its inline texts are not read yet. */
  readonly effort: number
}

/** The blocks of a normalized text that follows whatever defined `known`. */
export function read(text: string, known: References): Reading {
  const references: References = Object.create(known)
  const tokens = parseBlocks(text, references)
  const effort = text.length / 16 + tokens.length * 2
  return { blocks: topLevelBlocks(tokens), references, effort }
}

/** The definitions within `tokens`, by label. */
export function definitions(tokens: readonly Token[], references: References): References {
  const found: References = Object.create(null)
  for (const token of tokens) {
    if (token.type !== 'reference_definition') continue
    const { label } = token.meta ?? {}
    const reference = typeof label === 'string' ? references[label] : undefined
    if (typeof label === 'string' && reference !== undefined) found[label] ??= reference
  }
  return found
}

/** Remembers the inline texts of the newest reading, each with what became of it. */
export class InlineMemory {
  readonly #labels: Labels
  #references: References = {}
  #effort = 0
  #signature = ''
  #known = new Map<string, readonly Tree[]>()
  #used = new Map<string, readonly Tree[]>()

  constructor(labels: Labels) {
    this.#labels = labels
  }

  /** Begin the next reading. Other definitions make other links: then nothing is known. */
  begin(references: References): void {
    const own = Object.entries(references).map(([label, { href }]) => `${label} ${href}`)
    const signature = own.join('\n')
    this.#known = signature === this.#signature ? this.#used : new Map()
    this.#used = new Map()
    this.#signature = signature
    this.#references = references
    this.#effort = 0
  }

  /** What reading took since `begin`, in characters; a hostile one takes a microsecond. */
  get effort(): number {
    return this.#effort
  }

  readonly trees = (content: string, places: readonly Place[]): readonly Tree[] => {
    const signed = places.map(({ offset, mark }) => `\0${offset} ${mark.key} ${mark.label}`)
    const name = content + signed.join('')
    const read = (text: string) => this.#read(text)
    const known = this.#used.get(name) ?? this.#known.get(name)
    const trees = known ?? (places.length > 0 ? markedTrees(content, places, read) : read(content))
    this.#used.set(name, trees)
    return trees
  }

  /** The same for a text that is being written. */
  readonly growing = (content: string, places: readonly Place[]): readonly Tree[] => {
    const text = mend(content)
    const { openMarks } = parseInline(text, this.#references)
    this.#effort += text.length
    const read = (part: string) => this.#read(part + closing(openMarks))
    return places.length > 0 ? markedTrees(text, places, read) : read(text)
  }

  #read(content: string): readonly Tree[] {
    this.#effort += content.length
    return inlineTrees(parseInline(content, this.#references).tokens, this.#labels)
  }
}
