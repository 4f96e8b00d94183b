import type { Targets } from './parse-command.ts'

/** The command that goes on with a batch, to be pasted into a shell. */
export const comeBack = (
  id: string,
  { targets: { output, errors }, url }: { targets: Targets; url: string | undefined },
) =>
  [
    output === '-' ? 'npm run -s batch --' : 'npm run batch --',
    `--resume ${quoted(id)} -o ${quoted(output)}`,
    ...(errors === undefined ? [] : [`--errors ${quoted(errors)}`]),
    ...(url === undefined ? [] : [`--url ${quoted(url)}`]),
  ].join(' ')

const quoted = (word: string) =>
  /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
