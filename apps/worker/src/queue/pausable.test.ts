import { expect, test } from 'vitest'
import { createPausable } from './pausable.ts'

const start = () => {
  const calls: string[] = []
  const worker = {
    closing: undefined,
    isPaused: () => calls.at(-1) === 'pause',
    pause: async () => void calls.push('pause'),
    resume: async () => void calls.push('resume'),
  }
  return { pause: createPausable(worker), calls }
}

test('it goes on when nothing speaks against it any more, and not before', () => {
  const { pause, calls } = start()

  pause('unwanted', true)
  pause('refused', true)
  pause('refused', false)
  expect(calls).toEqual(['pause'])
  pause('unwanted', false)

  expect(calls).toEqual(['pause', 'resume'])
})

test('the same reason twice is one', () => {
  const { pause, calls } = start()

  pause('refused', true)
  pause('refused', true)
  pause('refused', false)
  pause('refused', false)

  expect(calls).toEqual(['pause', 'resume'])
})
