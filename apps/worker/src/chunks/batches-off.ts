import type { BatchAbout } from '@onqueue/shared'

/**
 * What a batch ends with of a version that takes none. The API that let it in did not know of that, and has to know the code, which
 * is therefore none of its own.
 */
export const batchesOff = ({ version }: BatchAbout) => ({
  code: 'version_gone' as const,
  detail: `version ${version} takes no batches: its model.yaml has batch: { executor: off }; send the rows as predictions`,
})
