/**
 * ONNX Runtime threw on a run: of several rows, any of which may be guilty, or of the only row there was. The executor
 * lives; run singly, the rows show which of them it is. Executor and worker throw the same, each on its side of the
 * channel.
 */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
}
