const decoder = new TextDecoder()

/** The text of bytes that are UTF-8, without the byte order mark that some clients begin with. */
export const decodeUtf8 = (bytes: Uint8Array) => decoder.decode(bytes)
