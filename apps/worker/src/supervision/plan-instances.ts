/** A model whose rows cost less than this has one executor feed it; what else it takes, in ms, is the way of the rows. */
const cheapRowMs = 1
/** Where it has several, they go only when rows cost clearly less: loading them costs more than a few runs. */
const veryCheapRowMs = 0.5

/** Executors of a version where `instances: auto`: one for each core, unless its rows cost next to nothing. */
export const planInstances = ({
  rowMs,
  cores,
  present = 1,
}: {
  /** what a row computes in a full micro-batch */
  rowMs: number
  cores: number
  /** how many it has */
  present?: number
}) => (rowMs < (present > 1 ? veryCheapRowMs : cheapRowMs) ? 1 : Math.max(1, cores))
