/** What is wrong with a log or a piece of it, and where: a line, an entry, the path of a tile. */
export class LedgerFault extends Error {
  readonly code = 'ledger-fault'
  readonly position: string
  readonly what: string

  constructor(position: string, what: string) {
    super(`${position}: ${what}`)
    this.name = 'LedgerFault'
    this.position = position
    this.what = what
  }
}

export const isLedgerFault = (error: unknown): error is LedgerFault =>
  error instanceof Error && 'code' in error && error.code === 'ledger-fault'
