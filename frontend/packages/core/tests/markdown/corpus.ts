/** Markdown to try things on: pieces that meet every rule of the parser, put together at random. */

import * as fc from 'fast-check'

/** Its parts, some more than once so that they come more often. */
function among(parts: string): fc.Arbitrary<string> {
  return fc.constantFrom(...parts.replaceAll('\n', '').split('¦').map(unescaped))
}

function unescaped(part: string): string {
  const controls: Record<string, string> = { '␊': '\n', '␍': '\r', '␉': '\t', '␀': '\0' }
  return part.replace(/[␊␍␉␀]/g, (symbol) => controls[symbol] ?? '')
}

const START = among(`
¦¦¦¦¦ ¦  ¦   ¦    ¦     ¦      ¦␉¦ ␉¦> ¦>¦> > ¦>> ¦- ¦-¦-␉¦  - ¦   - ¦    - ¦* ¦*¦+ ¦1. ¦1.¦2) ¦1) ¦10. ¦0. ¦
# ¦#¦### ¦####### ¦> - ¦- > ¦- - ¦1. - ¦- # ¦-     ¦> # ¦- \`\`\`¦> \`\`\`¦- [ ] ¦- [x] ¦- [¦* * `)

const MIDDLE = among(`
¦¦¦a¦b c¦word¦two words¦中文¦עברית¦---¦--¦-¦===¦=¦***¦* * *¦___¦\`\`\`¦\`\`¦\`¦~~~¦\`\`\`\`¦\`\`\`js¦~~~ py x¦\`\`\` a\`b¦
|¦| a | b |¦a | b¦|---|---|¦--- | ---¦|:-:|-:|¦|-|¦:--¦| x¦[foo]: /url¦[foo]: /url "title"¦[foo]: <u> 'ti¦[foo]:¦[foo]¦
[bar]: /x¦[bar]¦[foo][bar]¦"title"¦"tit¦tle"¦'x¦y'¦(z¦w)¦]: /u¦[¦[fo¦[a](b)¦[a](<b c>)¦[a](b "t")¦[a](b¦![a](b)¦![foo]¦
<b>¦<script>¦</script>¦<!--¦-->¦<div¦<https://a.b>¦https://a.b/c¦http://x.y¦**a**¦**a¦*a*¦*a¦a*¦_a_¦__a¦***¦~~a~~¦~~a¦\`a\`¦\`a¦
\`\`a\`¦&amp;¦&#35;¦&¦\\¦\\*¦\\\\¦  ¦\u00a0¦#¦# x #¦1¦1.¦12)¦\u202ea¦␀¦a  ¦x\\¦\u2028¦😀¦\ud83d`)

const END = among('␊¦␊¦␊¦␊¦␊␊¦␊␊¦␊␊␊¦␊ ␊¦␍␊¦␍¦ ¦¦  ␊¦␊␉␊')

/** Lines that reach furthest: a definition looks for its title in whatever stands below it. */
const REACHING = among(`
[foo]: /url¦- [foo]: /url¦> [foo]: /url¦[foo]:¦[fo¦- [fo¦o]: /u¦"a | b¦"tit¦"¦tle"¦x "y¦x¦===¦---¦---|---¦a | b¦- a¦  b¦1. x¦2. y¦
\`\`\`¦> q¦# h¦    c¦¦¦- ¦* a¦> - "`)

const pieces = fc
  .array(fc.tuple(START, MIDDLE, END), { maxLength: 14 })
  .map((made) => made.flat().join(''))

const lines = fc.array(REACHING, { maxLength: 9 }).map((made) => made.join('\n'))

/** A text that is mostly structure. */
export const markdown: fc.Arbitrary<string> = fc.oneof(pieces, lines)

/** A text and where it is cut when it comes. */
export const streamed: fc.Arbitrary<{ text: string; cuts: readonly number[] }> = markdown.chain(
  (text) =>
    fc
      .uniqueArray(fc.nat({ max: text.length }), { maxLength: 12 })
      .map((cuts) => ({ text, cuts: [...cuts].sort((one, other) => one - other) })),
)
