import { MarkdownView } from '@tailrace/core/markdown'
import { useEffect, useRef } from 'react'

/** Markdown that grows: what is settled is never drawn again. */
export function Markdown({ text, whole }: { text: string; whole: boolean }) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<MarkdownView>(null)
  useEffect(() => {
    if (place.current) view.current ??= new MarkdownView(place.current)
    view.current?.update(text)
    if (whole) view.current?.finish()
  }, [text, whole])
  return <div ref={place} />
}
