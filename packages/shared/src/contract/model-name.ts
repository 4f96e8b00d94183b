import { z } from 'zod'

/** A model's name: its folder's name, and the part of a prediction id before the last `-`. */
export const modelNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/,
    'a model name has 1 to 63 of a-z 0-9 . _ - and starts and ends with a letter or digit',
  )
