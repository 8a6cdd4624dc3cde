import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { JournalError } from './errors.ts'

// SQLite's result codes, https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5

/**
 * Takes a folder for this process alone, until the returned function is called or the process ends in whatever way: the
 * lock is the system's own, on an empty SQLite database, which is how Node gives access to such locks everywhere.
 * Throws `JournalError`.
 */
export const lockFolder = (folder: string): (() => void) => {
  try {
    const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
    try {
      database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      database.close()
      throw error
    }
    return () => database.close()
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new JournalError('locked', `${folder} is in use by another engine`, error)
    }
    throw new JournalError('unusable', `cannot lock ${folder}: ${(error as Error).message}`, error)
  }
}
