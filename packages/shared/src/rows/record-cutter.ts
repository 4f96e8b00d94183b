import { isUtf8 } from 'node:buffer'
import { contentEnd, judgeRecord, keptOfTooLong } from './file-record.ts'
import type { FileRecord } from './file-record.ts'
import { InvalidFile } from './invalid-file.ts'

export type TextFormat = 'csv' | 'jsonl'

const lineFeed = 10
const quote = 34
const comma = 44

type State = 'field-start' | 'bare' | 'quoted' | 'after-quote'

/**
 * Cuts the bytes of a file into records, window by window. The planner and the readers share it, so that they can't
 * disagree about what a row is.
 *
 * A quote opens a field only where the field begins; anywhere else it is a character like others. Behind the quote that
 * closes it, text makes the record a bad one, which ends with its line like any other. Lines with nothing on them are no
 * records. Of a record above `maxRowBytes` nothing is held but its beginning.
 */
export class RecordCutter {
  readonly #isCsv: boolean
  readonly #maxRowBytes: number
  #window: Buffer = Buffer.alloc(0)
  /** where the window begins in the file */
  #windowOffset: number
  #position = 0
  /** of the next quote in the window, or its length; only looked up where it was passed */
  #nextQuote = 0
  #isWindowUtf8 = true
  #isEnded = false
  /** what windows before had of the record that is under way */
  #carried: Buffer[] = []
  #carriedBytes = 0
  #state: State = 'field-start'
  #line: number
  /** line breaks in the record that is under way */
  #breaks = 0
  #quoteLine = 0

  constructor(options: {
    format: TextFormat
    offset: number
    line: number
    maxRowBytes?: number | undefined
  }) {
    this.#isCsv = options.format === 'csv'
    this.#maxRowBytes = options.maxRowBytes ?? 1_048_576
    this.#windowOffset = options.offset
    this.#line = options.line
  }

  /** Where the next record begins. */
  get offset() {
    return this.#windowOffset + this.#position - this.#carriedBytes
  }

  get line() {
    return this.#line
  }

  /** Takes the next bytes of the file, after `next` gave all records of those before. */
  feed(window: Buffer) {
    this.#windowOffset += this.#window.length
    this.#window = window
    this.#position = 0
    this.#nextQuote = this.#isCsv ? -1 : window.length
    this.#isWindowUtf8 = isUtf8(window)
  }

  /** No more bytes come: what is left is the last record, also without a line break. */
  end() {
    this.feed(Buffer.alloc(0))
    this.#isEnded = true
  }

  /** The next record, or undefined where more bytes are needed. Throws `InvalidFile` at the end of a file with an open quote. */
  next(): FileRecord | undefined {
    for (;;) {
      const start = this.#position
      const next = this.#findEnd(start)
      if (next === -1) {
        if (!this.#isEnded) return this.#carry(start)
        if (this.#carriedBytes === 0) return undefined
        if (this.#state === 'quoted') {
          throw new InvalidFile(
            `the quote opened in line ${this.#quoteLine} is never closed; close it, or write it twice where it is text`,
          )
        }
      }
      const end = next === -1 ? 0 : next
      const record = this.#carriedBytes === 0 ? this.#within(start, end) : this.#joined(end)
      this.#position = end
      this.#line += this.#breaks
      this.#breaks = 0
      this.#state = 'field-start'
      if (record) return record
    }
  }

  /** Behind the line break that ends the record, or -1. */
  #findEnd(from: number): number {
    const bytes = this.#window
    if (!this.#isCsv || (this.#state === 'field-start' && this.#carriedBytes === 0)) {
      const end = bytes.indexOf(lineFeed, from)
      if (this.#isCsv && this.#nextQuote < from) {
        const found = bytes.indexOf(quote, from)
        this.#nextQuote = found === -1 ? bytes.length : found
      }
      if (end !== -1 && end < (this.#isCsv ? this.#nextQuote : Infinity)) {
        this.#breaks = 1
        return end + 1
      }
      if (!this.#isCsv) return -1
    }
    let state = this.#state
    for (let index = from; index < bytes.length; index++) {
      const byte = bytes[index]
      if (state === 'quoted') {
        if (byte === quote) state = 'after-quote'
        else if (byte === lineFeed) this.#breaks += 1
      } else if (byte === lineFeed) {
        this.#breaks += 1
        return index + 1
      } else if (byte === comma) state = 'field-start'
      else if (byte === quote && state !== 'bare') {
        if (state === 'field-start') this.#quoteLine = this.#line + this.#breaks
        state = 'quoted'
      } else state = 'bare'
    }
    this.#state = state
    return -1
  }

  /** Of bytes that go on in the next window. */
  #carry(start: number): undefined {
    const rest = this.#window.subarray(start)
    this.#carriedBytes += rest.length
    this.#position = this.#window.length
    // a line break does not count, and may be of two bytes
    if (this.#carriedBytes <= this.#maxRowBytes + 2) this.#carried.push(Buffer.from(rest))
    else this.#carried = [beginning([...this.#carried, rest.subarray(0, keptOfTooLong)])]
    return undefined
  }

  /** A record that is in one window. */
  #within(start: number, next: number): FileRecord | undefined {
    const end = contentEnd(this.#window, start, next)
    if (start === end) return undefined
    const record = { offset: this.#windowOffset + start, line: this.#line, bytes: this.#window, start, end }
    return judgeRecord(record, {
      length: end - start,
      maxRowBytes: this.#maxRowBytes,
      isKnownUtf8: this.#isWindowUtf8,
    })
  }

  #joined(next: number): FileRecord | undefined {
    const { offset } = this
    const length = this.#carriedBytes + next
    const bytes = Buffer.concat([...this.#carried, this.#window.subarray(0, next)])
    this.#carried = []
    this.#carriedBytes = 0
    const end = contentEnd(bytes, 0, bytes.length)
    if (end === 0) return undefined
    const isCut = length > this.#maxRowBytes + 2
    return judgeRecord(
      { offset, line: this.#line, bytes, start: 0, end },
      { length: isCut ? length : end, maxRowBytes: this.#maxRowBytes, isKnownUtf8: false },
    )
  }
}

/** A copy, so that the rest can go. */
const beginning = (pieces: Buffer[]) => Buffer.from(Buffer.concat(pieces).subarray(0, keptOfTooLong))
