/**
 * Marks: small numbered buttons behind what they belong to, in the middle of rendered Markdown.
 *
 * Rule 1: a mark is no part of the text: its number is an attribute, which the style sheet shows, so
 *         that neither `textContent` nor a copy has it.
 * Rule 2: with its marks taken out, a text is the tree it is without any. Where a sign at the exact
 *         place would change what the text becomes, the mark stands at the next place where none does.
 * Rule 3: none stands within a link or code, but behind it.
 */

import { append, type Branch, branch, sameTree, type Tree } from './tree.ts'

/** What stands behind a part of the text. */
export interface Mark {
  /** Behind how many code points of the text. */
  readonly at: number
  /** What tells it from the others: `data-mark` of its button. */
  readonly key: string
  /** What it shows: `data-number`. */
  readonly number: string
  /** What it is called. */
  readonly label: string
}

/** A mark, and behind how many units of an inline text it stands. */
export interface Place {
  readonly offset: number
  readonly mark: Mark
}

/** A sign for marks, put into the text to see where it comes out. */
interface Sign {
  readonly offset: number
  readonly sign: string
  readonly marks: readonly Mark[]
}

/** Punctuation, which most marks of Markdown allow on either side; hardly a text has it. */
const POINT = '\ua8fc'
/** White space that ends an address. */
const GAP = '\u000b'
const SIGNS = new RegExp(`[${POINT}${GAP}]`)

/** What `content` becomes with its marks. `read` gives what a text becomes. */
export function markedTrees(
  content: string,
  places: readonly Place[],
  read: (content: string) => readonly Tree[],
): readonly Tree[] {
  const plain = read(content)
  const wanted = groups(content, places)
  const signed = (signs: readonly Sign[]) => {
    const trees = SIGNS.test(content) ? [] : read(withSigns(content, signs))
    return isOnlySigned(trees, plain, signs.length) ? trees : null
  }
  const exact = signed(wanted)
  if (exact !== null) return shown(exact, wanted)
  const near = wanted.map((one) => tries(content, one).find((sign) => signed([sign]) !== null))
  const found = near.filter((sign) => sign !== undefined)
  const trees = signed(found)
  const behind = trees === null ? wanted : wanted.filter((_, at) => near[at] === undefined)
  const placed = trees === null ? plain : shown(trees, found)
  return [...placed, ...behind.map(({ marks }) => group(marks))]
}

/** The tree of a block with `marks` behind all that is in it. */
export function markedAtEnd(tree: Branch, marks: readonly Mark[]): Branch {
  const last = tree.children.at(-1)
  const inner = typeof last === 'object' && HOLDS_BLOCKS.has(tree.tag) && ENDS.has(last.tag)
  const children = inner
    ? [...tree.children.slice(0, -1), markedAtEnd(last, marks)]
    : [...tree.children, group(marks)]
  return branch(tree.tag, children, tree.attributes)
}

/** The marks, as one element of the page. */
export function group(marks: readonly Mark[]): Branch {
  const buttons = marks.map(({ key, number, label }) =>
    branch('button', [], {
      type: 'button',
      class: 'md-mark',
      'data-mark': key,
      'data-number': number,
      'aria-label': label,
      'aria-haspopup': 'dialog',
    }),
  )
  return branch('span', buttons, { class: 'md-marks' })
}

const HOLDS_BLOCKS: ReadonlySet<string> = new Set(['ul', 'ol', 'li', 'blockquote'])
const ENDS: ReadonlySet<string> = new Set(['ul', 'ol', 'li', 'blockquote', 'p', 'div'])

/** The places of one spot are one sign. */
function groups(content: string, places: readonly Place[]): Sign[] {
  const at = new Map<number, Mark[]>()
  for (const { offset, mark } of places) {
    const end = Math.min(offset, content.length)
    at.set(end, [...(at.get(end) ?? []), mark])
  }
  const sorted = [...at].sort(([one], [other]) => one - other)
  return sorted.map(([offset, marks]) => ({ offset, sign: POINT, marks }))
}

function tries(content: string, { offset, marks }: Sign): Sign[] {
  const space = content.slice(offset).search(/\s|$/)
  return [
    { offset, sign: POINT, marks },
    { offset, sign: GAP, marks },
    { offset: offset + space, sign: POINT, marks },
    { offset: offset + space, sign: GAP, marks },
  ]
}

function withSigns(content: string, signs: readonly Sign[]): string {
  const sorted = [...signs].sort((one, other) => one.offset - other.offset)
  let text = ''
  let from = 0
  for (const { offset, sign } of sorted) {
    text += content.slice(from, offset) + sign
    from = offset
  }
  return text + content.slice(from)
}

/** Whether the trees are the plain ones, but for that many signs within their texts. */
function isOnlySigned(trees: readonly Tree[], plain: readonly Tree[], count: number): boolean {
  const bare = without(trees)
  return (
    countSigns(trees) === count &&
    bare.length === plain.length &&
    bare.every((tree, at) => sameTree(tree, plain[at] ?? ''))
  )
}

function countSigns(trees: readonly Tree[]): number {
  return trees.reduce(
    (sum, tree) =>
      sum + (typeof tree === 'string' ? tree.split(SIGNS).length - 1 : countSigns(tree.children)),
    0,
  )
}

function without(trees: readonly Tree[]): Tree[] {
  const bare: Tree[] = []
  for (const tree of trees) {
    if (typeof tree === 'string') append(bare, tree.split(SIGNS).join(''))
    else append(bare, branch(tree.tag, without(tree.children), tree.attributes))
  }
  return bare
}

/** The trees with marks where their signs are. */
function shown(trees: readonly Tree[], signs: readonly Sign[]): readonly Tree[] {
  const sorted = [...signs].sort((one, other) => one.offset - other.offset)
  const next = () => group(sorted.shift()?.marks ?? [])
  const show = (within: readonly Tree[]): Tree[] => {
    const children: Tree[] = []
    for (const tree of within) {
      if (typeof tree === 'string') {
        for (const [at, part] of tree.split(SIGNS).entries()) {
          if (at > 0) children.push(next())
          append(children, part)
        }
      } else if (tree.tag === 'a' || tree.tag === 'code') {
        const count = countSigns([tree])
        append(children, branch(tree.tag, without(tree.children), tree.attributes))
        for (let i = 0; i < count; i++) children.push(next())
      } else append(children, branch(tree.tag, show(tree.children), tree.attributes))
    }
    return children
  }
  return show(trees)
}
