import { isLedgerFault, LedgerFault } from '@infinity-matrix/core/ledger'

const placed = (position: string, error: unknown): unknown =>
  isLedgerFault(error) ? new LedgerFault(`${position} ${error.position}`, error.what) : error

/** Faults of a part are told by where the part stands. */
export const within = <T>(position: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    throw placed(position, error)
  }
}

export const withinAsync = async <T>(position: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw placed(position, error)
  }
}
