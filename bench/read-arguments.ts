import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'
import { messageOf, SetupError } from '../scripts/bootstrap/setup-error.mjs'

/** The options among the arguments of a program. Throws a `SetupError` that says what may be typed. */
export const readArguments = <const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  { options, usage }: { options: Options; usage: string },
) => {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (err) {
    throw new SetupError(`${messageOf(err)}. Usage: ${usage}`, { cause: err })
  }
}
