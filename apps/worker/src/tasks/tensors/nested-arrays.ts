import type { Axis } from '../../tensors/tensor.ts'

/**
 * Nested arrays and the flat, row-major elements of a tensor.
 *
 * A value is measured first, by its first elements only, so that rows can be grouped by shape and the tensors be
 * allocated; writing then checks that every array has the length that was measured.
 */
export type NestedProblem = { path: number[]; detail: string }

/** Lengths of the axes of a value, which has these or any, or what is wrong. `lengths` collects those of named axes, which have to agree. */
export const measure = (
  value: unknown,
  axes: readonly Axis[] | 'any',
  lengths: Map<string, number>,
): number[] | NestedProblem => {
  if (axes === 'any') return measureAll(value)
  const dims: number[] = []
  let inner = value
  for (const axis of axes) {
    const path = dims.map(() => 0)
    if (!Array.isArray(inner)) return { path, detail: 'must be an array' }
    const problem = checkLength(inner.length, axis, lengths)
    if (problem !== undefined) return { path, detail: problem }
    dims.push(inner.length)
    inner = inner[0]
  }
  return dims
}

const measureAll = (value: unknown): number[] | NestedProblem => {
  const dims: number[] = []
  for (let inner = value; Array.isArray(inner); inner = inner[0]) {
    if (inner.length === 0) return { path: dims.map(() => 0), detail: 'must not be empty' }
    dims.push(inner.length)
  }
  return dims
}

const checkLength = (length: number, axis: Axis, lengths: Map<string, number>) => {
  if (typeof axis === 'number') return length === axis ? undefined : `must have ${axis} elements`
  if (length === 0) return 'must not be empty'
  if (axis === '') return undefined
  const agreed = lengths.get(axis)
  lengths.set(axis, length)
  return agreed === undefined || agreed === length
    ? undefined
    : `must have ${agreed} elements, as another ${axis} axis has`
}

/** Writes the elements of a value in row-major order; answers what is wrong, with the path to it. */
export const flatten = (
  value: unknown,
  dims: readonly number[],
  write: (element: unknown) => string | undefined,
  depth = 0,
): NestedProblem | undefined => {
  const length = dims[depth]
  if (length === undefined) {
    const problem = write(value)
    return problem === undefined ? undefined : { path: [], detail: problem }
  }
  if (!Array.isArray(value)) return { path: [], detail: 'must be an array' }
  if (value.length !== length) return { path: [], detail: `must have ${length} elements` }
  for (let index = 0; index < length; index++) {
    const problem = flatten(value[index], dims, write, depth + 1)
    if (problem) return { ...problem, path: [index, ...problem.path] }
  }
  return undefined
}

/** The nested arrays of the elements from `offset` on. */
export const nest = (
  read: (index: number) => unknown,
  dims: readonly number[],
  offset: number,
  depth = 0,
): unknown => {
  const length = dims[depth]
  if (length === undefined) return read(offset)
  const stride = dims.slice(depth + 1).reduce((product, inner) => product * inner, 1)
  const values: unknown[] = []
  for (let index = 0; index < length; index++)
    values.push(nest(read, dims, offset + index * stride, depth + 1))
  return values
}
