import type { Context } from '../../runtime/context.ts'
import { record, type Happening } from '../../runtime/ledger.ts'
import { notValid } from '../../runtime/request-body.ts'
import type { RequestProblem } from '../../runtime/problem.ts'

export interface Refusal {
  /** For the ledger: a word. */
  reason: string
  /** What is wrong with the request, and what must hold. */
  field: string
  rule: string
}

/** Records that somebody did not show who they are. @returns what they are answered */
export const refuse = async (
  context: Context,
  happening: Pick<Happening, 'action' | 'subject' | 'tenant'>,
  { reason, field, rule }: Refusal,
): Promise<RequestProblem> => {
  await record(context, [{ ...happening, kind: 'authentication', outcome: 'denied', reason }])
  return notValid(422, [{ field, rule }])
}
