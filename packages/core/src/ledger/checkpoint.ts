import { fromBase64, toBase64 } from '../shared/base64.ts'
import { hashBytes } from '../shared/merkle/index.ts'
import { utf8 } from '../shared/utf8.ts'
import { nameBytesMax } from './key.ts'
import { LedgerFault } from './ledger-fault.ts'
import { isKeyName } from './note.ts'

/**
 * The state of a log: how many entries it has, and the root over them.
 *
 * @see https://c2sp.org/tlog-checkpoint
 */
export interface Checkpoint {
  /** Which log it is: a URL without scheme. */
  origin: string
  size: number
  root: Uint8Array
  /** Further lines, that no monitor can check and a post-quantum signature does not cover: ours have none. */
  extensions: readonly string[]
}

const isDecimal = /^(?:0|[1-9]\d*)$/

/** A number as logs write it: digits without zeros in front. @throws LedgerFault */
export const parseDecimal = (text: string, position: string): number => {
  const number = isDecimal.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(number))
    throw new LedgerFault(position, 'is no decimal number of 0 to 2^53 - 1 without zeros in front')
  return number
}

/** A hash as logs write it. @throws LedgerFault */
export const parseHash = (text: string, position: string): Uint8Array => {
  const hash = fromBase64(text)
  if (hash?.length !== hashBytes) throw new LedgerFault(position, `is no base64 of a hash of ${hashBytes} bytes`)
  return hash
}

/** Reads the text of a checkpoint's note. @throws LedgerFault naming the line */
export const parseCheckpoint = (text: string): Checkpoint => {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new LedgerFault(`line ${lines.length + 1}`, 'does not end with a newline')
  const [origin, size, root, ...extensions] = lines
  if (origin === undefined || size === undefined || root === undefined)
    throw new LedgerFault(`line ${lines.length + 1}`, 'a checkpoint has three lines: origin, size and root')
  assertOrigin(origin, 'line 1')
  const empty = extensions.indexOf('')
  if (empty >= 0) throw new LedgerFault(`line ${4 + empty}`, 'a line of a checkpoint is not empty')
  return { origin, size: parseDecimal(size, 'line 2'), root: parseHash(root, 'line 3'), extensions }
}

const assertOrigin = (origin: string, position: string) => {
  if (!isKeyName(origin) || utf8(origin).length > nameBytesMax)
    throw new LedgerFault(position, `an origin has 1 to ${nameBytesMax} bytes, no space and no plus`)
}

/** @throws LedgerFault where it is no checkpoint that `parseCheckpoint` reads */
export const formatCheckpoint = ({ origin, size, root, extensions }: Checkpoint): string => {
  const text = [origin, String(size), toBase64(root), ...extensions, ''].join('\n')
  parseCheckpoint(text)
  return text
}
