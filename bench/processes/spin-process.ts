import { answerParent } from './answer-parent.ts'

const turnMs = 20

/** Keeps a core busy until it is closed. */
const spin = () => {
  const until = performance.now() + turnMs
  while (performance.now() < until);
  setImmediate(spin)
}

answerParent(async () => ({}))
spin()
