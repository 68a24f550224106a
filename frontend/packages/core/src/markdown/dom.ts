/**
 * Trees to DOM: make it, and change what stands there into what should.
 *
 * Rule 1: `createElement`, `createTextNode` and allowed attributes, nothing else.
 * Rule 2: what does not differ is not touched; a text that grew is appended to, so that a selection
 *         in it and the focus in an element stay.
 */

import { ALLOWED, type Branch, type Tree } from './tree.ts'

export function create(document: Document, tree: Branch): HTMLElement
export function create(document: Document, tree: Tree): Node
export function create(document: Document, tree: Tree): Node {
  if (typeof tree === 'string') return document.createTextNode(tree)
  const element = document.createElement(tree.tag)
  for (const name of ALLOWED[tree.tag]) {
    const value = tree.attributes[name]
    if (value !== undefined) element.setAttribute(name, value)
  }
  for (const child of tree.children) element.appendChild(create(document, child))
  return element
}

/** Change `node`, which was made from `old`, into what `tree` says; the node that stands then. */
export function patch(node: HTMLElement, old: Branch, tree: Branch): HTMLElement {
  if (old === tree) return node
  if (old.tag !== tree.tag) {
    const made = create(node.ownerDocument, tree)
    node.replaceWith(made)
    return made
  }
  for (const name of ALLOWED[tree.tag]) {
    const value = tree.attributes[name]
    if (value === old.attributes[name]) continue
    if (value === undefined) node.removeAttribute(name)
    else node.setAttribute(name, value)
  }
  if (old.children !== tree.children) patchChildren(node, old.children, tree.children)
  return node
}

function patchChildren(parent: HTMLElement, old: readonly Tree[], trees: readonly Tree[]): void {
  let node = parent.firstChild
  for (const [i, tree] of trees.entries()) {
    const before = old[i]
    if (before === undefined || node === null) {
      parent.appendChild(create(parent.ownerDocument, tree))
      continue
    }
    const next: ChildNode | null = node.nextSibling
    patchNode(parent.ownerDocument, node, before, tree)
    node = next
  }
  for (let i = trees.length; i < old.length && node !== null; i++) {
    const next: ChildNode | null = node.nextSibling
    node.remove()
    node = next
  }
}

function patchNode(document: Document, node: ChildNode, old: Tree, tree: Tree): void {
  if (old === tree) return
  if (typeof old === 'string' && typeof tree === 'string' && node instanceof Text) {
    patchText(node, old, tree)
  } else if (typeof old !== 'string' && typeof tree !== 'string' && node instanceof HTMLElement) {
    patch(node, old, tree)
  } else node.replaceWith(create(document, tree))
}

/** Replace the part that differs: what a reader has selected in the rest stays selected. */
function patchText(node: Text, old: string, text: string): void {
  if (text.startsWith(old)) {
    node.appendData(text.slice(old.length))
    return
  }
  const shorter = Math.min(old.length, text.length)
  let head = 0
  while (head < shorter && old[head] === text[head]) head++
  let tail = 0
  while (tail < shorter - head && old.at(-1 - tail) === text.at(-1 - tail)) tail++
  node.replaceData(head, old.length - head - tail, text.slice(head, text.length - tail))
}
