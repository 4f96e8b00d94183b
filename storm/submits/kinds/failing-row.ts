import { badRow, models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

/** A row that makes the run fail that it is in: its mates must not. */
export const failingRow: SubmitKind = {
  name: 'a row that fails',
  weight: 2,
  run: (turn) => turn.submit(turn.open(askOne(models.throws.name, badRow))),
}
