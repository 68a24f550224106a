/**
 * The button that copies a block of code: one listener for a whole text.
 *
 * Rule 1: where the browser gives no clipboard (a page over plain HTTP), the old command is tried;
 *         where that fails too, the code is left selected, ready for the keyboard.
 */

const SHOWN_MS = 2_000

/** Make the copy buttons within `root` work, whenever they come. Doing so twice changes nothing. */
export function listenForCopies(root: HTMLElement): void {
  root.addEventListener('click', onClick)
}

function onClick(event: Event): void {
  const { target } = event
  if (!(target instanceof Element)) return
  const button = target.closest('button.md-copy')
  const card = button?.closest('.md-code')
  const code = card?.querySelector('code')
  if (button && card && code) void copy(code, card, button.getAttribute('data-copied') ?? '')
}

async function copy(code: Element, card: Element, copied: string): Promise<void> {
  const done = (await writeToClipboard(code.textContent)) || copySelected(code)
  const notice = card.querySelector('.md-copied')
  if (!done || notice === null) return
  notice.textContent = copied
  setTimeout(() => notice.replaceChildren(), SHOWN_MS)
}

async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false // none there, or not permitted
  }
}

function copySelected(code: Element): boolean {
  const document = code.ownerDocument
  document.getSelection()?.selectAllChildren(code)
  if (!document.execCommand('copy')) return false
  document.getSelection()?.removeAllRanges()
  return true
}
