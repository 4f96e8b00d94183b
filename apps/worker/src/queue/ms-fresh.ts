/**
 * How long it is good for that a prediction was submitted, or seen without an outcome. A submit that Redis took so late that its
 * caller was refused is far older: it is final, and need not be run.
 */
export const freshMs = 50

/**
 * How long a prediction may be run without a look whether it is final: a moment after its submit, where nobody took it
 * before. Both times are by Redis' clock, as two processes know it.
 */
export const msFresh = ({
  createdAt,
  wasTaken,
  now,
}: {
  createdAt: number
  wasTaken: boolean
  now: number
}) => (wasTaken ? 0 : Math.max(0, freshMs - Math.abs(now - createdAt)))
