import { expect, test } from 'vitest'
import { executorEnvironment } from './executor-environment.ts'

test.each([
  'REDIS_URL',
  'ONQUEUE_SECRET',
  'ONQUEUE_API_KEYS',
  'ONQUEUE_PREFIX',
  'NVIDIA_API_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'HTTPS_PROXY',
  'NPM_TOKEN',
  'PATH_TO_SECRET',
  'path',
])('an executor does not get %s', (name) => {
  expect(executorEnvironment({ [name]: 'secret' })).toEqual({})
})

test.each([
  'PATH',
  'HOME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LC_ALL',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'MALLOC_ARENA_MAX',
  'MALLOC_TRIM_THRESHOLD_',
  'NODE_OPTIONS',
  'CUDA_VISIBLE_DEVICES',
  'NVIDIA_VISIBLE_DEVICES',
  'ORT_TENSORRT_CACHE_PATH',
  'OMP_NUM_THREADS',
])('an executor gets %s', (name) => {
  expect(executorEnvironment({ [name]: 'needed' })).toEqual({ [name]: 'needed' })
})
