/** What can be measured, in the order in which it is. */
export const partNames = [
  'start',
  'onnx',
  'chunk',
  'batch',
  'queue',
  'throughput',
  'latency',
  'heavy',
  'trees',
  'memory',
  'many',
  'hostile',
  'webhooks',
  'flow',
  'peers',
] as const
export type PartName = (typeof partNames)[number]

/** Without what is only run when it is named: a way that was not taken, servers that are not ours, and what takes long. */
const namedParts: readonly PartName[] = ['flow', 'peers', 'batch']
export const usualParts = partNames.filter((name) => !namedParts.includes(name))

/** How much is measured. */
export type Plan = {
  /** of everything that is compared with something else */
  rounds: number
  /** for raw ONNX Runtime, at each batch size */
  onnxMs: number
  noopJobs: number
  /** of a file that is scored by chunks */
  batchRows: number
  /** of a file that is a batch, end to end */
  fileRows: number
  heavyFileRows: number
  /** of the larger of two files */
  memoryRows: number
  smallBatches: number
  submits: number
  /** at each number of clients */
  predictMs: number
  roundTrips: number
  heavySubmits: number
  treesRequests: number
  starts: number
}

export const fullPlan: Plan = {
  rounds: 3,
  onnxMs: 1000,
  noopJobs: 20_000,
  batchRows: 200_000,
  fileRows: 300_000,
  heavyFileRows: 600,
  memoryRows: 1_000_000,
  smallBatches: 30,
  submits: 20_000,
  predictMs: 5000,
  roundTrips: 500,
  heavySubmits: 1536,
  treesRequests: 20,
  starts: 3,
}

/** Says whether everything works; its figures are rough. */
export const quickPlan: Plan = {
  rounds: 1,
  onnxMs: 200,
  noopJobs: 5000,
  batchRows: 100_000,
  fileRows: 100_000,
  heavyFileRows: 300,
  memoryRows: 200_000,
  smallBatches: 10,
  submits: 5000,
  predictMs: 1500,
  roundTrips: 200,
  heavySubmits: 512,
  treesRequests: 5,
  starts: 1,
}
