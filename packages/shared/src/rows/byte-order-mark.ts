const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** How many bytes of a text in UTF-8 are its byte order mark: none, or three. */
export const byteOrderMarkLength = (head: Buffer) =>
  head.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0
