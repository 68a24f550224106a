// @ts-check
/**
 * Citations: the small numbers in an answer: what each shows, and what it opens.
 *
 * Rule 1: a number is its source's, as the list of sources counts; it is no part of the text
 *     (`MarkdownView` sees to that).
 * Rule 2: one listener of a kind an answer, however many numbers it has.
 */

/** @typedef {import('../core.js').Citation} Citation */
/** @typedef {import('../core.js').Mark} Mark */
/** @typedef {import('../core.js').RunState} RunState */
/** @typedef {import('../core.js').Source} Source */
/** @typedef {import('./app.js').App} App */
/** @typedef {import('./passage_text.js').Place} Place */

/** @type {readonly Mark[]} */
const NONE = []

export class Citations {
  /** @type {ReadonlyMap<string, import('./sources.js').Age>} by source: what became of it since */
  ages = new Map()
  /** @type {readonly Source[]} */
  #sources = []
  /** @type {readonly Citation[]} */
  #citations = []
  /** @type {readonly Mark[]} */
  #marks = NONE
  /** @type {readonly Place[]} */
  #places = []

  /**
   * @param {App} app
   * @param {HTMLElement} prose where the numbers are
   */
  constructor(app, prose) {
    this.app = app
    const { quote } = app
    prose.addEventListener('click', (event) => this.#open(markAt(event)))
    prose.addEventListener('pointerover', (event) => {
      if (event.pointerType !== 'touch') {
        const mark = markAt(event)
        quote.point(mark, this.#placeOf(mark), this.#ageOf(mark))
      }
    })
    prose.addEventListener('pointerout', (event) => markAt(event) && quote.leave())
    prose.addEventListener('focusin', (event) => {
      const mark = markAt(event)
      if (mark) quote.focus(mark, this.#placeOf(mark), this.#ageOf(mark))
    })
    prose.addEventListener('focusout', (event) => markAt(event) && quote.hide())
  }

  /**
   * What stands behind the parts of the text that are cited; the same while nothing was added.
   *
   * @param {RunState | null} run
   * @returns {readonly Mark[]}
   */
  marks(run) {
    if (run === null) return this.#marks
    const { sources, citations } = run
    if (sources === this.#sources && citations === this.#citations) return this.#marks
    this.#sources = sources
    this.#citations = citations
    /** @type {Map<string, Mark>} */
    const marks = new Map()
    const places = []
    for (const [citation, source, number] of inOrder(citations, sources)) {
      const { answerEnd: at, sourceId } = citation
      const label = this.app.words.say('citation.name', { number })
      const key = String(places.length)
      places.push(placeOf(citation, source, number))
      const spot = `${at} ${sourceId}` // more quotes of one source there are one number
      if (!marks.has(spot)) marks.set(spot, { at, key, number: String(number), label })
    }
    this.#places = places
    this.#marks = marks.size === 0 ? NONE : [...marks.values()]
    return this.#marks
  }

  /** @param {HTMLElement | null} mark */
  #placeOf(mark) {
    return this.#places[Number(mark?.getAttribute('data-mark'))]
  }

  /** @param {HTMLElement | null} mark */
  #ageOf(mark) {
    const place = this.#placeOf(mark)
    return place && this.ages.get(this.#sources[place.number - 1]?.id ?? '')
  }

  /** @param {HTMLElement | null} mark */
  #open(mark) {
    if (mark === null || !this.#placeOf(mark)) return
    this.app.quote.hide()
    this.app.passage.open(this.#places, Number(mark.getAttribute('data-mark')), mark)
  }
}

/**
 * Where a citation's words are; its source's place, where a server does not tell more.
 *
 * @param {Citation} citation
 * @param {Source} source
 * @param {number} number
 * @returns {Place}
 */
function placeOf(citation, source, number) {
  const { documentId, revision, charStart, charEnd, quote, page } = citation
  const { title } = source
  if (documentId === null || revision === null || charStart === null || charEnd === null) {
    return { ...source, number, words: quote, quoted: true }
  }
  const place = { documentId, revision, charStart, charEnd, title, number }
  return { ...place, page: page ?? source.page, words: quote, quoted: true }
}

/**
 * Each citation with its source and that source's number, as they stand in the text.
 *
 * @param {readonly Citation[]} citations
 * @param {readonly Source[]} sources
 */
function inOrder(citations, sources) {
  const numbers = new Map(sources.map((source, at) => [source.id, at + 1]))
  /** @type {[Citation, Source, number][]} */
  const found = []
  for (const citation of citations) {
    const number = numbers.get(citation.sourceId) ?? 0
    const source = sources[number - 1]
    if (source) found.push([citation, source, number])
  }
  return found.sort(
    ([one, , first], [other, , second]) => one.answerEnd - other.answerEnd || first - second,
  )
}

/** @param {Event} event */
function markAt({ target }) {
  const mark = target instanceof Element ? target.closest('.md-mark') : null
  return mark instanceof HTMLElement ? mark : null
}
