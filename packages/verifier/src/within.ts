import { isLedgerFault, LedgerFault } from '@infinity-matrix/core/ledger'

/** Faults of a part are told by where the part stands. */
export const within = <T>(position: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (isLedgerFault(error)) throw new LedgerFault(`${position} ${error.position}`, error.what)
    throw error
  }
}
