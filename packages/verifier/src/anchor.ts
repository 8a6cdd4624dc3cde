import { Anchor } from '@infinity-matrix/contracts'
import { LedgerFault } from '@infinity-matrix/core/ledger'
import { verifyGitAnchor } from './git-anchor.ts'

/**
 * Where a checkpoint was found to be. That the commit, or the block, is one that others have is for them to say: who has
 * the repository or a node of the chain compares the id.
 */
export interface Anchored {
  kind: Anchor['kind']
  /** The id of the commit, or the hash of the block. */
  id: string
  /** When the commit or the block says that it was made. */
  timeSeconds: number
}

/** Reads an anchor. @throws LedgerFault naming the field */
export const parseAnchor = (text: string): Anchor => {
  const result = Anchor.safeParse(jsonOf(text))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new LedgerFault(issue?.path.join('.') || 'anchor', issue?.message ?? 'is not of its schema')
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new LedgerFault('anchor', `is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Verifies that an anchor's evidence leads from its checkpoint to a commit or a block. @throws LedgerFault */
export const verifyAnchor = async (anchor: Anchor): Promise<Anchored> => {
  switch (anchor.kind) {
    case 'git':
      return { kind: 'git', ...verifyGitAnchor(anchor) }
    case 'evm': {
      // Whoever has no such anchors has no need of what it depends on.
      const { verifyEvmAnchor } = await import('./evm-anchor.ts')
      return { kind: 'evm', ...(await verifyEvmAnchor(anchor)) }
    }
  }
}
