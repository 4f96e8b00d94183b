import { expect, test } from 'vitest'
import { findPhantoms } from './find-phantoms.ts'

const paths = [
  'apps',
  'apps/api',
  'apps/api/main.ts',
  'apps/api/routes',
  'apps/api/routes/plain.ts',
  'apps/worker',
  'apps/worker/main.ts',
  'bench',
  'bench/README.md',
  'bench/load-process.ts',
  'bench/main.py',
]
const find = (text: string, { file = 'README.md', known = [] }: { file?: string; known?: string[] } = {}) =>
  findPhantoms({ file, text }, { paths, known })

test('a path that leads nowhere is found, in a sentence and in a command', () => {
  expect(find('`apps/api/main.ts`, `apps/api/routes/` and `bench/README.md`')).toEqual([])
  expect(find('`apps/api/app.ts`, `apps/api/views/` and `README.rst.md`')).toEqual([
    'apps/api/app.ts',
    'apps/api/views',
    'README.rst.md',
  ])
  expect(find('[one](bench/README.md#how), [two](bench/readme.md)')).toEqual(['bench/readme.md'])
  expect(find('a span may go on `node apps/api/app.ts\n--all` in the next line')).toEqual(['apps/api/app.ts'])
  expect(find('```sh\nPORT=1 node bench/main.ts --all; cat bench/main.py\n```\n')).toEqual(['bench/main.ts'])
})

test('a path that is cut short is the end of exactly one', () => {
  expect(find('`plain.ts`, `routes/plain.ts`, `load-process.ts`')).toEqual([])
  expect(find('`ain.ts`, `main.ts`, `worker/plain.ts`')).toEqual(['ain.ts', 'main.ts', 'worker/plain.ts'])
})

test('a path may start at its document', () => {
  expect(find('`main.py`, `../apps/api`', { file: 'bench/README.md' })).toEqual([])
  expect(find('`../main.py`', { file: 'bench/README.md' })).toEqual(['../main.py'])
})

test('a pattern fits a file, and what comes before a placeholder is a folder', () => {
  expect(find('`apps/*/main.ts`, `*-process.ts`', { file: 'bench/README.md' })).toEqual([])
  expect(find('`*-process.ts`, `api/*.ts`')).toEqual([])
  expect(find('`apps/*/app.ts`, `*-process.py`')).toEqual(['apps/*/app.ts', '*-process.py'])
  expect(find('`apps/<name>/main.ts`, `<name>.ts`, `app/<name>`')).toEqual(['app'])
})

test('routes, addresses, networks, packages and endings are no paths, nor is what is known', () => {
  expect(
    find('`/v1/models/{model}` `https://a.b/c.json` `10.0.0.0/8,::1` `@a/b` `.ts` `a.b` `--to=a/b`'),
  ).toEqual([])
  expect(find('`main.ts`', { known: ['main.ts'] })).toEqual([])
})
