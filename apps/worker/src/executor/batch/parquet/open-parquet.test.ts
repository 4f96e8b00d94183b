import { gzipSync } from 'node:zlib'
import { InvalidFile } from '@onqueue/shared/rows'
import { expect, test } from 'vitest'
import { openParquet } from './open-parquet.ts'
import { asFile, readFixture } from './parquet-file.fixture.ts'

const file = readFixture('pyarrow.parquet')

const withFooterBytes = (bytes: number) => {
  const changed = Buffer.from(file)
  changed.writeUInt32LE(bytes, file.length - 8)
  return changed
}

test.each([
  ['is empty', Buffer.alloc(0), 'is not Parquet, which begins with PAR1'],
  ['is CSV', Buffer.from('a,b\n1,2\n'), 'is not Parquet, which begins with PAR1'],
  ['is in gzip', gzipSync(file), "the file is gzip; add -H 'content-encoding: gzip'"],
  [
    'has only a beginning',
    file.subarray(0, 4),
    'is cut off: it does not end with PAR1, as Parquet does; send all of it',
  ],
  ['is cut off', file.subarray(0, -10), 'is cut off: it does not end with PAR1'],
  ['is encrypted', readFixture('encrypted.parquet'), 'is encrypted; write it without encryption'],
  [
    'has a footer beyond itself',
    withFooterBytes(file.length),
    'its last bytes speak of a footer that is longer than the file',
  ],
  ['has half a footer', withFooterBytes(1000), "its footer can't be read; write the file again"],
  ['has no footer', withFooterBytes(0), "its footer can't be read; write the file again"],
])('a file that %s is refused with what is wrong', async (_, bytes, message) => {
  const opening = openParquet(asFile(bytes))

  await expect(opening).rejects.toThrow(InvalidFile)
  await expect(opening).rejects.toThrow(message)
})

test('the rows of a file are those of its row groups', async () => {
  const { rows, groupRows } = await openParquet(asFile(readFixture('pyarrow-pages.parquet')))

  expect({ rows, groupRows }).toEqual({ rows: 60, groupRows: [25, 25, 10] })
})
