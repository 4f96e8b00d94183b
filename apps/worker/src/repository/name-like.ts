import { modelNameSchema } from '@onqueue/shared'

/**
 * The name that the folder of a model could have, under which it is shown as refused: its own can't be in an address. Undefined
 * where nothing of it could.
 */
export const nameLike = (folder: string) => {
  const plain = folder
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .slice(0, 63)
  return modelNameSchema.safeParse(plain.replaceAll(/^[._-]+|[._-]+$/g, '')).data
}
