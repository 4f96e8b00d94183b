import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { portSettings } from './apps.ts'
import { checkPorts } from './check-ports.ts'
import { pickPort, pickPorts } from '../redis/ports.ts'
import { readStartSettings } from './start-settings.ts'

const listenSomewhere = async () => {
  const port = await pickPort()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return port
}

test('a port in use is named, with what to type', async () => {
  const port = await listenSomewhere()
  const settings = readStartSettings({ PORT: String(port) })

  await expect(checkPorts(settings)).rejects.toThrow(
    `Port ${port} (PORT) is in use. Type "PORT=${port + 10} npm start", or write PORT=${port + 10} into .env, to use another one.`,
  )
})

test.each(['ONQUEUE_API_HEALTH_PORT', 'ONQUEUE_WORKER_HEALTH_PORT', 'ONQUEUE_WEBHOOKS_HEALTH_PORT'])(
  'a health port in use is named by its own setting, %s',
  async (setting) => {
    const port = await listenSomewhere()
    const settings = readStartSettings({
      ...(await pickPorts(portSettings)),
      [setting]: String(port),
    })

    await expect(checkPorts(settings)).rejects.toThrow(`Type "${setting}=${port + 10} npm start"`)
  },
)
