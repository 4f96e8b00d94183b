import { expect, test } from 'vitest'
import { hadNoEffect, isRedisAway } from './redis-errors.ts'
import { refusalOf } from './redis-refusals.ts'

/** As Redis 7 writes them. */
const replies = {
  READONLY: "READONLY You can't write against a read only replica.",
  MISCONF:
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
  OOM: "OOM command not allowed when used memory > 'maxmemory'.",
  LOADING: 'LOADING Redis is loading the dataset in memory',
  BUSY: 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  NOAUTH: 'NOAUTH Authentication required.',
  WRONGPASS: 'WRONGPASS invalid username-password pair or user is disabled.',
  NOPERM: "NOPERM User default has no permissions to run the 'set' command",
  NOREPLICAS: 'NOREPLICAS Not enough good replicas to write.',
  CLUSTERDOWN: 'CLUSTERDOWN Hash slot not served',
  MASTERDOWN: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  TRYAGAIN: 'TRYAGAIN Multiple keys request during rehashing of slot',
  MOVED: 'MOVED 3999 127.0.0.1:6381',
  UNBLOCKED: 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
}

test('every reply is known by its code, and none of them had an effect', () => {
  const found = Object.values(replies).map((reply) => refusalOf(new Error(reply)))

  expect(found.map((refusal) => refusal?.code)).toEqual(Object.keys(replies))
  expect(Object.values(replies).map((reply) => hadNoEffect(new Error(reply)))).toEqual(found.map(() => true))
})

test('it is known in the words of a script and of a transaction too', () => {
  const inScript = new Error(
    "ERR Error running script (call to f_5a1b): @user_script:3: -READONLY You can't write against a read only replica.",
  )
  const inNewScript = new Error(`${replies.MISCONF} script: 5a1b, on @user_script:3.`)
  const atExec = new Error(`EXECABORT Transaction discarded because of: ${replies.OOM}`)
  const before = Object.assign(new Error('EXECABORT Transaction discarded because of previous errors.'), {
    previousErrors: [new Error(replies.NOREPLICAS)],
  })

  expect([inScript, inNewScript, atExec, before].map((err) => refusalOf(err)?.code)).toEqual([
    'READONLY',
    'MISCONF',
    'OOM',
    'NOREPLICAS',
  ])
})

test('a rule that stops a script half-way leaves open what it did', () => {
  const denied = new Error(
    "ERR ACL failure in script: User default has no permissions to run the 'zadd' command script: 5a1b, on @user_script:7.",
  )

  expect(refusalOf(denied)).toMatchObject({ code: 'NOPERM', hadNoEffect: false })
  expect(hadNoEffect(denied)).toBe(false)
})

test('another connection may do better where this one leads to the wrong place, and nowhere else', () => {
  const stale = Object.values(replies).filter((reply) => refusalOf(new Error(reply))?.stale !== 'no')

  expect(stale.map((reply) => reply.split(' ')[0])).toEqual([
    'READONLY',
    'NOAUTH',
    'WRONGPASS',
    'MASTERDOWN',
    'MOVED',
    'UNBLOCKED',
  ])
})

test('what is wrong with a command is no refusal, whatever words it has', () => {
  const errors = [
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'BUSYGROUP Consumer Group name already exists',
    'ERR value is not an integer or out of range',
    'ERR unknown command LOADING',
    'EXECABORT Transaction discarded because of previous errors.',
    'Missing lock for job READONLY-01. moveToFinished',
  ]

  expect(errors.map((message) => refusalOf(new Error(message)))).toEqual(errors.map(() => undefined))
  expect(errors.map((message) => isRedisAway(new Error(message)))).toEqual(errors.map(() => false))
  expect(refusalOf('READONLY no error')).toBeUndefined()
})

test('a transaction whose connection was lost, with one error for all that was in it, was not refused', () => {
  const err = new Error('Redis did not answer in time')
  Object.assign(err, { previousErrors: [err, err] })

  expect(refusalOf(err)).toBe(undefined)
})
