import { createHash } from 'node:crypto'
import type { GitAnchor } from '@infinity-matrix/contracts'
import { LedgerFault } from '@infinity-matrix/core/ledger'

type Algorithm = 'sha1' | 'sha256'

const idOf = (algorithm: Algorithm, type: 'blob' | 'tree' | 'commit', content: Uint8Array): string =>
  createHash(algorithm).update(`${type} ${content.length}\0`).update(content).digest('hex')

/**
 * Follows a file from its content to the commit: its id stands in its folder's tree, the tree's id in the one above, and
 * the root's in the commit. As strong as the repository's hash, which is SHA-1 unless it was made with SHA-256.
 *
 * @see https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
 * @throws LedgerFault naming where the way breaks
 */
export const verifyGitAnchor = ({ checkpoint, evidence }: GitAnchor): { id: string; timeSeconds: number } => {
  const commit = Buffer.from(evidence.commit, 'base64')
  const header = /^tree ([0-9a-f]{40}|[0-9a-f]{64})\n/.exec(commit.toString('latin1'))?.[1]
  if (header === undefined) throw new LedgerFault('evidence.commit', 'does not begin with the id of a tree')
  const algorithm = header.length === 40 ? 'sha1' : 'sha256'
  const names = evidence.path.split('/')
  if (names.length !== evidence.trees.length)
    throw new LedgerFault('evidence.trees', `a file in ${evidence.path} needs ${names.length} trees`)
  let id = header
  for (const [at, name] of names.entries()) {
    const position = `evidence.trees.${at}`
    const tree = Buffer.from(evidence.trees[at] ?? '', 'base64')
    if (idOf(algorithm, 'tree', tree) !== id) throw new LedgerFault(position, `is not the tree ${id}`)
    const isFile = at === names.length - 1
    const found = entriesOf(tree, header.length / 2, position).find((entry) => entry.name === name)
    if (!found || isFile !== fileModes.has(found.mode))
      throw new LedgerFault(position, `holds no ${isFile ? 'file' : 'folder'} ${name}`)
    id = found.id
  }
  if (idOf(algorithm, 'blob', Buffer.from(checkpoint)) !== id)
    throw new LedgerFault('checkpoint', `is not the file ${id} of the commit`)
  return { id: idOf(algorithm, 'commit', commit), timeSeconds: commitTime(commit) }
}

const fileModes = new Set(['100644', '100755'])

/** The entries of a tree: mode, space, name, a byte of zero, and the id in binary. */
const entriesOf = (tree: Buffer, idBytes: number, position: string) => {
  const entries: { mode: string; name: string; id: string }[] = []
  for (let offset = 0; offset < tree.length;) {
    const space = tree.indexOf(' ', offset)
    const end = tree.indexOf(0, space)
    if (space < 0 || end < 0 || end + 1 + idBytes > tree.length) throw new LedgerFault(position, 'is no whole tree')
    entries.push({
      mode: tree.toString('latin1', offset, space),
      name: tree.toString('utf8', space + 1, end),
      id: tree.toString('hex', end + 1, end + 1 + idBytes),
    })
    offset = end + 1 + idBytes
  }
  return entries
}

const commitTime = (commit: Buffer): number => {
  const [headers = ''] = commit.toString('utf8').split('\n\n')
  const time = /^committer .* (\d{1,12}) [+-]\d{4}$/m.exec(headers)?.[1]
  if (time === undefined) throw new LedgerFault('evidence.commit', 'has no time of its committer')
  return Number(time)
}
