import type { DeadLetterDocument } from '@infinity-matrix/contracts'

/** What decisions about a letter read and change. */
export type LetterLife = Pick<DeadLetterDocument, 'life' | 'attempts'>

/** `next`: the letter after it; `unchanged`: that is so already; `refused`: it cannot be, for the reason told. */
export type Decided = { kind: 'next'; letter: LetterLife } | { kind: 'unchanged' } | { kind: 'refused'; rule: string }

const unchanged: Decided = { kind: 'unchanged' }
const refused = (rule: string): Decided => ({ kind: 'refused', rule })
const next = (life: LetterLife['life'], attempts: number): Decided => ({ kind: 'next', letter: { life, attempts } })

interface Publication {
  /** Whether what corrects the letter is published, in place of its own bytes. */
  corrected: boolean
  /** The replay of many letters that it belongs to. */
  by: string | null
  now: string
}

/**
 * Before a letter is published again. One that was left `replaying`, by a worker that died, is taken up as it was begun:
 * publishing it twice is harmless, publishing it never is not.
 *
 * @param publication `now` in UTC with milliseconds
 */
export const beginPublication = ({ life, attempts }: LetterLife, publication: Publication): Decided => {
  const { corrected, by, now } = publication
  switch (life.status) {
    case 'open':
      return next({ status: 'replaying', since: now, corrected, by }, attempts + 1)
    case 'replaying':
      return corrected && !life.corrected
        ? refused('is being replayed, and can be fixed when that has ended')
        : next({ ...life, since: now }, attempts)
    case 'replayed':
    case 'fixed':
      return corrected ? refused(`is ${life.status} already: reopen it first`) : unchanged
    case 'discarded':
      return refused('is discarded: reopen it first')
    default:
      return life satisfies never
  }
}

/** After it was published. It may have died again meanwhile, and then stays as that left it. */
export const endPublication = ({ life, attempts }: LetterLife, now: string): Decided => {
  if (life.status !== 'replaying') return unchanged
  return next(life.corrected ? { status: 'fixed', at: now } : { status: 'replayed', at: now, by: life.by }, attempts)
}

/** The same bytes were refused again. */
export const dieAgain = ({ life, attempts }: LetterLife): Decided =>
  life.status === 'replayed' || (life.status === 'replaying' && !life.corrected)
    ? next({ status: 'open' }, attempts)
    : unchanged

export const discard = ({ life, attempts }: LetterLife, reason: string, now: string): Decided => {
  if (life.status === 'open') return next({ status: 'discarded', at: now, reason }, attempts)
  return life.status === 'discarded' ? unchanged : refused(`is ${life.status}, and only an open letter is discarded`)
}

/** So that a letter that was seen to can be replayed, fixed or discarded once more. */
export const reopen = ({ life, attempts }: LetterLife): Decided => {
  if (life.status === 'open') return unchanged
  return life.status === 'replaying' ? refused('is being replayed') : next({ status: 'open' }, attempts)
}
