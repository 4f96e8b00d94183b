import { expect, test } from 'vitest'
import { modelNameSchema } from './model-name.ts'

test.each(['a', '7', 'iris', 'all-minilm-l6-v2', 'yolo_v8.1', 'a'.repeat(63)])(
  '%s can be the name of a model',
  (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(true)
  },
)

test.each(['', 'Iris', '-iris', 'iris-', '.', '..', 'a/b', 'a:b', 'a}b', 'iris\n', 'ä', 'a'.repeat(64)])(
  '%j can not be the name of a model',
  (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(false)
  },
)
