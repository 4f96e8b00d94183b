/**
 * For how long a worker waits at an empty queue before it looks again, in s. What comes wakes it up at once: the look is for
 * where Redis has lost what does. With many models looks are further apart, so that they don't keep a core busy.
 */
export const blockSeconds = (models: number) => Math.min(30, 5 * Math.ceil(models / 20))
