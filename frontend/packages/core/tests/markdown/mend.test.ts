// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { MarkdownView } from '../../src/markdown/index.ts'
import { mend } from '../../src/markdown/mend.ts'

/** What is seen while `text` is being written. */
function seen(text: string): string {
  const root = document.createElement('div')
  new MarkdownView(root).update(text)
  return root.innerHTML.replace(/ (?:dir|rel|target)="[^"]*"/g, '')
}

test.each([
  ['some **bo', '<p>some <strong>bo</strong></p>'],
  ['some **bold*', '<p>some <strong>bold</strong></p>'],
  ['**bold and *both', '<p><strong>bold and <em>both</em></strong></p>'],
  ['这是**重要', '<p>这是<strong>重要</strong></p>'],
  ['~~gone', '<p><s>gone</s></p>'],
  ['run `ls -', '<p>run <code>ls -</code></p>'],
  ['**run `ls', '<p><strong>run <code>ls</code></strong></p>'],
  ['see [the manual](https://exa', '<p>see the manual</p>'],
  ['see ![a picture](https://exa', '<p>see a picture</p>'],
  ['- one\n- **tw', '<ul><li>one</li><li><strong>tw</strong></li></ul>'],
])('a mark that is not closed yet is seen as if it were: %j', (text, html) => {
  expect(seen(text)).toBe(html)
})

test.each([
  ['5*3 = 15', '<p>5*3 = 15</p>'],
  ['2 * 3', '<p>2 * 3</p>'],
  ['snake_case', '<p>snake_case</p>'],
  ['a [1] b', '<p>a [1] b</p>'],
  ['it costs ~5', '<p>it costs ~5</p>'],
])('what is likely no mark stays: %j', (text, html) => {
  expect(seen(text)).toBe(html)
})

test('only what is being written is mended', () => {
  expect(seen('**a\n\n')).toBe('<p>**a</p>')
  expect(seen('**a\n\n- b `c\n- d')).toBe('<p>**a</p><ul><li>b `c</li><li>d</li></ul>')
})

test.each(['*', '`a', '`` ` ', '![', '[a](', '[a](b "', '\\`', '_a', '~~ '])(
  'a line of nothing but %j is looked through once',
  (mark) => {
    // its square would outlast the time a test has
    expect(mend(`a ${mark.repeat(200_000)} b`).length).toBeGreaterThan(200_000)
  },
)
