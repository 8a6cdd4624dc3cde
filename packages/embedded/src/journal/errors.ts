/**
 * What can be wrong with a journal. `locked`: another engine has the folder. `damaged`: what was once written is not
 * all there, and the message says where. `foreign`: the folder holds another kind of journal, or another version of it.
 * `unusable`: the system refuses to read or write, its reason being the cause.
 */
export type JournalProblem = 'locked' | 'damaged' | 'foreign' | 'unusable'

export class JournalError extends Error {
  readonly code = 'journal'
  readonly problem: JournalProblem

  constructor(problem: JournalProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.problem = problem
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it is not a folder',
}

/** An error of the system, said in words: `cannot {what}: {reason}`. Any other error comes out as it is. */
export const unusable = (what: string, error: unknown): unknown => {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof JournalError || typeof code !== 'string') return error
  return new JournalError('unusable', `cannot ${what}: ${REASONS[code] ?? (error as Error).message}`, error)
}
