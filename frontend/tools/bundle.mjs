/**
 * Tool: bundles `packages/core`, Markdown included, into the one module the page imports, and the
 * licences of what is in it; `--check` compares.
 *
 * Rule 1: users need no Node: what is made here is committed, and compared in CI.
 * Rule 2: the same sources give the same bytes on every machine.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const FRONTEND = new URL('../', import.meta.url)
const STATIC = new URL('../../src/tailrace/server/static/', import.meta.url)
const HEADER =
  '// made by frontend/tools/bundle.mjs from frontend/packages/core; change that instead\n'
const ENTRY = `
export * from './packages/core/src/index.ts'
export * from './packages/core/src/markdown/index.ts'
`

/** The module, and the paths of everything that went into it. */
async function bundle() {
  const { outputFiles, metafile } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(FRONTEND), sourcefile: 'core.js' },
    absWorkingDir: fileURLToPath(FRONTEND),
    bundle: true,
    charset: 'utf8',
    format: 'esm',
    legalComments: 'none', // they stand in a file of their own
    metafile: true,
    minify: true,
    platform: 'browser',
    target: 'es2023',
    write: false,
  })
  return { text: HEADER + outputFiles[0].text, inputs: Object.keys(metafile.inputs) }
}

/** Every package that is in the module, with its licence in full. */
async function licences(inputs) {
  const folders = inputs.map((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(path)?.[0])
  const parts = [...new Set(folders.filter(Boolean))].sort().map(async (folder) => {
    const place = new URL(folder, FRONTEND)
    const { name, version, license } = JSON.parse(
      await readFile(new URL('package.json', place), 'utf8'),
    )
    const file = (await readdir(place)).find((each) => /^licen[cs]e/i.test(each))
    const text = file ? await readFile(new URL(file, place), 'utf8') : ''
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  })
  return `core.js contains these packages.\n\n${(await Promise.all(parts)).join('\n\n')}`
}

const { text, inputs } = await bundle()
const made = { 'core.js': text, 'core.licences.txt': await licences(inputs) }
let drifted = false
for (const [file, content] of Object.entries(made)) {
  const place = new URL(file, STATIC)
  const standing = await readFile(place, 'utf8').catch(() => '')
  if (standing === content) continue
  if (process.argv.includes('--check')) {
    drifted = true
    process.stderr.write(`${fileURLToPath(place)} is not what packages/core makes of it\n`)
  } else {
    await writeFile(place, content)
  }
}
if (drifted) {
  process.stderr.write('run `npm run bundle` in frontend/, and commit it with the change\n')
  process.exitCode = 1
}
