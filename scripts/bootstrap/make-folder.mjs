// Bare Node >= 20.19: the bootstrap uses it before anything is installed.

import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those that it is in, where they are missing. Node's own way, `recursive`, tries for ever where the system
 * says of a folder that it isn't there though what it would be in is, as /proc does.
 *
 * @param {string} folder
 * @param {{ mode?: number }} [options] `mode` of the folder itself
 */
export const makeFolder = (folder, options) => {
  const parent = dirname(folder)
  if (isFolder(folder)) return
  if (parent !== folder && !isThere(parent)) makeFolder(parent)
  try {
    mkdirSync(folder, options)
  } catch (err) {
    // another process may have made it meanwhile
    if (!isFolder(folder)) throw err
  }
}

/** @param {string} path */
const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** @param {string} path */
const isThere = (path) => statSync(path, { throwIfNoEntry: false }) !== undefined
