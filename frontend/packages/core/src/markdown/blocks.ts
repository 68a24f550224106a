/**
 * From the parser's tokens to the trees of a text's blocks.
 *
 * Rule 1: a block's tree depends on its own tokens and the link reference definitions alone.
 * Rule 2: no text is left out. Not shown are link reference definitions, the titles of links (one
 *         could name another address) and what follows a fence's language.
 */

import { codeText, proseText } from './address.ts'
import type { Labels } from './labels.ts'
import { group, markedAtEnd, type Place } from './marks.ts'
import type { Token } from './parser.ts'
import type { Placement } from './places.ts'
import { type Attributes, append, type Branch, branch, type Tag, type Tree } from './tree.ts'

/** A top-level block: its tokens and where it lies. */
export interface Block {
  /** Of its first token; a heading with a line of `=` or `-` under it is an `underlined_heading`. */
  readonly type: string
  readonly startLine: number
  /** The line after its last one. */
  readonly endLine: number
  readonly tokens: readonly Token[]
}

/** Gives the trees of an inline text, marks at their places included. */
export type Inline = (content: string, places: readonly Place[]) => readonly Tree[]

/** What is needed to make trees. */
export interface Context {
  readonly labels: Labels
  /** The level of the page's heading for a heading of the first level, 1 to 6. */
  readonly topHeading: number
  readonly inline: Inline
  /** The same for a text that is being written. */
  readonly growing: Inline
}

/** The top-level blocks that `tokens` are made of, link reference definitions included. */
export function topLevelBlocks(tokens: readonly Token[]): Block[] {
  const blocks: Block[] = []
  let from = 0
  for (const [i, token] of tokens.entries()) {
    if (token.level !== 0 || token.nesting > 0 || token.type === 'inline') continue
    const first = tokens[from] ?? token
    const [startLine, endLine] = first.map ?? [0, 0]
    const underlined = first.type === 'heading_open' && !first.markup.startsWith('#')
    const type = underlined ? 'underlined_heading' : first.type
    blocks.push({ type, startLine, endLine, tokens: tokens.slice(from, i + 1) })
    from = i + 1
  }
  return blocks
}

interface Open {
  readonly tag: Tag
  attributes: Attributes
  readonly children: Tree[]
}

/** The tree of one block; null for a link reference definition. `growing`: it is being written. */
export function blockTree(
  block: Block,
  context: Context,
  growing: boolean,
  marks: Placement | undefined,
): Branch | null {
  const written = growing ? block.tokens.findLast(isInlineText) : undefined
  const root: Open = { tag: 'div', attributes: {}, children: [] }
  const stack: Open[] = [root]
  for (const [i, token] of block.tokens.entries()) {
    if (token.hidden) continue
    const top = stack.at(-1) ?? root
    if (token.nesting > 0) stack.push(opened(token, top, context))
    else if (token.nesting < 0) {
      stack.pop()
      append((stack.at(-1) ?? root).children, closed(top, context))
    } else if (token.type === 'inline') {
      const isItem = block.tokens[i - 2]?.type === 'list_item_open'
      const item = isItem ? stack.findLast((open) => open.tag === 'li') : undefined
      const inline = token === written ? context.growing : context.inline
      const places = marks?.inline.get(token) ?? []
      for (const tree of inlineContent(token, item, inline, places)) append(top.children, tree)
    } else for (const tree of leaf(token, context)) append(top.children, tree)
  }
  const [tree] = root.children
  if (tree === undefined || typeof tree === 'string') return null
  return marks === undefined || marks.rest.length === 0 ? tree : markedAtEnd(tree, marks.rest)
}

function isInlineText(token: Token): boolean {
  return token.type === 'inline' && token.content !== ''
}

function opened(token: Token, around: Open, context: Context): Open {
  return { ...element(token, around, context), children: [] }
}

function element(
  token: Token,
  around: Open,
  context: Context,
): { tag: Tag; attributes: Attributes } {
  switch (token.type) {
    case 'heading_open':
      return heading(token, context)
    case 'blockquote_open':
      return { tag: 'blockquote', attributes: {} }
    case 'bullet_list_open':
      return { tag: 'ul', attributes: { dir: 'auto' } }
    case 'ordered_list_open': {
      const start = token.attrGet('start')
      return {
        tag: 'ol',
        attributes: start === null ? { dir: 'auto' } : { dir: 'auto', start: String(start) },
      }
    }
    case 'list_item_open':
      return { tag: 'li', attributes: {} }
    case 'table_open':
      return { tag: 'table', attributes: {} }
    case 'thead_open':
      return { tag: 'thead', attributes: {} }
    case 'tbody_open':
      return { tag: 'tbody', attributes: {} }
    case 'tr_open':
      return { tag: 'tr', attributes: {} }
    case 'th_open':
      return { tag: 'th', attributes: { ...alignment(token), dir: 'auto', scope: 'col' } }
    case 'td_open':
      return { tag: 'td', attributes: { ...alignment(token), dir: 'auto' } }
    default:
      // in a list the direction is the list's, so that its markers stand on one side
      return { tag: 'p', attributes: around.tag === 'li' ? {} : { dir: 'auto' } }
  }
}

const HEADINGS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'] as const

function heading(token: Token, context: Context): { tag: Tag; attributes: Attributes } {
  const level = Number(token.tag.slice(1))
  const tag = HEADINGS[Math.min(level + context.topHeading, 7) - 2] ?? 'h6'
  return { tag, attributes: { class: `md-h${level}`, dir: 'auto' } }
}

function alignment(token: Token): Attributes {
  const side = /^text-align:(left|center|right)$/.exec(String(token.attrGet('style')))?.[1]
  return side === undefined ? {} : { class: `md-${side}` }
}

function closed(open: Open, context: Context): Branch {
  const tree = branch(open.tag, open.children, open.attributes)
  if (open.tag !== 'table') return tree
  return branch('div', [tree], {
    class: 'md-table',
    tabindex: '0',
    role: 'group',
    'aria-label': context.labels.table,
  })
}

function inlineContent(
  { content }: Token,
  item: Open | undefined,
  inline: Inline,
  places: readonly Place[],
): readonly Tree[] {
  const task = item === undefined ? null : /^\[([ xX])\][ \t]+(?=\S)/.exec(content)
  if (item === undefined || task === null) return inline(content, places)
  item.attributes = { class: 'md-task' }
  const state: Attributes = task[1] === ' ' ? {} : { checked: '' }
  const box = branch('input', [], { type: 'checkbox', disabled: '', ...state })
  const label = branch('label', [box, ' ', ...inline(content.slice(task[0].length), [])])
  const marks = places.map(({ mark }) => mark)
  return marks.length === 0 ? [label] : [label, group(marks)] // a label has one control, the box
}

function leaf(token: Token, context: Context): readonly Tree[] {
  switch (token.type) {
    case 'hr':
      return [branch('hr', [])]
    case 'fence':
      return [codeCard(token.content, token.info, context)]
    case 'code_block':
      return [codeCard(token.content, '', context)]
    case 'too_deep':
      return [branch('p', [proseText(token.content)], { class: 'md-deep', dir: 'auto' })]
    default:
      return []
  }
}

function codeCard(content: string, info: string, context: Context): Branch {
  const { labels } = context
  const language = /^\s*([\w+#.-]{1,32})(?:\s|$)/.exec(info)?.[1]
  const named = language === undefined ? {} : { class: `language-${language.toLowerCase()}` }
  const text = codeText(content.endsWith('\n') ? content.slice(0, -1) : content)
  const code = branch('code', text === '' ? [] : [text], named)
  const head = [
    branch('span', [language ?? labels.code], { class: 'md-code-language' }),
    branch('span', [], { class: 'md-copied', role: 'status' }),
    branch('button', [labels.copy], {
      type: 'button',
      class: 'md-copy',
      'data-copied': labels.copied,
    }),
  ]
  return branch(
    'div',
    [
      branch('div', head, { class: 'md-code-head' }),
      branch('pre', [code], {
        tabindex: '0',
        role: 'group',
        'aria-label': language ?? labels.code,
        dir: 'ltr',
      }),
    ],
    { class: 'md-code' },
  )
}
