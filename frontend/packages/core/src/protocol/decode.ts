/**
 * Where JSON from the server becomes typed; the only folder that says `as`.
 *
 * Rule 1: what has not its shape is not let in: a wrong event is no event, not a crash later on.
 * Rule 2: an event type of a later server passes silently; so do fields we do not know.
 */

import type { Answered, Cancelled, Failed, Opening, StreamEvent } from './events.generated.ts'
import { SHAPES } from './events.generated.ts'

const TERMINAL_STAGES: readonly string[] = ['completed', 'failed', 'cancelled']

/** A JSON object, of whose fields nothing is known. */
export interface JsonObject {
  readonly [key: string]: unknown
}

/** The JSON of `text`; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The value, where it is a JSON object. */
export function asObject(value: unknown): JsonObject | null {
  return typeOf(value) === 'object' ? (value as JsonObject) : null
}

/**
 * The body of an answer, as the server's description has it. It is taken at its word: client and
 * server come from one repository, and each field is tested against the real one.
 */
export function trusted<T>(value: unknown): T {
  return value as T
}

/** The event that the native dialect wrote as `data`; null where it is none we know. */
export function decodeEvent(data: string): StreamEvent | null {
  const event = asObject(parseJson(data))
  return event !== null && hasIdentity(event) && hasShape(event)
    ? (event as unknown as StreamEvent)
    : null
}

/** Whether this is event 1, which has the ids of run, session, conversation and messages. */
export function isOpening(event: StreamEvent): event is Opening {
  return event.type === 'running' && event.stage === 'init' && event.seq === 1
}

/** Whether this event ends its run. */
export function isTerminal(event: StreamEvent): event is Answered | Failed | Cancelled {
  return event.stage !== undefined && TERMINAL_STAGES.includes(event.stage)
}

function hasIdentity({ content, timestamp, run_id, gen, seq }: JsonObject): boolean {
  const texts = [content, timestamp, run_id]
  return texts.every((value) => typeof value === 'string') && isPlace(gen) && isPlace(seq)
}

function hasShape({ type, stage, seq, metadata }: JsonObject): boolean {
  const shape = SHAPES.find(
    (each) =>
      isOneOf(type, each.types) &&
      (each.stages ? isOneOf(stage, each.stages) : !isOneOf(stage, TERMINAL_STAGES)) &&
      (each.seq === null || each.seq === seq),
  )
  if (shape === undefined) return false
  const facts = asObject(metadata) ?? {}
  return Object.entries(shape.needs).every(([key, types]) => types.includes(typeOf(facts[key])))
}

function isOneOf(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'string' && names.includes(value)
}

function isPlace(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
