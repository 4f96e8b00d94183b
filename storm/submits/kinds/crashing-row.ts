import { models, poisonRow } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

/** A row that ends its executor: it alone is to fail for it. Rare, for a version that meets many of them rests. */
export const crashingRow: SubmitKind = {
  name: 'a row that crashes',
  weight: 0.1,
  run: (turn) => turn.submit(turn.open(askOne(models.echo.name, poisonRow))),
}
