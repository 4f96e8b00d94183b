/** Where steps that take a while, and why one source of Redis was passed over, are told. */
export type RedisLog = { info: (sentence: string) => void; debug: (sentence: string) => void }
