const maxCharacters = 255

/**
 * A name that a file came with, fit to be shown: the last part of a path, without what is no character. It is never part of a
 * path here. Null where nothing is left.
 */
export const cleanFilename = (text: string | undefined): string | null => {
  const name = (text ?? '')
    .split(/[/\\]/)
    .at(-1)
    ?.toWellFormed()
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
  if (!name || name === '.' || name === '..') return null
  return name.slice(0, maxCharacters).toWellFormed()
}

/** A media type that can be given back as it is; the one of any bytes where there is none that can. */
export const cleanContentType = (text: string | undefined): string => {
  const type = text?.trim() ?? ''
  return type.length <= 255 && mediaType.test(type) ? type : 'application/octet-stream'
}

const token = String.raw`[\w!#$%&'*+.^|~-]+`
const mediaType = new RegExp(`^${token}/${token}( *; *${token}=(${token}|"[\\w !#-\\[\\]-~]*"))*$`)

/** Has a browser save it under its name (RFC 6266), and never show it. */
export const dispositionOf = (filename: string | null) => {
  if (filename === null) return 'attachment'
  const plain = filename.replaceAll(/[^ -~]|["%\\]/gu, '_')
  const encoded = encodeURIComponent(filename).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
