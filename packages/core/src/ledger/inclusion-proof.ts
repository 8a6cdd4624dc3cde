import { fromBase64, toBase64 } from '../shared/base64.ts'
import { parseDecimal, parseHash } from './checkpoint.ts'
import { LedgerFault } from './ledger-fault.ts'

/**
 * That an entry is in the log, in a file of its own.
 *
 * @see https://c2sp.org/tlog-proof
 */
export interface InclusionProof {
  index: number
  proof: readonly Uint8Array[]
  /** The entry, where the file holds it: what comes as `extra` there. Whoever has the entry needs it not. */
  entry: Uint8Array | null
  /** As it was published. */
  checkpoint: string
}

const header = 'c2sp.org/tlog-proof@v1'
/** The extension of such a file's name. */
export const inclusionProofExtension = '.tlog-proof'
const hashesMax = 63

/** Reads an inclusion proof. @throws LedgerFault naming the line */
export const parseInclusionProof = (text: string): InclusionProof => {
  const end = text.indexOf('\n\n')
  if (end < 0) throw new LedgerFault('proof', 'has no empty line between the hashes and the checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  if (first !== header) throw new LedgerFault('line 1', `is not ${header}`)
  const extra = lines[0]?.startsWith('extra ') ? lines.shift() : undefined
  const entry = extra === undefined ? null : fromBase64(extra.slice('extra '.length))
  if (entry === undefined) throw new LedgerFault('line 2', 'is not base64 with padding in its one right form')
  const lineOfIndex = extra === undefined ? 2 : 3
  const [index, ...hashes] = lines
  if (!index?.startsWith('index ')) throw new LedgerFault(`line ${lineOfIndex}`, 'is written index <number>')
  if (hashes.length > hashesMax)
    throw new LedgerFault('proof', `has ${hashes.length} hashes, and none needs more than ${hashesMax}`)
  return {
    index: parseDecimal(index.slice('index '.length), `line ${lineOfIndex}`),
    proof: hashes.map((hash, at) => parseHash(hash, `line ${lineOfIndex + 1 + at}`)),
    entry,
    checkpoint: text.slice(end + 2),
  }
}

export const formatInclusionProof = ({ index, proof, entry, checkpoint }: InclusionProof): string =>
  [
    header,
    ...(entry === null ? [] : [`extra ${toBase64(entry)}`]),
    `index ${index}`,
    ...proof.map(toBase64),
    '',
    checkpoint,
  ].join('\n')
