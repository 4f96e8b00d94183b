/**
 * A JSON text that stayed where it is kept, as it is too long to be read along with the record that it belongs to. It stands
 * in the record in place of its value: whoever writes the record as JSON gets it in parts, and reads it slice by slice.
 */
export class StoredJson {
  /** its length */
  readonly bytes: number
  readonly #read: (start: number, end: number) => Promise<Uint8Array>

  constructor(bytes: number, read: (start: number, end: number) => Promise<Uint8Array>) {
    this.bytes = bytes
    this.#read = read
  }

  /** The bytes from `start` up to and without `end`. Rejects where the text is gone. */
  async slice(start: number, end: number): Promise<Uint8Array> {
    const bytes = await this.#read(start, Math.min(end, this.bytes))
    if (bytes.length === Math.min(end, this.bytes) - start) return bytes
    throw new Error('a text that was to be read is gone')
  }

  /** Its value, all of it in memory: for whoever has looked at `bytes` before. */
  async value(): Promise<unknown> {
    return JSON.parse(new TextDecoder().decode(await this.slice(0, this.bytes)))
  }

  toJSON() {
    met.push(this)
    return mark
  }
}

/** Stands in a text for what is stored; nobody outside of the process knows it, so no other text has it. */
const mark = `stored:${crypto.randomUUID()}`
let met: StoredJson[] = []

/** A value as JSON: text, and what is stored in between, as it is. */
export const toJsonParts = (value: unknown): [string, ...(string | StoredJson)[]] => {
  met = []
  const text = JSON.stringify(value) ?? 'null'
  if (met.length === 0) return [text]
  const [first = '', ...others] = text.split(`"${mark}"`)
  const stored = met
  met = []
  return [first, ...others.flatMap((other, index) => [stored[index] ?? '', other])]
}

/** A value, read where it is stored and not longer than `maxBytes`. */
export const readShort = (value: unknown, maxBytes: number): unknown =>
  value instanceof StoredJson && value.bytes <= maxBytes ? value.value() : value
