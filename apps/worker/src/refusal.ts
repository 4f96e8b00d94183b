/** A model version that can't be served. The message is the sentence that the model's card shows. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
