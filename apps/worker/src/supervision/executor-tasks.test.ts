import { afterEach, expect, test } from 'vitest'
import { ExecutorDied } from './executor-died.ts'
import { ExecutorTasks } from './executor-tasks.ts'
import type { Task } from './executor-tasks.ts'

/** What happened, in its order: `run1 sent`, `run1 starts`, `run1 is overdue`, `run1 rejected: stopped`. */
let seen: string[] = []
let tasks = open()

function open() {
  return new ExecutorTasks((task) => seen.push(`${nameOf(task)} is overdue`))
}

afterEach(() => {
  tasks.end(new ExecutorDied('stopped', 'was ended'))
  seen = []
  tasks = open()
})

const nameOf = (task: Task) => `${task.kind}${task.place}`

const add = (kind: 'run' | 'load', place: number, limitMs = 60_000) => {
  const name = `${kind}${place}`
  const task = {
    place,
    limitMs,
    limitSentence: '',
    send: () => seen.push(`${name} sent`),
    onStart: () => seen.push(`${name} starts`),
    reject: (err: Error) => seen.push(`${name} rejected: ${err instanceof ExecutorDied && err.how}`),
    resolve: () => undefined,
  }
  tasks.add(kind === 'run' ? { kind, runId: place, ...task } : { kind, ...task })
}

test('runs are sent ahead, and start one after the other', () => {
  add('run', 1)
  add('run', 2)
  expect(seen).toEqual(['run1 starts', 'run1 sent', 'run2 sent'])

  tasks.next()
  expect(seen.slice(3)).toEqual(['run2 starts'])
})

test('a load is sent when nothing is under way, and nothing behind it until it has ended', () => {
  add('run', 1)
  add('load', 2)
  add('run', 3)
  expect(seen).toEqual(['run1 starts', 'run1 sent'])

  tasks.next()
  expect(seen.slice(2)).toEqual(['load2 starts', 'load2 sent'])

  tasks.next()
  expect(seen.slice(4)).toEqual(['run3 starts', 'run3 sent'])
})

test('the time of a task starts with its turn', async () => {
  add('run', 1, 60_000)
  add('run', 2, 1)
  tasks.next()

  await expect.poll(() => seen).toContain('run2 is overdue')
  expect(seen).not.toContain('run1 is overdue')
})

test('what is dropped is rejected; it still has its turn where it was sent, and holds up nothing where it was not', () => {
  add('run', 1)
  add('run', 2)
  add('load', 2)
  add('run', 3)
  seen = []

  tasks.drop(2)
  expect(seen).toEqual(['run2 rejected: stopped', 'load2 rejected: stopped', 'run3 sent'])

  tasks.next()
  expect(tasks.current?.place).toBe(2)
  tasks.next()
  expect(seen.slice(3)).toEqual(['run3 starts'])
  tasks.drop(2)
  expect(seen.length).toBe(4)
})

test('where the executor ends only the task that it was at has died of it', () => {
  add('run', 1)
  add('run', 2)
  add('load', 3)
  seen = []

  tasks.end(new ExecutorDied('crashed', 'was ended by SIGSEGV'))

  expect(seen).toEqual(['run1 rejected: crashed', 'run2 rejected: stopped', 'load3 rejected: stopped'])
  expect(tasks.current).toBeUndefined()
})
