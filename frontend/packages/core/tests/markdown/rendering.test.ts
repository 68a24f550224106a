// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { type MarkdownOptions, renderMarkdown } from '../../src/markdown/index.ts'

/** The HTML of a text, without what stands on every block and every link. */
function html(text: string, options?: MarkdownOptions): string {
  const root = document.createElement('div')
  renderMarkdown(root, text, options)
  return root.innerHTML.replace(/ (?:dir="auto"|rel="[^"]*"|target="[^"]*")/g, '')
}

const HINT = '<span class="md-hint"> (opens in a new tab)</span>'

test.each([
  ['a paragraph', 'one\ntwo', '<p>one\ntwo</p>'],
  ['a line break', 'one  \ntwo\\\nthree', '<p>one<br>\ntwo<br>\nthree</p>'],
  [
    'emphasis',
    '*a* **b** ~~c~~ `d`',
    '<p><em>a</em> <strong>b</strong> <s>c</s> <code dir="ltr">d</code></p>',
  ],
  [
    'a quotation',
    '> a\n> > b',
    '<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>',
  ],
  ['a tight list', '- a\n- b\n  - c', '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>'],
  ['a loose list', '- a\n\n- b', '<ul><li><p>a</p></li><li><p>b</p></li></ul>'],
  ['a list that starts later', '3. a\n4. b', '<ol start="3"><li>a</li><li>b</li></ol>'],
  ['a break', 'a\n\n---\n\nb', '<p>a</p><hr><p>b</p>'],
  ['raw HTML', '<b onclick="x">a</b>', '<p>&lt;b onclick="x"&gt;a&lt;/b&gt;</p>'],
  ['entities', '&copy; &lt;b&gt; &#8212;', '<p>© &lt;b&gt; —</p>'],
])('%s', (_, text, expected) => {
  expect(html(text)).toBe(expected)
})

test('headings begin below the page’s own, and keep the level they were written with', () => {
  expect(html('# a\n\n## b\n\n###### c')).toBe(
    '<h3 class="md-h1">a</h3><h4 class="md-h2">b</h4><h6 class="md-h6">c</h6>',
  )
  expect(html('# a\n\nb\n---', { topHeading: 1 })).toBe(
    '<h1 class="md-h1">a</h1><h2 class="md-h2">b</h2>',
  )
  expect(html('# a\n\n## b', { topHeading: 6 })).toBe(
    '<h6 class="md-h1">a</h6><h6 class="md-h2">b</h6>',
  )
})

test('a task is a disabled box with its text', () => {
  expect(html('- [ ] to do\n- [x] **done**\n- [y] none')).toBe(
    '<ul><li class="md-task"><label><input type="checkbox" disabled=""> to do</label></li>' +
      '<li class="md-task"><label><input type="checkbox" disabled="" checked=""> ' +
      '<strong>done</strong></label></li><li>[y] none</li></ul>',
  )
})

test('a table scrolls by itself, by keyboard too, and says how it is aligned', () => {
  expect(html('| a | b | c |\n|:-|:-:|-:|\n| 1 | 2 |')).toBe(
    '<div class="md-table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>' +
      '<th class="md-left" scope="col">a</th><th class="md-center" scope="col">b</th>' +
      '<th class="md-right" scope="col">c</th></tr></thead><tbody><tr><td class="md-left">1</td>' +
      '<td class="md-center">2</td><td class="md-right"></td></tr></tbody></table></div>',
  )
})

test('code is a card with its language and a button', () => {
  expect(html('```C++ title=x\na < b\n\n```')).toBe(
    '<div class="md-code"><div class="md-code-head"><span class="md-code-language">C++</span>' +
      '<span class="md-copied" role="status"></span>' +
      '<button type="button" class="md-copy" data-copied="Copied">Copy code</button></div>' +
      '<pre tabindex="0" role="group" aria-label="C++" dir="ltr">' +
      '<code class="language-c++">a &lt; b\n</code></pre></div>',
  )
  expect(html('    a\n      b')).toContain('aria-label="Code" dir="ltr"><code>a\n  b</code>')
})

test.each(['"onclick="x', '../x', 'a'.repeat(33), '<b>', 'x;y'])(
  'a language that is none names no class: %s',
  (language) => {
    expect(html(`\`\`\`${language}\nx\n\`\`\``)).toContain('<code>x</code>')
  },
)

test.each([
  ['[a](https://x.example/b)', `<a href="https://x.example/b">a${HINT}</a>`],
  ['[a](http://x.example "title")', `<a href="http://x.example/">a${HINT}</a>`],
  ['<https://x.example>', `<a href="https://x.example/">https://x.example${HINT}</a>`],
  [
    'see https://x.example/a_b_c.',
    `see <a href="https://x.example/a_b_c">https://x.example/a_b_c${HINT}</a>.`,
  ],
  ['[a](mailto:b@x.example)', '<a href="mailto:b@x.example">a</a>'],
  ['[a][b]\n\n[b]: https://x.example', `<a href="https://x.example/">a${HINT}</a>`],
  [
    'https://пример.example/',
    `<a href="https://xn--e1afmkfd.example/">https://пример.example/${HINT}</a>`,
  ],
])('a link: %s', (text, expected) => {
  expect(html(text)).toBe(`<p>${expected}</p>`)
})

test.each([
  'javascript:a',
  'JAVASCRIPT:a',
  'data:text/html,a',
  'vbscript:a',
  'file:///a',
  'ftp://a.example',
  '//a.example',
  '/a',
  'a',
  '#a',
  'https://a@b.example',
  'https://a:b@c.example',
  'https:a.example',
  'https://',
  'blob:https://a.example/b',
])('no link, but its text: %s', (address) => {
  expect(html(`[text](<${address}>)`)).toBe('<p>text</p>')
})

test('what is no link in a text is none: host names, mail addresses, other schemes', () => {
  expect(
    html('x.example www.x.example a@x.example ftp://x.example mailto:a@x.example //x.example'),
  ).not.toContain('<a')
})

test('a link tells where it opens, and gives away nothing', () => {
  const root = document.createElement('div')
  renderMarkdown(root, '[a](https://x.example)', {
    labels: { externalLink: '（在新标签页中打开）' },
  })
  const link = root.querySelector('a')
  expect(link?.getAttribute('rel')).toBe('noopener noreferrer nofollow')
  expect(link?.getAttribute('target')).toBe('_blank')
  expect(link?.textContent).toBe('a （在新标签页中打开）')
})

test('an image is not loaded: it is a link to where it lies', () => {
  const label = '<span class="md-image-label">Image: </span>'
  expect(html('![a *b*](https://x.example/c.png)')).toBe(
    `<p><a href="https://x.example/c.png" class="md-image">${label}a b${HINT}</a></p>`,
  )
  expect(html('![a](data:image/png;base64,AA)')).toBe(
    `<p><span class="md-image">${label}a</span></p>`,
  )
  expect(html('[![a](https://x.example/c.png)](https://x.example)')).toBe(
    `<p><a href="https://x.example/"><span class="md-image">${label}a</span>${HINT}</a></p>`,
  )
})

test('what would reverse the text beside it does not', () => {
  expect(html('a\u202eb')).toBe('<p>ab</p>')
  expect(html('`a\u202eb\u2066c`')).toBe('<p><code dir="ltr">a[U+202E]b[U+2066]c</code></p>')
  expect(html('```\na\u2067b\n```')).toContain('<code>a[U+2067]b</code>')
})

test('each block finds its own direction, a list one for all of it', () => {
  const root = document.createElement('div')
  renderMarkdown(root, 'a\n\n# b\n\n- c\n\n  d\n\n|e|\n|-|\n\n[f](https://x.example)')
  const directed = [...root.querySelectorAll('[dir=auto]')].map((element) => element.localName)
  expect(directed).toEqual(['p', 'h3', 'ul', 'th', 'p', 'a'])
})
