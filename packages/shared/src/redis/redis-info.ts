/** A field of what `INFO` answers; undefined where this server doesn't have it. */
export const infoField = (info: string, name: string) =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
