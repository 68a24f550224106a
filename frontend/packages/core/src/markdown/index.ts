/**
 * `@tailrace/core/markdown`: Markdown that streams, safely, as DOM.
 *
 *     const view = new MarkdownView(element, { labels: { copy: 'Copy' } })
 *     view.update(textSoFar)   // as often as it grew
 *     view.finish()            // it is whole
 *
 * `update(textSoFar, marks)` puts a small button behind a place in the text (`Mark`), such as where a
 * quotation is. It is no part of the text: its number is in `data-number`, for the style sheet to show.
 *
 * Nothing of the text can become an element, attribute or address that is not allowed (`tree.ts`,
 * `address.ts`); images are never loaded. Headings begin at `h3` (`topHeading`), below the page's own.
 *
 * What a style sheet may rely on, besides the elements of HTML:
 *
 * | class | on | what |
 * |---|---|---|
 * | `md-h1` … `md-h6` | heading | the level it was written with |
 * | `md-code` | `div` | a block of code: `.md-code-head`, then `pre > code` |
 * | `md-code-head` | `div` | `span.md-code-language`, `span.md-copied` (empty but for 2 s), `button.md-copy` |
 * | `language-…` | `code` | the language of that block, in lower case |
 * | `md-table` | `div` | scrolls its `table` sideways; can have the focus, as `.md-code > pre` |
 * | `md-left`, `md-center`, `md-right` | `th`, `td` | alignment |
 * | `md-task` | `li` | holds `label > input[type=checkbox]` |
 * | `md-image` | `a`, or `span` where the address is no link | an image's description |
 * | `md-image-label` | `span` in it | the word before it |
 * | `md-hint` | `span` in `a` | for screen readers alone: to be hidden from sight, not from them |
 * | `md-marks` | `span` | the marks of one place: `button.md-mark[data-mark][data-number]` |
 * | `md-deep` | `p` | what was nested too deeply, as it was written (keep its line ends) |
 */

export type { Labels } from './labels.ts'
export { type MarkdownOptions, MarkdownView, renderMarkdown } from './MarkdownView.ts'
export type { Mark } from './marks.ts'
