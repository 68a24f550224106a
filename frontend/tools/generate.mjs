/**
 * Tool: writes the types of what crosses the wire, from `contracts/`; `--check` compares.
 *
 * Rule 1: nobody edits a `*.generated.ts`; the server's own description decides.
 * Rule 2: the same contracts give the same bytes on every machine.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { compile } from 'json-schema-to-typescript'

const CONTRACTS = new URL('../../contracts/', import.meta.url)
const PROTOCOL = new URL('../packages/core/src/protocol/', import.meta.url)
const HEADER = (source) =>
  `// made by frontend/tools/generate.mjs from contracts/${source}; change the server instead\n`
const STYLE = { semi: false, singleQuote: true, printWidth: 100 }
const OPTIONS = {
  additionalProperties: false,
  bannerComment: '',
  style: STYLE,
  unknownAny: true,
  unreachableDefinitions: true,
}

const CLOSED = { type: 'object', additionalProperties: false }

/** Names that would hide one of the language's own. */
const RENAMED = { Error: 'ErrorFacts', Document: 'DocumentInfo' }

const name = (schemaName) =>
  RENAMED[schemaName] ?? schemaName.replace(/^([A-Za-z]+)_([A-Za-z]+)_$/, '$1Of$2')

/** The schemas under the names they get here, referring to one another. */
function definitions(schemas, prefix) {
  const text = JSON.stringify(schemas, (key, value) =>
    key === '$ref' && value.startsWith(prefix)
      ? `#/definitions/${name(value.slice(prefix.length))}`
      : value,
  )
  const entries = Object.entries(JSON.parse(text))
  return Object.fromEntries(entries.map(([key, schema]) => [name(key), withoutTitles(schema)]))
}

/** The schema without titles, each of which would become a type of its own. */
function withoutTitles(schema) {
  if (Array.isArray(schema)) return schema.map(withoutTitles)
  if (schema === null || typeof schema !== 'object') return schema
  const kept = Object.entries(schema).filter(
    ([key, value]) => key !== 'title' || typeof value !== 'string',
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutTitles(value)]))
}

/** The types without the generator's remarks on where each is used. */
function withoutBacklinks(types) {
  const remark = /^ \* This interface was referenced by [^\n]*\n \* via the [^\n]*\n/gm
  return types
    .replace(remark, '')
    .replace(/^ \*\n \*\/$/gm, ' */')
    .replace(/^\/\*\*\n \*\/\n/gm, '')
}

const read = async (file) => JSON.parse(await readFile(new URL(file, CONTRACTS), 'utf8'))

/** Every shape of an event, and what a decoder checks of it. */
async function events() {
  const file = 'stream_event.schema.json'
  const { $defs, oneOf, description } = await read(file)
  const named = definitions($defs, '#/$defs/')
  const variants = oneOf.map(({ $ref }) => name($ref.replace('#/$defs/', '')))
  const types = await compile(
    {
      title: 'StreamEvent',
      description,
      oneOf: variants.map((variant) => ({ $ref: `#/definitions/${variant}` })),
      definitions: named,
    },
    'StreamEvent',
    OPTIONS,
  )
  const shapes = variants.map((variant) => shapeOf(named[variant]))
  return `${HEADER(file)}\n${withoutBacklinks(types)}\n${SHAPES_HEAD}${shapes.join('')}]\n`
}

const SHAPES_HEAD = `/** What tells the shapes apart, and what the metadata of each must hold. */
export const SHAPES: readonly {
  readonly types: readonly string[]
  /** The stages it goes with; null where it goes with any before the end, or none. */
  readonly stages: readonly string[] | null
  readonly seq: number | null
  readonly needs: Readonly<Record<string, readonly string[]>>
}[] = [
`

function shapeOf(schema) {
  const { type, stage, metadata, seq } = schema.properties
  const needs = (metadata.required ?? []).map((key) => [key, jsonTypes(metadata.properties[key])])
  const shape = {
    types: type.enum ?? [type.const],
    stages: schema.required.includes('stage') ? [stage.const] : null,
    seq: seq.const ?? null,
    needs: Object.fromEntries(needs),
  }
  return `  ${JSON.stringify(shape)},\n`
}

/** The JSON types a value may have. */
function jsonTypes(schema) {
  if (schema.$ref) return ['object']
  if ('const' in schema) return [typeof schema.const]
  if (schema.enum) return [...new Set(schema.enum.map((value) => typeof value))]
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  return types.map((type) => (type === 'integer' ? 'number' : type))
}

/** What the ordinary routes take and give. */
async function api() {
  const file = 'openapi.json'
  const { components } = await read(file)
  const named = definitions(components.schemas, '#/components/schemas/')
  const types = await compile({ ...CLOSED, definitions: named }, 'Api', OPTIONS)
  const root = /export interface Api \{\}\n/
  if (!root.test(types)) throw new Error('the generator no longer writes an empty root type')
  return `${HEADER(file)}\n${withoutBacklinks(types.replace(root, '')).trimStart()}`
}

const made = { 'events.generated.ts': await events(), 'api.generated.ts': await api() }
let drifted = false
for (const [file, text] of Object.entries(made)) {
  const place = new URL(file, PROTOCOL)
  const standing = await readFile(place, 'utf8').catch(() => '')
  if (standing === text) continue
  if (process.argv.includes('--check')) {
    drifted = true
    process.stderr.write(`${fileURLToPath(place)} is not what contracts/ says\n`)
  } else {
    await writeFile(place, text)
  }
}
if (drifted) {
  process.stderr.write('run `npm run generate` in frontend/, and commit it with the change\n')
  process.exitCode = 1
}
