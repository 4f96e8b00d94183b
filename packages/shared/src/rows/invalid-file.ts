/** A file that no row can be read of. The message is a sentence for whoever sent it: what is wrong, where, and what to do. */
export class InvalidFile extends Error {
  override readonly name = 'InvalidFile'
}
