import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Anchorer } from '@infinity-matrix/anchors'
import type { GitAnchor } from '@infinity-matrix/contracts'
import { verifyAnchor } from '@infinity-matrix/verifier'

const run = promisify(execFile)

/** Git said no: the message is its own. */
export class NotAnchoredError extends Error {
  readonly code = 'not-anchored'
}

export interface GitPlace {
  /** A folder that git knows as a work tree. */
  repository: string
  /** The file in it, with slashes. */
  path: string
  /** To where its branch is pushed, if it is to be. */
  remote?: string
}

/**
 * Commits checkpoints to a repository. Who can push to it and nowhere else is trusted with nothing: what is anchored is
 * that others have the commit.
 *
 * @throws NotAnchoredError where git refuses
 */
export const gitAnchorer = ({ repository, path, remote }: GitPlace): Anchorer<never> => ({
  kind: 'git',
  advance: async (published) => {
    // What is stored are the bytes as they are, whatever the settings of the machine make of the ends of lines.
    const git = (...args: string[]) =>
      run('git', ['-c', 'core.autocrlf=false', ...args], { cwd: repository, encoding: 'buffer' }).then(
        ({ stdout }) => stdout,
        (error: unknown) => {
          throw new NotAnchoredError(error instanceof Error ? error.message.trim() : String(error))
        },
      )
    // Nothing is written where there is no work tree.
    await git('rev-parse', '--show-toplevel')
    await mkdir(dirname(join(repository, path)), { recursive: true })
    await writeFile(join(repository, path), published)
    await git('add', '--', path)
    const [origin, size] = published.split('\n')
    const isCommitted = (await git('status', '--porcelain', '--', path)).length === 0
    if (!isCommitted) await git('commit', '--quiet', '--only', '-m', `${origin} at ${size} entries`, '--', path)
    if (remote !== undefined) await git('push', '--quiet', remote, 'HEAD')
    const base64 = async (type: string, name: string) => (await git('cat-file', type, name)).toString('base64')
    const folders = path.split('/').map((_, at, names) => names.slice(0, at).join('/'))
    const anchor: GitAnchor = {
      kind: 'git',
      checkpoint: published,
      evidence: {
        commit: await base64('commit', 'HEAD'),
        trees: await Promise.all(folders.map((folder) => base64('tree', `HEAD:${folder}`))),
        path,
      },
    }
    await verifyAnchor(anchor)
    return anchor
  },
})
