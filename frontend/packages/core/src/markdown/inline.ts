/**
 * What stands within a block, from tokens to trees.
 *
 * Rule 1: a link without a safe address is its text; an image is never loaded, it is a link to where
 *         it lies.
 * Rule 2: marks nested deeper than `MAX_DEPTH` are shown as they were written.
 */

import { codeText, proseText, safeAddress } from './address.ts'
import type { Labels } from './labels.ts'
import type { Token } from './parser.ts'
import { type Attributes, append, branch, type Tree } from './tree.ts'

/** Chromium lays out by recursion; 25,000 nested emphases would end the tab. */
const MAX_DEPTH = 12

/** An element whose end has not come. Without a tag its children go to the one around it. */
interface Open {
  readonly tag: 'a' | 'em' | 's' | 'strong' | null
  readonly attributes: Attributes
  readonly children: Tree[]
}

/** The trees of one inline token's children. */
export function inlineTrees(tokens: readonly Token[], labels: Labels): readonly Tree[] {
  const root: Open = { tag: null, attributes: {}, children: [] }
  const stack: Open[] = [root]
  let openLinks = 0
  for (const token of tokens) {
    const top = stack.at(-1) ?? root
    if (token.nesting > 0) {
      const open = opened(token, top, stack.length > MAX_DEPTH)
      if (open.tag === 'a') openLinks++
      stack.push(open)
    } else if (token.nesting < 0) {
      if (top.tag === 'a') openLinks--
      stack.pop()
      close(token, top, stack.at(-1) ?? root, labels)
    } else for (const tree of leaf(token, openLinks > 0, labels)) append(top.children, tree)
  }
  return root.children
}

function opened(token: Token, around: Open, deep: boolean): Open {
  const { children } = around
  switch (token.type) {
    case 'strong_open':
      if (!deep) return { tag: 'strong', attributes: {}, children: [] }
      break
    case 'em_open':
      if (!deep) return { tag: 'em', attributes: {}, children: [] }
      break
    case 's_open':
      if (!deep) return { tag: 's', attributes: {}, children: [] }
      break
    case 'link_open': {
      const address = safeAddress(attribute(token, 'href'))
      if (address !== null) return { tag: 'a', attributes: linkTo(address), children: [] }
      return { tag: null, attributes: {}, children }
    }
  }
  append(children, token.markup)
  return { tag: null, attributes: {}, children }
}

function close(token: Token, open: Open, around: Open, labels: Labels): void {
  if (open.tag === null) {
    if (token.type !== 'link_close') append(around.children, token.markup)
  } else {
    const children = [...open.children, ...hint(open.attributes, labels)]
    append(around.children, branch(open.tag, children, open.attributes))
  }
}

function leaf(token: Token, withinLink: boolean, labels: Labels): readonly Tree[] {
  switch (token.type) {
    case 'softbreak':
      return ['\n']
    case 'hardbreak':
      return [branch('br', []), '\n']
    case 'code_inline':
      return [branch('code', [codeText(token.content)], { dir: 'ltr' })]
    case 'image':
      return [image(token, withinLink, labels)]
    default:
      return [proseText(token.content)]
  }
}

function image(token: Token, withinLink: boolean, labels: Labels): Tree {
  const children: Tree[] = [branch('span', [labels.image], { class: 'md-image-label' })]
  append(children, plainText(token.children ?? []))
  const address = withinLink ? null : safeAddress(attribute(token, 'src'))
  if (address === null) return branch('span', children, { class: 'md-image' })
  const attributes = { ...linkTo(address), class: 'md-image' }
  return branch('a', [...children, ...hint(attributes, labels)], attributes)
}

function plainText(tokens: readonly Token[]): string {
  let text = ''
  for (const token of tokens) {
    if (token.type === 'softbreak' || token.type === 'hardbreak') text += '\n'
    else if (token.type === 'image') text += plainText(token.children ?? [])
    else text += proseText(token.content)
  }
  return text
}

function linkTo(href: string): Attributes {
  const attributes = { href, rel: 'noopener noreferrer nofollow', dir: 'auto' }
  return href.startsWith('mailto:') ? attributes : { ...attributes, target: '_blank' }
}

function hint(attributes: Attributes, labels: Labels): readonly Tree[] {
  if (attributes.target === undefined) return []
  return [branch('span', [` ${labels.externalLink}`], { class: 'md-hint' })]
}

function attribute(token: Token, name: string): string {
  return String(token.attrGet(name) ?? '')
}
