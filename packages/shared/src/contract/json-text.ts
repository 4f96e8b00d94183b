/** A value as its JSON, which goes from one end to the other and is parsed by nobody in between. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  value(): unknown {
    return JSON.parse(this.text)
  }

  toJSON() {
    return this.value()
  }
}

/** The JSON of a value: of a `JsonText` its own. What JSON has no word for is null. */
export const jsonOf = (value: unknown): string =>
  value instanceof JsonText ? value.text : (JSON.stringify(value) ?? 'null')
