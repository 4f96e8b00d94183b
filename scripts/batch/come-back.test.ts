import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { comeBack } from './come-back.ts'
import { parseCommand } from './parse-command.ts'

test('the command to come back with means the same to a shell', () => {
  const targets = { output: "it's here/out $(x).csv", errors: 'errors.jsonl' }
  const line = comeBack('batch-iris-1', { targets, url: 'http://127.0.0.1:9000' })

  const script = line.replace(/^npm run batch --/, String.raw`printf '%s\n'`)
  const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')

  expect(parseCommand(words)).toEqual({
    kind: 'resume',
    id: 'batch-iris-1',
    targets,
    url: 'http://127.0.0.1:9000',
  })
})

test('npm is to be silent where stdout is the output', () => {
  expect(comeBack('batch-iris-1', { targets: { output: '-', errors: undefined }, url: undefined })).toBe(
    'npm run -s batch -- --resume batch-iris-1 -o -',
  )
})
