const quote = 34
const comma = 44

/** Called with each field in turn: its text is there from `start` to `end`, without quotes around it. */
export type OnField = (field: number, bytes: Buffer, start: number, end: number) => void

/**
 * Finds the fields of a record, and answers how many there are, or the end of a sentence that says what is wrong with it.
 * Which bytes are a record `RecordCutter` says, which takes quotes in the same way.
 */
export const eachField = (bytes: Buffer, start: number, end: number, onField: OnField): number | string => {
  let field = 0
  let position = start
  for (;;) {
    let stop = position
    if (position < end && bytes[position] === quote) {
      stop = closingQuote(bytes, position + 1, end) + 1
      if (stop < end && bytes[stop] !== comma) {
        return `has text behind the quote that closes column ${field + 1}; quotes in quotes are written twice`
      }
      readQuoted(bytes, position + 1, stop - 1, field, onField)
    } else {
      while (stop < end && bytes[stop] !== comma) stop += 1
      onField(field, bytes, position, stop)
    }
    field += 1
    if (stop >= end) return field
    position = stop + 1
  }
}

/** The texts of the fields, or what is wrong. */
export const splitRecord = (bytes: Buffer, start: number, end: number): string[] | string => {
  const texts: string[] = []
  const count = eachField(bytes, start, end, (_, source, from, to) => {
    texts.push(source.toString('utf8', from, to))
  })
  return typeof count === 'string' ? count : texts
}

/** The first quote that is not one of two. */
const closingQuote = (bytes: Buffer, from: number, end: number) => {
  for (let index = from; index < end; index++) {
    if (bytes[index] !== quote) continue
    if (index + 1 < end && bytes[index + 1] === quote) index += 1
    else return index
  }
  return end - 1
}

const readQuoted = (bytes: Buffer, start: number, end: number, field: number, onField: OnField) => {
  const firstQuote = bytes.subarray(start, end).indexOf(quote)
  if (firstQuote === -1) {
    onField(field, bytes, start, end)
    return
  }
  // each of those within is the first of two
  const text = Buffer.from(bytes.toString('latin1', start, end).replaceAll('""', '"'), 'latin1')
  onField(field, text, 0, text.length)
}
