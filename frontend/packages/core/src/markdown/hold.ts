/**
 * What of a growing text is not shown yet, because a few more characters decide what it is.
 *
 * A `-` after a line makes it a heading, unless it becomes `- item`; a `|` row is text, unless dashes
 * follow. Shown at once, a page would flash through all of that. Only the last line is ever held
 * back (two for the head of a table), only as long as it has nothing but marks, and never at the end.
 */

/** Nothing decent needs longer; what is longer is shown as it is. */
const LONGEST = 256

const ONLY_MARKS = /^[-=*_+#`~|:>\s]*$/
/** The mark of a list's item, perhaps with a task's box. */
const ITEM_OPENS = /^[\s>]*(?:[-*+]|\d{1,9}[.)]?)[ \t]*(?:\[[ xX]?\]?)?[ \t]*$/
/** The language of a fence while it is being written. */
const FENCE_OPENS = /^[\s>]*(?:[-*+]|\d{1,9}[.)])?\s*(?:`{3,}[^`]*|~{3,}.*)$/
const ROW = /^ {0,3}\|/
const BLANK = /^[ \t]*$/

/** How much of `text` to show. Its lines end in `\n`. */
export function shownLength(text: string): number {
  const start = text.lastIndexOf('\n') + 1
  const line = text.slice(start)
  if (line.length > LONGEST) return text.length
  const before = start === 0 ? 0 : text.lastIndexOf('\n', start - 2) + 1
  const isMarks = [ONLY_MARKS, ITEM_OPENS, FENCE_OPENS].some((marks) => marks.test(line))
  if (headsTable(text, start, line)) return start
  if (isMarks && start > 0 && headsTable(text, before, text.slice(before, start - 1))) return before
  return isMarks ? start : text.length
}

/** Whether `line`, which begins at `start`, may turn out to be the first of a table. */
function headsTable(text: string, start: number, line: string): boolean {
  if (!ROW.test(line) || line.length > LONGEST) return false
  const before = start === 0 ? 0 : text.lastIndexOf('\n', start - 2) + 1
  return BLANK.test(text.slice(before, Math.max(before, start - 1)))
}
