// The metrics about Redis that every app has, as what prom-client makes a `Counter` or a `Gauge` of; the registry is the app's.

/** What was put right; its kind is counted by who does it. */
export const redisLosses = {
  name: 'onqueue_redis_losses_total',
  help: 'What Redis had lost or had wrong, and was put right, by its kind',
  labelNames: ['kind'],
} as const

/** What `RedisCondition` counts, taken over at each scrape. */
export const redisRefusals = (counts: () => readonly { code: string; count: number }[]) => ({
  name: 'onqueue_redis_refusals_total',
  help: 'Commands that Redis refused for the state that it is in, by the code of its reply',
  labelNames: ['code'] as const,
  collect(this: { reset(): void; inc(labels: { code: string }, count: number): void }) {
    this.reset()
    for (const { code, count } of counts()) this.inc({ code }, count)
  },
})

/** Of what `RedisClock` knows, at each scrape. */
export const clockOffset = (aheadMs: () => number) => ({
  name: 'onqueue_clock_offset_seconds',
  help: "How far this machine's clock is ahead of that of Redis; below 0 where it is behind",
  collect(this: { set(value: number): void }) {
    this.set(aheadMs() / 1000)
  },
})
