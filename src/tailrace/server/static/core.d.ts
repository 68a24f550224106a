/** The types of `core.js`, which is bundled from these modules; for the page's type check alone. */

export * from '../../../../frontend/packages/core/src/index.ts'
export * from '../../../../frontend/packages/core/src/markdown/index.ts'
