/**
 * What Markdown becomes before it is DOM: a tree of plain values.
 *
 * Rule 1: nothing outside `ALLOWED` can reach the page: `dom.ts` creates no other element and reads
 *         no other attribute.
 * Rule 2: neighbouring strings are one, and none is empty, so that a tree and the DOM made from it
 *         have the same shape.
 */

/** Every element that Markdown may become, with every attribute it may carry. */
export const ALLOWED = {
  a: ['href', 'target', 'rel', 'dir', 'class'],
  blockquote: [],
  br: [],
  button: [
    'type',
    'class',
    'data-copied',
    'data-mark',
    'data-number',
    'aria-label',
    'aria-haspopup',
  ],
  code: ['class', 'dir'],
  div: ['class', 'tabindex', 'role', 'aria-label'],
  em: [],
  h1: ['class', 'dir'],
  h2: ['class', 'dir'],
  h3: ['class', 'dir'],
  h4: ['class', 'dir'],
  h5: ['class', 'dir'],
  h6: ['class', 'dir'],
  hr: [],
  input: ['type', 'disabled', 'checked'],
  label: [],
  li: ['class'],
  ol: ['start', 'dir'],
  p: ['class', 'dir'],
  pre: ['tabindex', 'role', 'aria-label', 'dir'],
  s: [],
  span: ['class', 'role'],
  strong: [],
  table: [],
  tbody: [],
  td: ['class', 'dir'],
  th: ['class', 'dir', 'scope'],
  thead: [],
  tr: [],
  ul: ['dir'],
} as const

export type Tag = keyof typeof ALLOWED
export type Attributes = Readonly<Partial<Record<(typeof ALLOWED)[Tag][number], string>>>
export type Tree = string | Branch

/** One element to be. */
export interface Branch {
  readonly tag: Tag
  readonly attributes: Attributes
  readonly children: readonly Tree[]
}

const NONE: Attributes = {}

export function branch(tag: Tag, children: readonly Tree[], attributes: Attributes = NONE): Branch {
  return { tag, attributes, children }
}

/** Put `tree` at the end of `children`; a string melts into the one before it. */
export function append(children: Tree[], tree: Tree): void {
  const last = children.at(-1)
  if (tree === '') return
  if (typeof tree === 'string' && typeof last === 'string')
    children[children.length - 1] = last + tree
  else children.push(tree)
}

/** Whether both would become the same DOM. */
export function sameTree(one: Tree, other: Tree): boolean {
  if (one === other) return true
  if (typeof one === 'string' || typeof other === 'string') return false
  return (
    one.tag === other.tag &&
    ALLOWED[one.tag].every((name) => one.attributes[name] === other.attributes[name]) &&
    (one.children === other.children ||
      (one.children.length === other.children.length &&
        one.children.every((child, i) => sameTree(child, other.children[i] ?? ''))))
  )
}
