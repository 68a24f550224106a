/**
 * The text that is being written right now, as it will look once its marks are closed: `**bo` is bold
 * from its first letter, and does not show two stars until its last.
 *
 * Only the last inline text of the open block is mended, and never what is settled or finished. What
 * is mended here is parsed as anything else: a wrong guess is undone by the next characters.
 */

/** A run of backticks further back than this from the end is likely no code that is being written. */
const LONGEST_CODE = 200
/** More marks than this are no emphasis. */
const MOST_MARKS = 8

const MARKS = '*_~`'
/** A link or image whose address is being written; its label comes first. */
const OPEN_LINK = /!?\[([^[\]]*)\]\([^()\s]*(?:\s+"[^"]*)?$/

/** `content` with its last code closed, its last link only a label, and without marks at its end. */
export function mend(content: string): string {
  let end = content.length
  while (end > 0 && MARKS.includes(content[end - 1] ?? ' ')) end--
  const text = content.slice(0, end)
  const mended = text + openCode(text)
  return mended === text ? text.replace(OPEN_LINK, '$1') : mended
}

/** The run of backticks that begins code and has no counterpart yet. */
function openCode(text: string): string {
  const runs = [...text.matchAll(/(?<!\\)`+/g)]
  for (let i = 0; i < runs.length; i++) {
    const { 0: run, index } = runs[i] ?? { 0: '', index: 0 }
    let end = i + 1
    while (end < runs.length && runs[end]?.[0] !== run) end++
    if (end === runs.length) return text.length - index > LONGEST_CODE ? '' : run
    i = end
  }
  return ''
}

/** What closes `marks`, which were opened in that order. */
export function closing(marks: readonly string[]): string {
  return marks.length > MOST_MARKS ? '' : [...marks].reverse().join('')
}
