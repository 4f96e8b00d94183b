import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Texts that are kept in Redis and are nobody's business there, encrypted under `ONQUEUE_SECRET` with AES-256-GCM:
 *
 *     sealed:<form>:<base64url of 12 bytes nonce, the encrypted text, 16 bytes tag>
 *
 * The *form* says under which secret, by eight hex digits that are made of it and tell nothing of it. A text that is not
 * sealed has the form `plain`. What a text is about goes into the tag, so that one can't be put in another's place.
 */
export type Seals = {
  /** The forms that this process reads, the best first: `plain` is the last where there is a secret, and the first where not. */
  forms: readonly string[]
  /** Throws for a form that this process does not read. */
  seal(form: string, text: string, about: string): string
  /** Throws an `UnreadableError` that says which setting is wrong. */
  open(stored: string, about: string): string
}

export class UnreadableError extends Error {
  override readonly name = 'UnreadableError'
}

export const plainForm = 'plain'

export const createSeals = ({
  current,
  previous,
}: {
  /** ONQUEUE_SECRET, where it is configured */
  current: string | undefined
  /** ONQUEUE_SECRET_PREVIOUS */
  previous: string | undefined
}): Seals => {
  const sealed = [current, previous].flatMap((secret) => (secret === undefined ? [] : [deriveKey(secret)]))
  const forms = sealed.map(({ form }) => form)

  return {
    forms: current === undefined ? [plainForm, ...forms] : [...forms, plainForm],
    seal: (form, text, about) => {
      if (form === plainForm) return text
      const found = sealed.find((known) => known.form === form)
      if (!found) throw new Error('this process has no secret of that form')
      return `${start}${form}:${encrypt(found.key, text, about)}`
    },
    open: (stored, about) => {
      const form = formOf(stored)
      if (form === plainForm) return stored
      const found = sealed.find((known) => known.form === form)
      if (!found) throw new UnreadableError(current === undefined ? notConfigured : anotherSecret)
      return decrypt(found.key, stored.slice(`${start}${form}:`.length), about)
    },
  }
}

export const formOf = (stored: string) =>
  stored.startsWith(start) ? (stored.slice(start.length).split(':')[0] ?? '') : plainForm

const start = 'sealed:'
const nonceBytes = 12
const tagBytes = 16

const notConfigured =
  'what is stored is encrypted, and ONQUEUE_SECRET is not set; set it to what it was when that was written'
const anotherSecret =
  'what is stored is encrypted under another ONQUEUE_SECRET; set ONQUEUE_SECRET_PREVIOUS to that one'
const damaged =
  'what is stored can not be decrypted, though ONQUEUE_SECRET is right: it was changed or moved in Redis; restore it from a copy'

/** Two keys of one secret, apart by their names (RFC 5869): one to encrypt with, one that is told to say which it was. */
const deriveKey = (secret: string) => {
  const derive = (name: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `onqueue ${name} 1`, bytes))
  return { form: derive('form of sealed texts', 4).toString('hex'), key: derive('sealed texts', 32) }
}

const encrypt = (key: Buffer, text: string, about: string) => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(
    Buffer.from(about),
  )
  const encrypted = [cipher.update(text, 'utf8'), cipher.final()]
  return Buffer.concat([nonce, ...encrypted, cipher.getAuthTag()]).toString('base64url')
}

const decrypt = (key: Buffer, encoded: string, about: string) => {
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.length < nonceBytes + tagBytes) throw new UnreadableError(damaged)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(Buffer.from(about))
    .setAuthTag(bytes.subarray(-tagBytes))
  try {
    const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8')
    return text + decipher.final('utf8')
  } catch (err) {
    throw new UnreadableError(damaged, { cause: err })
  }
}
