import { pino } from 'pino'
import type { Logger } from 'pino'

export type { Logger } from 'pino'

// only a terminal needs it, and it takes 3 MB
const pretty = process.stdout.isTTY ? await import('pino-pretty') : undefined

/** The process's logger: JSON lines, or readable ones on a terminal. Credentials are never written. */
export const createLogger = ({ service, level }: { service: string; level: string }): Logger =>
  pino(
    {
      level,
      base: { service },
      redact: { paths: ['authorization', 'headers.authorization', '*.authorization'], remove: true },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pretty
      ? pretty.PinoPretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', sync: true })
      : pino.destination({ dest: 1, sync: true }),
  )
