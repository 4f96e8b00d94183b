import { z } from 'zod'
import { blankInterface, jsonSchemaSchema, versionInterfaceSchema } from './version-interface.ts'
import type { VersionInterface } from './version-interface.ts'

export const versionStatuses = ['loading', 'ready', 'refused'] as const

const identitySchema = z.object({
  model: z.string(),
  version: z.string(),
  digest: z.string(),
  /** the newest definition of a version has the highest; given by Redis when a digest is first published */
  generation: z.int().default(0),
  status: z.enum(versionStatuses),
  /** why it was refused, or could not be loaded so far */
  reason: z.string().nullable(),
  /** true where so many tries to load it have failed in a row that nobody should wait for the next one */
  keepsFailing: z.boolean().optional(),
  /** how often one prediction is tried */
  attempts: z.int(),
})

/** One definition of a model version, and what it offers; null until it was loaded. */
export type VersionCard = z.infer<typeof identitySchema> & { interface: VersionInterface | null }

/**
 * The card of a record in Redis, which is flat; without an interface, the record has that of a version that was never
 * loaded. Undefined where it can't be read: a process of another release may have written it.
 */
export const readCard = (text: string): VersionCard | undefined => {
  const record: unknown = JSON.parse(text)
  const { data: identity } = identitySchema.safeParse(record)
  const { data: loaded } = loadedSchema.safeParse(record)
  if (!identity || !loaded) return undefined
  if (loaded.inputSchema === null) return { ...identity, interface: null }
  const { data: offered } = versionInterfaceSchema.safeParse(record)
  return offered && { ...identity, interface: offered }
}

export const writeCard = ({ interface: offered, attempts, ...identity }: VersionCard): string =>
  JSON.stringify({ ...identity, ...(offered ?? blankInterface), attempts })

const loadedSchema = z.object({ inputSchema: jsonSchemaSchema.nullable() })
