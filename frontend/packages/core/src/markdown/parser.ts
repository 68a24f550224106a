/**
 * markdown-it, set up for text that nobody vouches for: text in, tokens out.
 *
 * Rule 1: HTML is text. Which address may be a link is decided in `address.ts`, not here.
 * Rule 2: no text is lost, however deep it is nested: below `MAX_LEVEL` it stays as it was written.
 * Rule 3: little text makes little: a table does not go on where its rows are mostly missing.
 */

import MarkdownIt, {
  type Env,
  type MarkdownIt as Parser,
  type StateBlock,
  type StateInline,
  type Token,
} from 'markdown-it'

export type { Token }

/** Link reference definitions, by label. */
export type References = Record<string, { title: string; href: string }>

type BlockRule = ReturnType<Parser['block']['ruler']['getRules']>[number]

/** A list is two levels deep (itself and its item), a quotation one. */
const MAX_LEVEL = 24

/** Cells that a table may add where its rows are shorter than its head. */
const MAX_ADDED_CELLS = 256

/** Stateless, so that one serves all; making one takes half a millisecond. */
const PARSER = makeParser()

function makeParser(): Parser {
  const parser = new MarkdownIt({ html: false, linkify: true, typographer: false, maxNesting: 64 })
  parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })
  for (const scheme of ['ftp:', '//', 'mailto:']) parser.linkify.add(scheme, null)
  parser.validateLink = () => true
  parser.normalizeLinkText = (address) => address
  const [table] = parser.block.ruler.getRules('')
  if (table) parser.block.ruler.at('table', bounded(table), { alt: ['paragraph', 'reference'] })
  parser.block.ruler.before('table', 'too_deep', tooDeep)
  parser.inline.ruler2.after('balance_pairs', 'open_marks', noteOpenMarks)
  return parser
}

/** The rule for tables, for which the text ends before the row that would add too many cells. */
function bounded(table: BlockRule): BlockRule {
  return (state, startLine, endLine, silent) => {
    if (silent || !table(state, startLine, endLine, true))
      return table(state, startLine, endLine, silent)
    const columns = bars(state, startLine + 1) + 1
    let added = 0
    let line = startLine + 2
    for (; line < endLine && !state.isEmpty(line); line++) {
      added += Math.max(0, columns - bars(state, line) - 1)
      if (added > MAX_ADDED_CELLS) break
    }
    return table(state, startLine, line, silent)
  }
}

function bars(state: StateBlock, line: number): number {
  const text = state.src.slice(state.bMarks[line], state.eMarks[line])
  return text.split('|').length - 1
}

function tooDeep(state: StateBlock, startLine: number, endLine: number): boolean {
  if (state.level < MAX_LEVEL) return false
  let line = startLine + 1
  while (line < endLine && !state.isEmpty(line) && (state.sCount[line] ?? 0) >= state.blkIndent)
    line++
  const token = state.push('too_deep', 'p', 0)
  token.content = state.getLines(startLine, line, state.blkIndent, false)
  token.map = [startLine, line]
  state.line = line
  return true
}

/** Of what was read last, which is the outermost: the marks of emphasis that nothing closes. */
function noteOpenMarks(state: StateInline): void {
  const marks: string[] = []
  let end = -1
  let withinWord = false
  for (const { token, marker, open, end: closer } of state.delimiters) {
    const before = state.tokens[token - 1]
    // `5*3`: a mark within a word of letters and digits is likely none; what follows it in a run neither
    if (token !== end + 1) withinWord = before?.type === 'text' && /[a-z0-9]$/i.test(before.content)
    end = token
    const mark = String.fromCharCode(marker)
    if (open && closer < 0 && !withinWord) marks.push(mark === '~' ? '~~' : mark)
  }
  Object.assign(state.env, { openMarks: marks })
}

/** `text` with one kind of line end and without NUL, as the parser wants it. */
export function normalize(text: string): string {
  return text.replace(/\r\n?/g, '\n').replaceAll('\0', '\ufffd')
}

/** The blocks of a normalized text. Definitions found are added to `references`. */
export function parseBlocks(text: string, references: References): Token[] {
  const tokens: Token[] = []
  PARSER.block.parse(text, PARSER, { references }, tokens)
  return tokens
}

/** What stands within a block, and its marks of emphasis that nothing closes. */
export function parseInline(
  content: string,
  references: References,
): { tokens: readonly Token[]; openMarks: readonly string[] } {
  const env: Env & { openMarks: readonly string[] } = { references, openMarks: [] }
  const tokens = PARSER.parseInline(content, env)[0]?.children ?? []
  return { tokens, openMarks: env.openMarks }
}
