import { expect, test } from 'vitest'
import { parseUndelivered, undeliveredMember, undeliveredMembers } from './undelivered.ts'

test('a member says which prediction is needed, and what for', () => {
  expect(undeliveredMembers('iris-01')).toEqual(['iris-01', 'iris-01:start', 'iris-01:held'])
})

test.each(['completed', 'start', 'held'] as const)('what is written about %s is read back', (kind) => {
  expect(parseUndelivered(undeliveredMember[kind]('iris-01'))).toEqual({ predictionId: 'iris-01', kind })
})
