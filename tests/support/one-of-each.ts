import { loopbackWebhooks, startReceiver } from './receiver.ts'
import type { Receiver } from './receiver.ts'
import { startStack, testModel } from './stack.ts'
import type { Stack, StackOptions, StackProcess } from './stack.ts'

/** Takes as many milliseconds as it is told, up to a minute; one executor. */
export const patient = {
  name: 'patient',
  of: 'slow',
  settings: 'instances: 1\ntimeout_s: 60\nexample: { n: [1] }\n',
}

/** A stack with one of each process, and a receiver that its webhooks may go to. */
export type OneOfEach = {
  stack: Stack
  worker: StackProcess
  webhooks: StackProcess
  receiver: Receiver
  close(): Promise<void>
}

/** Its models are `throws` and `patient`, and those given. */
export const startOneOfEach = async ({
  models = [],
  environment,
  answer,
  ...options
}: StackOptions & { answer?: Parameters<typeof startReceiver>[0] } = {}): Promise<OneOfEach> => {
  const receiver = await startReceiver(answer)
  const stack = await startStack({
    ...options,
    models: [testModel('throws'), patient, ...models],
    environment: { ...loopbackWebhooks, ...environment },
  })
  const [worker] = stack.workers
  if (!worker) throw new Error('unreachable: a stack has a worker')
  const webhooks = await stack.startWebhooks()
  return {
    stack,
    worker,
    webhooks,
    receiver,
    close: async () => {
      await stack.close()
      await receiver.close()
    },
  }
}
