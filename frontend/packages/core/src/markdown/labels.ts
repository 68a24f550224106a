/** The words that the page, not the text, puts into rendered Markdown. */
export interface Labels {
  /** Of the button that copies a block of code. */
  readonly copy: string
  /** Said and shown after that. */
  readonly copied: string
  /** After a link, for those who do not see that it opens elsewhere. */
  readonly externalLink: string
  /** Names a block of code without a language. */
  readonly code: string
  /** Names a table that may have to be scrolled. */
  readonly table: string
  /** Before the description of an image, which is a link. */
  readonly image: string
}

export const ENGLISH: Labels = {
  copy: 'Copy code',
  copied: 'Copied',
  externalLink: '(opens in a new tab)',
  code: 'Code',
  table: 'Table',
  image: 'Image: ',
}
