import { setTimeout as sleep } from 'node:timers/promises'
import { startBareHttp } from '../ceiling/bare-http.ts'
import type { Recording } from '../ceiling/bare-http.ts'
import type { Call } from '../load/callers.ts'
import { HttpConnection, toRequest } from '../load/http-connection.ts'
import { isRightAnswer, readId } from '../load/read-answer.ts'
import { readCommand } from '../processes/proc.ts'
import { readCases } from './cases.ts'
import type { Contender } from './contender.ts'
import { onqueueWording } from './wording.ts'

const pollMs = 10

/** OnQueue's two hot routes without anything behind them: answers that were recorded from it, byte by byte. */
export const recordBareHttp = async (onqueueUrl: string): Promise<Contender> => {
  const recordings = await record(new URL(onqueueUrl))
  return {
    name: 'bare node:http',
    wording: onqueueWording,
    modelProcess: /bare-http-process/,
    start: async () => {
      const { url, process } = await startBareHttp(recordings)
      const { pid } = process
      return { url, listProcesses: () => [{ pid, command: readCommand(pid) }], close: process.close }
    },
  }
}

const record = async (url: URL): Promise<Recording[]> => {
  const recordings: Recording[] = []
  const connection = await HttpConnection.open(url)
  const ask = async (path: string, body?: string) => {
    const { status, body: answer } = await connection.send(toRequest(url, path, body))
    const method = body === undefined ? 'GET' : 'POST'
    return { recording: { method, path, body: body ?? '', status, answer }, answer: { status, body: answer } }
  }
  const predict = async ({ path, body }: Call) => recordings.push((await ask(path, body)).recording)
  const submit = async ({ path, body, readPath = '', expected }: Call) => {
    const submitted = await ask(path, body)
    const isRight = isRightAnswer(expected)
    const readAgain = () => ask(readPath + readId(submitted.answer))
    let read = await readAgain()
    while (!isRight(read.answer)) {
      await sleep(pollMs)
      read = await readAgain()
    }
    recordings.push(submitted.recording, read.recording)
  }
  try {
    for (const one of await readCases('tiny')) {
      await predict(onqueueWording.predict(one))
      await submit(onqueueWording.submit(one))
    }
    return recordings
  } finally {
    connection.close()
  }
}
