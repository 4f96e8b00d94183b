import { z } from 'zod'
import { idAlphabet, idSuffixLength } from './prediction-id.ts'

/** A file that somebody uploaded. It is never changed, and goes when it expires. */
export const fileSchema = z.object({
  object: z.literal('file'),
  id: z.string(),
  /** as its owner calls it, for people; null where it was given none */
  filename: z.string().nullable(),
  content_type: z.string(),
  bytes: z.int(),
  /** of its bytes, in hex */
  sha256: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  urls: z.object({ get: z.url(), content: z.url() }),
})
export type StoredFile = z.infer<typeof fileSchema>

/** What is kept of a file in Redis. Times are ms. */
const aboutSchema = z.object({
  owner: z.string(),
  filename: z.string().nullable(),
  contentType: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  /** id of the one that has its bytes */
  storage: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
})
export type FileAbout = z.infer<typeof aboutSchema>
export type FileRecord = FileAbout & { id: string }

export const parseFile = (id: string, about: string): FileRecord => ({
  id,
  ...aboutSchema.parse(JSON.parse(about)),
})

const idPattern = new RegExp(`^file-[${idAlphabet}]{${idSuffixLength}}$`)

/** Whether a text may be the id of a file. Only then may it be a part of a name in the storage. */
export const isFileId = (text: string) => idPattern.test(text)

/** What is of a file in the storage begins with this. */
export const filePrefix = (id: string) => `files/${id}/`

/** Where its bytes are in the storage. */
export const fileContentName = (id: string) => `${filePrefix(id)}content`

export const filePath = (id: string) => `/v1/files/${id}`

/** The resource. `publicUrl` has no slash at its end. */
export const showFile = (file: FileRecord, { publicUrl }: { publicUrl: string }): StoredFile => ({
  object: 'file',
  id: file.id,
  filename: file.filename,
  content_type: file.contentType,
  bytes: file.bytes,
  sha256: file.sha256,
  created_at: new Date(file.createdAt).toISOString(),
  expires_at: new Date(file.expiresAt).toISOString(),
  urls: { get: `${publicUrl}${filePath(file.id)}`, content: `${publicUrl}${filePath(file.id)}/content` },
})
