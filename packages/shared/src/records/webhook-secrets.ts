import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { globalKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import type { SecretForms } from './secret-forms.ts'

/**
 * The secrets with which an owner's webhooks are signed.
 *
 * A rotation makes a new secret, and the one before it signs along for 24 h, so that a receiver can change over without
 * losing a delivery:
 *
 *     (none) ──read──▶ A ──rotate──▶ B, and A for 24 h ──24 h──▶ B
 *                                    └──rotate──▶ C, and B for 24 h: A is out at once
 *
 * Both are fields of one hash that only one script changes: nobody sees a new current without its previous. It replaces
 * the secret that the caller found current and no other. First reads at the same time therefore get the same secret,
 * and rotations at the same time are one, whose result all of them get (each would otherwise push out the only secret
 * that the receiver knows); so is one that was sent again after a lost connection. Rotations one after the other are
 * two: the last two secrets stay valid, and rotating twice puts out one that leaked.
 *
 * Only Redis has them: where it loses them the next read makes new ones, and who had seen the old ones is told.
 */
export type WebhookSecretStore = {
  /** The owner's secrets. The first read makes one; whoever reads at the same time gets the same. */
  read(owner: string): Promise<WebhookSecrets>
  /** Makes a new current secret. What it resolves to was made after the call. */
  rotate(owner: string): Promise<WebhookSecrets>
  /** Brings what is stored into the form in which it would be written today. Makes none. */
  bring(owner: string): Promise<void>
}

export type WebhookSecrets = {
  /** `whsec_` and the padded standard base64 of 32 random bytes, the form that Standard Webhooks libraries take */
  current: string
  /** The secret before the last rotation while it signs along, and until when (ms since the epoch). */
  previous: { key: string; until: number } | null
}

/** For so long a receiver accepts what is signed with the secret that was rotated out. */
const overlapMs = 24 * 3_600_000

export const createWebhookSecrets = ({
  redis,
  namespace,
  clock,
  forms,
  onLost = () => undefined,
}: DatedStore & {
  /** in which they are kept in Redis */
  forms: SecretForms
  /** the secrets of an owner that this process had seen are gone, and were made new */
  onLost?: (owner: string) => void
}): WebhookSecretStore => {
  const keyOf = globalKeys(namespace).webhookSecrets
  /** the current ones that this process has seen */
  const seen = new Map<string, string>()

  /** A rotation leaves the secret before it, so one that is neither current nor followed by any was lost. */
  const remember = (owner: string, stored: Stored) => {
    const before = seen.get(owner)
    const [current, previous] = stored
    if (before !== undefined && before !== current && previous === null) onLost(owner)
    seen.set(owner, current)
    return stored
  }

  const readStored = async (owner: string) => {
    const fields = await redis.hmget(keyOf(owner), 'current', 'previous', 'previousUntil')
    return fields[0] == null ? null : storedSchema.parse(fields)
  }
  const replaceSecret = replaceScript.on(redis)
  const replace = (owner: string, found: string) =>
    replaceSecret.run({
      keys: { secrets: keyOf(owner) },
      args: { found, fresh: forms.write(owner, createSecret()), untilMs: clock() + overlapMs },
    })
  const bringForms = bringScript.on(redis)
  const bring = async (owner: string, [current, previous]: Stored) => {
    const better = forms.bring(owner, current)
    const betterPrevious = previous === null ? undefined : forms.bring(owner, previous)
    if (better === undefined && betterPrevious === undefined) return
    await bringForms.run({
      keys: { secrets: keyOf(owner) },
      args: {
        current,
        previous: previous ?? '',
        better: better ?? current,
        betterPrevious: betterPrevious ?? previous ?? '',
      },
    })
  }
  const open = (owner: string, [current, previous, until]: Stored): Stored => [
    secretSchema.parse(forms.read(owner, current)),
    previous === null ? null : secretSchema.parse(forms.read(owner, previous)),
    until,
  ]

  return {
    read: async (owner) => {
      const stored = (await readStored(owner)) ?? (await replace(owner, ''))
      const opened = open(owner, stored)
      // it can be read as it is, also where Redis takes no writes
      await bring(owner, stored).catch(() => undefined)
      return toSecrets(remember(owner, opened), clock())
    },
    rotate: async (owner) => {
      for (;;) {
        const found = await readStored(owner)
        const [current] = found ? open(owner, found) : [undefined]
        const replaced = open(owner, await replace(owner, found?.[0] ?? ''))
        // the same one in another form: it was not rotated, but brought meanwhile
        if (replaced[0] !== current) return toSecrets(remember(owner, replaced), clock())
      }
    },
    bring: async (owner) => {
      const stored = await readStored(owner)
      if (stored) await bring(owner, stored)
    },
  }
}

/** The secrets to sign with at `now` (ms), the current one first. */
export const signingKeysOf = ({ current, previous }: WebhookSecrets, now: number): string[] =>
  previous !== null && now < previous.until ? [current, previous.key] : [current]

const secretSchema = z.string().startsWith('whsec_')
/** As it is stored, in whatever form. */
const storedSchema = z.tuple([z.string(), z.string().nullable(), z.coerce.number().nullable()])
type Stored = z.infer<typeof storedSchema>

/**
 * Replaces the current secret, unless it is another than the caller found (empty: none). Replies what is stored then. `untilMs` is the end of the overlap in ms.
 */
const replaceScript = redisScript({
  name: 'replaceWebhookSecret',
  keys: ['secrets'],
  args: ['found', 'fresh', 'untilMs'],
  reply: storedSchema,
  lua: `
if (redis.call('HGET', secrets, 'current') or '') == found then
  redis.call('HSET', secrets, 'current', fresh)
  if found ~= '' then redis.call('HSET', secrets, 'previous', found, 'previousUntil', untilMs) end
end
return redis.call('HMGET', secrets, 'current', 'previous', 'previousUntil')`,
})

/** Puts the same secrets there in another form, unless they are others by now. */
const bringScript = redisScript({
  name: 'bringWebhookSecret',
  keys: ['secrets'],
  args: ['current', 'previous', 'better', 'betterPrevious'],
  reply: z.number(),
  lua: `
if redis.call('HGET', secrets, 'current') ~= current then return 0 end
if (redis.call('HGET', secrets, 'previous') or '') ~= previous then return 0 end
redis.call('HSET', secrets, 'current', better)
if previous ~= '' then redis.call('HSET', secrets, 'previous', betterPrevious) end
return 1`,
})

const createSecret = () => `whsec_${randomBytes(32).toString('base64')}`

const toSecrets = ([current, key, until]: Stored, now: number): WebhookSecrets => {
  const isOver = key === null || until === null || now >= until
  return { current, previous: isOver ? null : { key, until } }
}
