import {
  LedgerFault,
  openCheckpoint,
  type Policy,
  type SignedBy,
  type SignedCheckpoint,
} from '@infinity-matrix/core/ledger'
import {
  entryRanges,
  hashBytes,
  parseTilePath,
  tileAt,
  tilePath,
  treeRoot,
  type Tile,
} from '@infinity-matrix/core/merkle'
import { parseAnchor, verifyAnchor, type Anchored } from './anchor.ts'
import { textOf, type LogFiles } from './log-files.ts'
import { sha256 } from './sha256.ts'
import { readPolicy } from './trust.ts'
import { verifySignature } from './verify-signature.ts'
import { storedTiles, verifyTree } from './verify-tree.ts'
import { within, withinAsync } from './within.ts'

/** What was found of a log that is whole. */
export interface VerifiedLog {
  origin: string
  entries: number
  root: Uint8Array
  signedBy: SignedBy[]
  /** Earlier checkpoints of the log that this one extends. */
  earlierCheckpoints: number
  anchors: (Anchored & { path: string; size: number })[]
  /** Whether the keys came from elsewhere than the folder: who replaces a folder replaces its keys. */
  areKeysGiven: boolean
}

const checkpointPath = 'checkpoint'
const policyPath = 'policy'
const anchorPath = /^anchors\/[^/]+\.json$/
const earlierPath = /^checkpoints\/(0|[1-9]\d*)$/

/**
 * Verifies an exported log, every byte of it: its signatures, its entries, all hashes over them, its earlier checkpoints.
 * Files that a log does not have are refused.
 *
 * @param given whom to believe; without it the folder's own file `policy` says so
 * @throws LedgerFault naming where the first fault was found
 */
export const verifyLog = async (files: LogFiles, given?: Policy): Promise<VerifiedLog> => {
  const policy = given ?? policyOf(files)
  const head = openHead(files, policy)
  const { origin, size, root } = head.checkpoint
  const earlier = pathsOf(files, size)
  await verifyTree(files, head.checkpoint)
  for (const tile of earlier.tiles) verifyEarlierTile(files, tile, size)
  for (const path of earlier.checkpoints) await verifyEarlier(files, policy, head, path)
  const anchors: VerifiedLog['anchors'] = []
  for (const path of earlier.anchors) anchors.push({ path, ...(await verifyAnchorFile(files, policy, head, path)) })
  return {
    origin,
    entries: size,
    root,
    signedBy: head.signedBy,
    earlierCheckpoints: earlier.checkpoints.length,
    anchors,
    areKeysGiven: given !== undefined,
  }
}

const policyOf = (files: LogFiles) => readPolicy(textOf(files.read(policyPath), policyPath))

const openHead = (files: LogFiles, policy: Policy): SignedCheckpoint => {
  const text = textOf(files.read(checkpointPath), checkpointPath)
  return within(checkpointPath, () => openWith(policy, text))
}

const openOf = ({ logs, witnesses }: Policy, published: string): SignedCheckpoint => {
  const origin = published.slice(0, published.indexOf('\n'))
  const logKeys = logs.filter(({ name }) => name === origin)
  if (logKeys.length === 0) throw new LedgerFault('line 1', `${origin} is none of the logs whose keys are known`)
  return openCheckpoint(verifySignature, published, logKeys, witnesses)
}

/** Opens a checkpoint that is to be believed under a policy. @throws LedgerFault */
export const openWith = (policy: Policy, published: string): SignedCheckpoint => {
  const opened = openOf(policy, published)
  if (!policy.isQuorum(opened.signedBy))
    throw new LedgerFault('note', `too few witnesses have signed: the quorum is ${policy.quorum}`)
  return opened
}

/** Sorts the files into those of the log, of which only what is not read anyway is returned. */
const pathsOf = (files: LogFiles, size: number) => {
  const tiles: Tile[] = []
  const checkpoints: string[] = []
  const anchors: string[] = []
  for (const path of files.paths) {
    if (path === checkpointPath || path === policyPath) continue
    if (earlierPath.test(path)) checkpoints.push(path)
    else if (anchorPath.test(path)) anchors.push(path)
    else tiles.push(...earlierTiles(path, size))
  }
  return { tiles, checkpoints, anchors }
}

/** The tile of a path, if it is one from when it was less full. @throws LedgerFault for what a log does not have */
const earlierTiles = (path: string, size: number): Tile[] => {
  const tile = parseTilePath(path)
  if (!tile) throw new LedgerFault(path, 'is no file that a log has')
  const { width } = tileAt(tile.level, tile.index, size)
  if (tile.width > width) throw new LedgerFault(path, `is no tile of a log of ${size} entries`)
  return tile.width < width ? [tile] : []
}

/** A tile from when it was less full is how the fuller one begins. */
const verifyEarlierTile = (files: LogFiles, { level, index, width }: Tile, size: number) => {
  const path = tilePath({ level, index, width })
  const later = tilePath(tileAt(level, index, size))
  const whole = files.read(later)
  const begun = whole.subarray(0, level === 'entries' ? bundleBytes(whole, width) : width * hashBytes)
  if (Buffer.compare(files.read(path), begun) !== 0) throw new LedgerFault(path, `is not how ${later} begins`)
}

/** How many bytes the first entries of a bundle take. */
const bundleBytes = (bundle: Uint8Array, count: number): number => {
  let bytes = 0
  let seen = 0
  for (const { end } of entryRanges(bundle)) {
    if (seen++ === count) break
    bytes = end
  }
  return bytes
}

const verifyEarlier = async (files: LogFiles, policy: Policy, head: SignedCheckpoint, path: string) => {
  const size = await sizeOfEarlier(files, policy, head, textOf(files.read(path), path), path)
  if (path !== `checkpoints/${size}`)
    throw new LedgerFault(`${path} line 2`, `the size, ${size}, is not that of the file's name`)
}

const verifyAnchorFile = async (files: LogFiles, policy: Policy, head: SignedCheckpoint, path: string) => {
  const text = textOf(files.read(path), path)
  const anchor = within(path, () => parseAnchor(text))
  const size = await sizeOfEarlier(files, policy, head, anchor.checkpoint, `${path} checkpoint`)
  return { size, ...(await withinAsync(path, () => verifyAnchor(anchor))) }
}

/**
 * The size of an earlier checkpoint, which is of the first entries of the log. Witnesses of today may not have been there.
 *
 * @throws LedgerFault where it is of another history
 */
const sizeOfEarlier = async (
  files: LogFiles,
  policy: Policy,
  head: SignedCheckpoint,
  published: string,
  position: string,
): Promise<number> => {
  const { checkpoint } = within(position, () => openOf(policy, published))
  const { origin, size } = head.checkpoint
  if (checkpoint.origin !== origin)
    throw new LedgerFault(`${position} line 1`, `is of another log, ${checkpoint.origin}`)
  if (checkpoint.size > size)
    throw new LedgerFault(
      position,
      `was signed of ${checkpoint.size} entries, and the log has but ${size}: it was cut short`,
    )
  const root = await treeRoot(sha256, storedTiles(files, size), checkpoint.size)
  if (Buffer.compare(root, checkpoint.root) !== 0)
    throw new LedgerFault(`${position} line 3`, `is not the root of the first ${checkpoint.size} entries: a split view`)
  return checkpoint.size
}
