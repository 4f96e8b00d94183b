import type { ModelEntry } from '@onqueue/shared'

/** Rows a second that the live workers of a model finish together; 0 before they finished any. */
export const drainRate = ({ heartbeats }: Pick<ModelEntry, 'heartbeats'>) =>
  heartbeats.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0)
