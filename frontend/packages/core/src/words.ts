/** What went wrong, and what to do about it, in the words of whoever uses it. */

import type { ChatError } from './state.ts'

export type Language = 'en' | 'zh'

export interface ErrorWords {
  readonly title: string
  readonly advice: string
}

/** The error in words of `language`. */
export function describeError(error: ChatError, language: Language): ErrorWords {
  void language
  return { title: error.code, advice: error.message }
}
