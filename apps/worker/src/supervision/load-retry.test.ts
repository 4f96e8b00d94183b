import { expect, test } from 'vitest'
import { ExecutorDied } from './executor-died.ts'
import { VersionRefused } from './load-version.ts'
import { explainFailedLoads, isLasting, loadRetryDelayMs } from './load-retry.ts'

test('the wait doubles from 0.25 s to a minute, and stays there', () => {
  expect([1, 2, 3, 4, 8, 9, 10, 5000].map(loadRetryDelayMs)).toEqual([
    250, 500, 1000, 2000, 32_000, 60_000, 60_000, 60_000,
  ])
})

test('the fifth failure in a row is taken for a lasting one', () => {
  expect([0, 1, 4, 5, 5000].map(isLasting)).toEqual([false, false, false, true, true])
})

test.each([
  [
    new ExecutorDied('crashed', 'was ended by SIGKILL'),
    1,
    'its executor was ended by SIGKILL (the system does that when memory is short) while it loaded the model; one try has failed, and it is tried again',
  ],
  [
    new ExecutorDied('crashed', 'was ended by SIGFPE'),
    1,
    'its executor was ended by SIGFPE (one of its operators may do that with a row that was made up to try it: give an example in model.yaml, or export the model again) while it loaded the model; one try has failed, and it is tried again',
  ],
  [
    new ExecutorDied('crashed', 'ended with exit code 134'),
    3,
    'its executor ended with exit code 134 while it loaded the model; 3 tries in a row have failed, and it is tried again',
  ],
  [
    new ExecutorDied('timed_out', 'was not done within 10 minutes'),
    1,
    'its executor was not done within 10 minutes (a row that was made up to try it may take that long: give an example in model.yaml) while it loaded the model; one try has failed, and it is tried again',
  ],
  [
    new VersionRefused('model.onnx is gone'),
    2,
    "it can't be loaded again: model.onnx is gone; 2 tries in a row have failed, and it is tried again",
  ],
])('%s is told on the card', (err, failures, sentence) => {
  expect(explainFailedLoads(err, failures)).toBe(sentence)
})
