import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { LedgerFault } from '@infinity-matrix/core/ledger'

/** The files of an exported log by their paths, with slashes. */
export interface LogFiles {
  paths: string[]
  /** @throws LedgerFault where there is no such file, or it is too large for one of a log */
  read: (path: string) => Uint8Array
}

/** A bundle of 256 entries of 65,535 bytes has less. */
const fileBytesMax = 2 ** 25

/** An exported log in a folder. @throws LedgerFault where it holds what is neither file nor folder */
export const openFolder = (folder: string): LogFiles => {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const paths = entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name).slice(folder.length).replaceAll(sep, '/').replace(/^\//, '')
    if (entry.isDirectory()) return []
    if (!entry.isFile()) throw new LedgerFault(path, 'is no file')
    return [path]
  })
  const known = new Set(paths)
  const read = (path: string) => {
    if (!known.has(path)) throw new LedgerFault(path, 'is missing')
    const { size } = lstatSync(join(folder, path))
    if (size > fileBytesMax)
      throw new LedgerFault(path, `has ${size} bytes, and no file of a log more than ${fileBytesMax}`)
    return readFileSync(join(folder, path))
  }
  return { paths: paths.sort(), read }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as text. @throws LedgerFault where they are not UTF-8 */
export const textOf = (bytes: Uint8Array, position: string): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new LedgerFault(position, 'is not UTF-8')
  }
}
