import { expect, test } from 'vitest'
import { parseOsRelease } from './os-release.ts'

test('fields are read with and without quotes', () => {
  expect(
    parseOsRelease('ID=debian\nVERSION_ID="12"\n# a comment\nPRETTY_NAME="Debian GNU/Linux 12"\n'),
  ).toEqual({
    ID: 'debian',
    VERSION_ID: '12',
    PRETTY_NAME: 'Debian GNU/Linux 12',
  })
})
