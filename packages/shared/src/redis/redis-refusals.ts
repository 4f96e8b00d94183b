/**
 * What Redis replies when it is there and refuses all the same: not for what it was asked, but for the state that it is in.
 *
 * A command that was refused had no effect. That holds for a script too, but for a rule that forbids one of the commands
 * in it: what came before that command stays.
 */
export type Refusal = {
  code: RefusalCode
  /** what state it is in, a sentence for operators */
  state: string
  /** what to do about it */
  remedy: string
  /** Whether another connection may do better than `this` one, which isn't logged in; or than `all`: the primary has moved. */
  stale: 'no' | 'this' | 'all'
  /** It certainly had no effect. */
  hadNoEffect: boolean
}

export type RefusalCode = keyof typeof known

const moved = {
  state: 'it is a replica now, which takes no writes',
  remedy: 'let REDIS_URL lead to the new primary; connections are made again by themselves',
  stale: 'all',
} as const

const known = {
  READONLY: moved,
  MOVED: moved,
  UNBLOCKED: moved,
  MASTERDOWN: {
    state: 'it is a replica that has lost its primary',
    remedy: 'let REDIS_URL lead to the new primary; connections are made again by themselves',
    stale: 'all',
  },
  MISCONF: {
    state: 'it could not save its data and takes no writes',
    remedy: 'look into its log: its disk is full, or its folder can not be written',
  },
  OOM: {
    state: 'its memory is full',
    remedy: 'raise its maxmemory; finished predictions are being removed meanwhile',
  },
  LOADING: { state: 'it is loading its data', remedy: 'wait: it takes commands when it has loaded' },
  BUSY: {
    state: 'a script keeps it busy',
    remedy: 'wait, or end the script with: redis-cli script kill',
  },
  NOAUTH: {
    state: 'it asks for a password',
    remedy: 'put its password into REDIS_URL, and start the processes again',
    stale: 'this',
  },
  WRONGPASS: {
    state: 'it knows another password',
    remedy: 'put its password into REDIS_URL, and start the processes again',
    stale: 'this',
  },
  NOPERM: {
    state: 'its access rules forbid a command or a key',
    remedy: 'let its user run all commands on all keys and channels (ACL SETUSER)',
  },
  NOREPLICAS: {
    state: 'it has too few replicas to take writes (min-replicas-to-write)',
    remedy: 'bring its replicas back',
  },
  CLUSTERDOWN: { state: 'its cluster is down', remedy: 'bring the missing nodes of the cluster back' },
  TRYAGAIN: { state: 'its cluster is moving slots', remedy: 'wait: it takes commands when they are moved' },
} as const

/** The refusal that an error of a command is; undefined where it is none. */
export const refusalOf = (err: unknown): Refusal | undefined => {
  if (!(err instanceof Error)) return undefined
  const code = codeIn(err.message) ?? codeBefore(err)
  if (code) return { stale: 'no', hadNoEffect: true, ...known[code], code }
  return deniedInScript.test(err.message)
    ? { stale: 'no', ...known.NOPERM, code: 'NOPERM', hadNoEffect: false }
    : undefined
}

/** Of a transaction the commands before it say why. A connection that was lost has one error for all of them, itself included. */
const codeBefore = (err: Error): RefusalCode | undefined => {
  const before: unknown = Reflect.get(err, 'previousErrors')
  const errors: unknown[] = Array.isArray(before) ? before : []
  return errors.map((one) => (one instanceof Error ? codeIn(one.message) : undefined)).find(Boolean)
}

/** At its start; behind the words of a script or of a transaction in which a command was refused. */
const inReply = new RegExp(`(?:^|: |: -|^-)(${Object.keys(known).join('|')}) `)

const deniedInScript = /^(NOPERM|ERR) (ACL failure in script|The user executing the script can't)/

const codeIn = (message: string): RefusalCode | undefined => {
  if (deniedInScript.test(message)) return undefined
  const code = inReply.exec(message)?.[1]
  return code !== undefined && isKnown(code) ? code : undefined
}

const isKnown = (code: string): code is RefusalCode => Object.hasOwn(known, code)
