import type { Call } from '../load/callers.ts'
import type { Case } from './cases.ts'

/** How a server is asked, and what its right answer has in it. */
export type Wording = {
  predict: (one: Case) => Call
  /** answered with an id, by which the output is read later; not every server has it */
  submit?: (one: Case) => Call
}

/** FastAPI's tutorial, also with a queue behind it, and the glue. */
export const plainWording: Wording = {
  predict: (one) => ({ path: '/predict', body: JSON.stringify(toInput(one)), expected: toOutput(one) }),
}

export const plainQueueWording: Required<Wording> = {
  ...plainWording,
  submit: (one) => ({
    path: '/predictions',
    body: JSON.stringify(toInput(one)),
    readPath: '/predictions/',
    expected: { status: 'succeeded', output: toOutput(one) },
  }),
}

export const onqueueWording: Required<Wording> = {
  predict: (one) => ({
    path: `${toModelPath(one)}/predict`,
    body: JSON.stringify(toInput(one)),
    expected: toOnQueueOutput(one),
  }),
  submit: (one) => ({
    path: `${toModelPath(one)}/predictions`,
    body: JSON.stringify({ input: toInput(one) }),
    readPath: '/v1/predictions/',
    expected: { status: 'succeeded', output: toOnQueueOutput(one) },
  }),
}

export const litServeWording: Wording = {
  predict: (one) => ({
    path: '/predict',
    body: JSON.stringify({ values: one.values }),
    expected: toOutput(one),
  }),
}

export const bentoWording: Wording = {
  predict: (one) => ({
    path: '/predict',
    body: JSON.stringify({ rows: [one.values] }),
    expected: [one.model === 'tiny' ? [one.prediction, one.probability] : one.y],
  }),
}

/** The Open Inference Protocol. */
export const mlServerWording: Wording = {
  predict: (one) => {
    const isTiny = one.model === 'tiny'
    const input = {
      name: 'x',
      shape: [1, one.values.length],
      datatype: isTiny ? 'FP64' : 'FP32',
      data: one.values,
    }
    const outputs = isTiny
      ? [
          { name: 'predict', data: [one.prediction] },
          { name: 'predict_proba', data: [1 - one.probability, one.probability] },
        ]
      : [{ name: 'y', data: one.y }]
    return {
      path: `/v2/models/${one.model}/infer`,
      body: JSON.stringify({ inputs: [input], outputs: outputs.map(({ name }) => ({ name })) }),
      expected: { outputs },
    }
  },
}

const toInput = (one: Case) => (one.model === 'tiny' ? { features: one.values } : { x: one.values })

const toOutput = (one: Case) =>
  one.model === 'tiny' ? { prediction: one.prediction, probability: one.probability } : { y: one.y }

const toOnQueueOutput = (one: Case) =>
  one.model === 'tiny' ? { prediction: one.prediction, probabilities: { 1: one.probability } } : { y: one.y }

const toModelPath = ({ model }: Case) => `/v1/models/${model === 'tiny' ? 'demo-classifier' : 'heavy'}`
