/**
 * The members of `undelivered`, the sorted set of webhook messages that still need their prediction: by when to look at
 * them (ms). The sweeper leaves these predictions alone.
 *
 * | member       | meaning                                                                          |
 * | ------------ | -------------------------------------------------------------------------------- |
 * | `<id>`       | the delivery about its end is not created yet                                    |
 * | `<id>:start` | the same about its start                                                         |
 * | `<id>:held`  | its delivery is there, and may send the receiver back to the prediction          |
 */
export const undeliveredMember = {
  completed: (predictionId: string) => predictionId,
  start: (predictionId: string) => `${predictionId}:start`,
  held: (predictionId: string) => `${predictionId}:held`,
} as const

export type UndeliveredKind = keyof typeof undeliveredMember

/** All that can be in the set about a prediction. */
export const undeliveredMembers = (predictionId: string) =>
  Object.values(undeliveredMember).map((memberOf) => memberOf(predictionId))

/** What a member says. An id has no colon. */
export const parseUndelivered = (member: string): { predictionId: string; kind: UndeliveredKind } => {
  const [predictionId = '', suffix] = member.split(':')
  return { predictionId, kind: suffix === 'start' || suffix === 'held' ? suffix : 'completed' }
}
