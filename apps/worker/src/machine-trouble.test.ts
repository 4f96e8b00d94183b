import { expect, test } from 'vitest'
import { isMachineTrouble } from './machine-trouble.ts'

test.each([
  'std::bad_alloc',
  'Failed to allocate memory for requested buffer of size 4294967296',
  'CUDA failure 2: out of memory',
  'Load model from /srv/models/x/model.onnx failed:system error number 24',
  "EMFILE: too many open files, open '/srv/models/x/model.onnx'",
  'ENOMEM: not enough memory, read',
  'EIO: i/o error, read',
  'ENFILE: file table overflow, scandir',
  "ESTALE: stale file handle, open '/srv/models/x/model.onnx'",
  'Load model from /srv/models/x/model.onnx failed:system error number 116',
])('%j says nothing against the files', (message) => {
  expect(isMachineTrouble(new Error(message))).toBe(true)
})

test.each([
  'Load model from /srv/models/x/model.onnx failed:Protobuf parsing failed.',
  'Load model from /srv/models/x/model.onnx failed:system error number 2',
  "EACCES: permission denied, open '/srv/models/x/model.onnx'",
  'Load model from /srv/models/x/model.onnx failed:system error number 13',
  "ENOENT: no such file or directory, open '/srv/models/x/model.onnx'",
])('%j lies in the files', (message) => {
  expect(isMachineTrouble(new Error(message))).toBe(false)
})
