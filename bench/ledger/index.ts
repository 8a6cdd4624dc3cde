// npm run bench -- ledger [--json]
import type { Row } from '../measure.ts'
import { foldOverhead } from './fold-overhead.ts'
import { proofRows } from './proofs.ts'
import { sealingRows } from './sealing.ts'
import { verifierRows } from './verifier.ts'

/** What is appended and sealed stands before what is proved of it. */
const parts = [foldOverhead, sealingRows, proofRows, verifierRows]

export const ledger = async (): Promise<Row[]> => {
  const rows: Row[] = []
  for (const part of parts) rows.push(...(await part()))
  return rows
}
