import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCase } from './backend-case.ts'
import { runCase } from './run-case.ts'

/** Some of ONNX's backend tests, of every kind: none is to be answered as if it were something else. */
const folder = join(import.meta.dirname, 'cases')

/** Why those that don't get the reference's answer don't. */
const others: Record<string, string> = {
  test_bernoulli:
    'refused: it uses RandomUniformLike on a type that this ONNX Runtime has no implementation for',
  test_cast_FLOAT_to_FLOAT16: 'input refused: Invalid input: expected number, received string',
  test_cast_FLOAT_to_INT2: "refused: an input or output holds int2, which onnxruntime-node can't carry",
  test_gradient_of_add:
    'refused: it uses the operator ai.onnx.preview.training:Gradient(-1), which this ONNX Runtime does not have',
  test_isnan: 'input refused: Invalid input: expected number, received string',
  test_mod_float32_mixed_sign_fmod_0:
    'run failed: RunFailed: the model failed: fmod was false. fmod attribute must be true for floating point types',
  test_operator_add_broadcast:
    'refused: it was exported with opset 6, and this ONNX Runtime starts at 7: export it again with a newer one',
  test_reduce_max_empty_set: 'input refused: /data/0/0: must be an array',
  test_reduce_sum_empty_set: 'input refused: /data/0/0: must be an array',
  test_sequence_insert_at_back: "refused: input sequence is not a tensor, which onnxruntime-node can't carry",
  // a stop word among the rows of a run, which alone gets its own answer (models-as-exported/tfidf-stop-words)
  test_strnormalizer_export_monday_casesensintive_lower:
    'run failed: RunFailed: the model failed: output y does not have one element for each row',
  // made-up sizes: an example in model.yaml is the cure
  test_stft: 'ended: ExecutorDied: was ended by SIGFPE',
}

test.concurrent.each(readdirSync(folder))('%s', async (name) => {
  const { kind, detail } = await runCase(await readCase(folder, name))

  expect(kind === 'right' ? kind : `${kind}: ${detail}`).toBe(others[name] ?? 'right')
})
