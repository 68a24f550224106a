/** How models are set up, as the server tells it: types alone. */

/** A model of the catalogue. */
export interface CatalogueModel {
  readonly name: string
  readonly title: string
  readonly size_bytes: number
  readonly sha256: string
  readonly licence: string
  readonly homepage: string
  readonly sources: readonly string[]
  readonly smoke_test_only: boolean
  readonly installed: boolean
}

/** A model that is being fetched, or the newest that was. */
export interface Pull {
  readonly name: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly done_bytes: number
  readonly total_bytes: number
  readonly source: string
  readonly error: { readonly code: string; readonly message: string } | null
}

/** What answers here, and what could. */
export interface ModelSetup {
  readonly answering: { readonly name: string } | null
  readonly endpoint: string | null
  readonly runtime: boolean
  readonly recommended: string
  readonly models: readonly CatalogueModel[]
  readonly pull: Pull | null
}

/** A piece of a document's text; its place is in Unicode code points. */
export interface Passage {
  readonly document_id: number
  readonly revision: number
  readonly title: string
  readonly start: number
  readonly end: number
  readonly text: string
}
