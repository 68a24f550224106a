/** Changes are shown once a frame, in a page that is seen and in one that is not. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AnimationFrames } from '../src/frames.ts'

let frames: (() => void)[]
let page: EventTarget & { visibilityState: string }

beforeEach(() => {
  frames = []
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  vi.useFakeTimers()
  vi.stubGlobal('document', page)
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => frames.push(callback))
  vi.stubGlobal('cancelAnimationFrame', (id: number) => {
    frames[id - 1] = () => {}
  })
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

function turnTo(visibility: string): void {
  page.visibilityState = visibility
  page.dispatchEvent(new Event('visibilitychange'))
}

function nextFrame(): void {
  for (const callback of frames.splice(0)) callback()
}

test('many requests before a frame are one', () => {
  const schedule = new AnimationFrames()
  const seen: string[] = []
  schedule.request(() => seen.push('first'))
  schedule.request(() => seen.push('second'))
  nextFrame()
  nextFrame()
  expect(seen).toEqual(['first'])
  schedule.request(() => seen.push('third'))
  nextFrame()
  expect(seen).toEqual(['first', 'third'])
})

test('a page that nobody sees shows its changes by a timer', () => {
  turnTo('hidden')
  const schedule = new AnimationFrames()
  const seen: string[] = []
  schedule.request(() => seen.push('hidden'))
  expect(frames).toEqual([])
  vi.advanceTimersByTime(100)
  expect(seen).toEqual(['hidden'])
})

test('what waits for a frame when the page is put away is shown by the timer, once', () => {
  const schedule = new AnimationFrames()
  const seen: string[] = []
  schedule.request(() => seen.push('put away'))
  turnTo('hidden')
  vi.advanceTimersByTime(100)
  turnTo('visible')
  nextFrame()
  expect(seen).toEqual(['put away'])
})

test('what waits for the timer when the page is shown again is shown by its next frame', () => {
  turnTo('hidden')
  const schedule = new AnimationFrames()
  const seen: string[] = []
  schedule.request(() => seen.push('back'))
  turnTo('visible')
  nextFrame()
  vi.advanceTimersByTime(1000)
  expect(seen).toEqual(['back'])
})

test('what was cancelled is never shown, and nothing listens any more', () => {
  const schedule = new AnimationFrames()
  const removed = vi.spyOn(page, 'removeEventListener')
  schedule.request(() => expect.unreachable())
  schedule.cancel()
  nextFrame()
  vi.advanceTimersByTime(1000)
  expect(removed).toHaveBeenCalledTimes(1)
})

test('without frames, as in a server or a worker, a short timer stands in', () => {
  vi.stubGlobal('requestAnimationFrame', undefined)
  vi.stubGlobal('document', undefined)
  const seen: string[] = []
  new AnimationFrames().request(() => seen.push('soon'))
  vi.advanceTimersByTime(16)
  expect(seen).toEqual(['soon'])
})
