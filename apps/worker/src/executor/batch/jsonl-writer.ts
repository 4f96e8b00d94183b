import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import { outputNames } from './row-writer.ts'
import { createTextWriter } from './text-writer.ts'
import type { TextWriter } from './text-writer.ts'

/** `{ row, id?, …output }` a line; of a row that failed the output's values are null, and its `error_code` comes last. */
export const createJsonlWriter = (outputSchema: JsonSchema): TextWriter => {
  const names = outputNames(outputSchema)
  const areTheirOwn = names.every(({ name, written }) => name === written)
  const nulls = names.map(({ written }) => `${JSON.stringify(written)}:null,`).join('')
  const rename = (output: unknown) =>
    isObject(output) && !areTheirOwn
      ? Object.fromEntries(names.map(({ name, written }) => [written, output[name]]))
      : output
  return createTextWriter('', (row, id, end) => {
    const begin = id === undefined ? `{"row":${row},` : `{"row":${row},"id":${JSON.stringify(id)},`
    // every task makes an object of at least one key
    return 'output' in end
      ? `${begin}${JSON.stringify(rename(end.output)).slice(1)}\n`
      : `${begin}${nulls}"error_code":"${end.errorCode}"}\n`
  })
}
