import { InvalidFile } from '@onqueue/shared/rows'
import type { ColumnMetaData, PageHeader } from 'hyparquet'
import { ChunkPages } from './chunk-pages.ts'
import { decodeDictionary, decodePage, slotsOf } from './decode-page.ts'
import type { Page, PageColumn } from './decode-page.ts'
import type { HeldMemory } from './held-memory.ts'
import { ListAssembler } from './list-levels.ts'
import type { ParquetFile } from './open-parquet.ts'
import type { Dictionary } from './page-values.ts'
import type { FileColumn } from './file-columns.ts'

/**
 * Reads a column from a row on, across row groups. A page is decoded when its rows are asked for, and one at a time is held;
 * so a row group may have any number of rows. Throws `InvalidFile` where the column is not what the footer says.
 */
export class ColumnReader {
  readonly #file: ParquetFile
  readonly #column: FileColumn
  readonly #held: HeldMemory
  #group = -1
  #rowsLeft = 0
  /** rows of the group that are passed over before the next one is given */
  #toSkip: number
  #pages: ChunkPages | undefined
  #pageColumn: PageColumn | undefined
  #dictionary: { values: Dictionary; cost: number } | undefined
  #page: Page | undefined
  /** of the page: the next slot, and the next value */
  #slot = 0
  #value = 0
  #lists: ListAssembler

  constructor({
    file,
    column,
    held,
    firstRow,
  }: {
    file: ParquetFile
    column: FileColumn
    held: HeldMemory
    firstRow: number
  }) {
    this.#file = file
    this.#column = column
    this.#held = held
    this.#lists = new ListAssembler(column.levels)
    this.#toSkip = firstRow
    while (this.#toSkip >= this.#rowsOfGroup(this.#group + 1)) {
      this.#group += 1
      this.#toSkip -= this.#rowsOfGroup(this.#group)
    }
  }

  /** The next cells. */
  async take(count: number): Promise<unknown[]> {
    const cells: unknown[] = []
    while (cells.length < count) {
      if (this.#rowsLeft === 0) this.#beginGroup()
      const wanted = Math.min(count - cells.length, this.#rowsLeft)
      const given =
        this.#column.levels.maxRepetition > 0 ? await this.#takeLists(wanted) : await this.#takeValues(wanted)
      for (const cell of given) cells.push(cell)
      this.#rowsLeft -= given.length
    }
    return cells
  }

  /** A group that has no rows too, which is passed over. */
  #rowsOfGroup(group: number) {
    return this.#file.groupRows[group] ?? Infinity
  }

  #beginGroup() {
    this.#group += 1
    const rows = this.#rowsOfGroup(this.#group)
    if (rows === Infinity) throw new Error('rows beyond the end of the file')
    const data = this.#column.chunks[this.#group]
    if (!data) throw new Error('a column chunk that was not looked at')
    this.#rowsLeft = rows - this.#toSkip
    this.#pages = new ChunkPages(this.#file.bytes, rangeOf(data))
    const { element, levels } = this.#column
    this.#pageColumn = { element, levels, codec: data.codec }
    this.#page = undefined
    this.#dictionary = undefined
    this.#lists = new ListAssembler(levels)
  }

  async #takeValues(wanted: number): Promise<unknown[]> {
    while (!this.#page || this.#slot >= this.#page.slots) await this.#nextPage()
    const page = this.#page
    const { definitions, slots, read } = page
    const { maxDefinition } = this.#column.levels
    const isValue = (slot: number) => definitions === undefined || definitions[slot] === maxDefinition
    for (; this.#toSkip > 0 && this.#slot < slots; this.#toSkip--) {
      if (isValue(this.#slot++)) this.#value += 1
    }
    return this.#orInvalid(() => {
      const cells: unknown[] = []
      for (const end = Math.min(slots, this.#slot + wanted); this.#slot < end; this.#slot++) {
        cells.push(isValue(this.#slot) ? read(this.#value++) : null)
      }
      return cells
    })
  }

  async #takeLists(wanted: number): Promise<unknown[]> {
    const { rows } = this.#lists
    // the last list may go on in the next page
    while (rows.length <= this.#toSkip + wanted) {
      if (!(await this.#nextPage({ mayEnd: true }))) break
      this.#assemble()
    }
    rows.splice(0, this.#toSkip)
    this.#toSkip = 0
    if (rows.length === 0) throw this.#invalid()
    return rows.splice(0, wanted)
  }

  #assemble() {
    const page = this.#page
    if (!page) return
    const { slots, repetitions, definitions, read } = page
    const { maxDefinition } = this.#column.levels
    this.#orInvalid(() => {
      let value = 0
      for (let slot = 0; slot < slots; slot++) {
        this.#lists.add(repetitions?.[slot] ?? 0, definitions?.[slot] ?? maxDefinition, () => read(value++))
      }
    })
  }

  /** Decodes the next page with rows that are wanted. False where there is none, or throws. */
  async #nextPage({ mayEnd = false } = {}): Promise<boolean> {
    for (;;) {
      const header = await this.#nextHeader()
      const pages = this.#pages
      const column = this.#pageColumn
      if (!header || !pages || !column) {
        if (mayEnd) return false
        throw this.#invalid()
      }
      const { uncompressed_page_size: size, type } = header
      const slots = slotsOf(header)
      if (type === 'DICTIONARY_PAGE') {
        const count = header.dictionary_page_header?.num_values ?? 0
        const cost = size + count * bytesOfDictionaryValue
        this.#held.hold(this.#column.name, cost)
        const body = await pages.body()
        this.#dictionary = { values: this.#orInvalid(() => decodeDictionary(header, body, column)), cost }
      } else if (slots !== undefined && !this.#skips(header, slots)) {
        const isList = column.levels.maxRepetition > 0
        this.#held.hold(
          this.#column.name,
          size + slots * (isList ? bytesOfListSlot : bytesOfSlot) + (this.#dictionary?.cost ?? 0),
        )
        const body = await pages.body()
        this.#page = this.#orInvalid(() => decodePage(header, body, column, this.#dictionary?.values))
        this.#slot = 0
        this.#value = 0
        return true
      }
    }
  }

  async #nextHeader() {
    try {
      return await this.#pages?.nextHeader()
    } catch (err) {
      throw err instanceof RangeError || err instanceof TypeError ? this.#invalid(err) : err
    }
  }

  /** Whether a page has nothing but rows that are passed over, as far as its header tells. */
  #skips({ data_page_header_v2: second }: PageHeader, slots: number) {
    const isFlat = this.#column.levels.maxRepetition === 0
    const rows = isFlat ? slots : this.#lists.rows.length === 0 ? second?.num_rows : undefined
    if (rows === undefined || rows > this.#toSkip) return false
    this.#toSkip -= rows
    return true
  }

  #orInvalid<Result>(decode: () => Result): Result {
    try {
      return decode()
    } catch (err) {
      throw this.#invalid(err)
    }
  }

  #invalid(cause?: unknown) {
    return new InvalidFile(
      `its column "${this.#column.name}" can't be read in row group ${this.#group + 1}; write the file again`,
      { cause },
    )
  }
}

/** What a slot takes beside the bytes of its page: a level, and a place in a dictionary or in the bytes. */
const bytesOfSlot = 10
const bytesOfListSlot = 40
const bytesOfDictionaryValue = 64

const rangeOf = ({
  dictionary_page_offset: dictionary,
  data_page_offset: data,
  total_compressed_size: size,
}: ColumnMetaData) => {
  // some writers have 0 where there is no dictionary
  const start = Number(dictionary ? (dictionary < data ? dictionary : data) : data)
  return { start, end: start + Number(size) }
}
