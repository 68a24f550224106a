/**
 * Which addresses a link may have, and how text is kept from misleading its reader.
 *
 * Rule 1: http, https and mailto; everything else, relative addresses included, is no link.
 * Rule 2: an address that names a user is no link: `https://bank.example@evil.example/` is a trick.
 */

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** `address` in the form a browser goes to (host names in ASCII), or null where it is no link. */
export function safeAddress(address: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)[^\s]/i.test(address)) return null
  let url: URL
  try {
    url = new URL(address)
  } catch {
    return null
  }
  if (!SCHEMES.has(url.protocol) || url.username !== '' || url.password !== '') return null
  return url.href
}

const EMBEDDINGS = /[\u202a-\u202e]/gu
const CONTROLS = /[\u202a-\u202e\u2066-\u2069]/gu

/** Text without the controls that reverse what stands next to them; each block isolates itself. */
export function proseText(text: string): string {
  return text.replace(EMBEDDINGS, '')
}

/** Code in which each control that could reorder it is visible, as `[U+202E]`. */
export function codeText(text: string): string {
  return text.replace(
    CONTROLS,
    (control) => `[U+${control.charCodeAt(0).toString(16).toUpperCase()}]`,
  )
}
