// A log in memory as an export of one is on disk, made without what verifies it.
import { generateKeyPairSync, sign } from 'node:crypto'
import type { LedgerEntry } from '@infinity-matrix/contracts'
import { canonicalJson } from '@infinity-matrix/core/canonical-json'
import {
  formatVerifierKey,
  LedgerFault,
  signCheckpoint,
  verifierKey,
  type SignatureKind,
  type Signer,
} from '@infinity-matrix/core/ledger'
import {
  edgeRoot,
  emptyEdge,
  entryBundle,
  grow,
  joined,
  leafHash,
  tilePath,
  tilesOfLevel,
} from '@infinity-matrix/core/merkle'
import type { LogFiles } from './log-files.ts'
import { sha256 } from './sha256.ts'

export const testOrigin = 'log.example/ledger'
export const timeSeconds = 1_790_000_000

export const newSigner = (name: string, kind: SignatureKind): Signer => {
  const { publicKey, privateKey } =
    kind === 'ml-dsa-44' ? generateKeyPairSync('ml-dsa-44') : generateKeyPairSync('ed25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const key = verifierKey(sha256, name, kind, spki.subarray(kind === 'ml-dsa-44' ? -1312 : -32))
  return { key, sign: (message) => sign(null, message, privateKey) }
}

/** An entry of a number, as text. */
export const testEntry = (number: number, change: Partial<LedgerEntry> = {}): string =>
  canonicalJson({
    version: 1,
    id: `019ac7a0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
    time: new Date(timeSeconds * 1000 + number).toISOString(),
    kind: 'change',
    action: 'agent-changed',
    actor: { kind: 'person', id: `u-${number % 7}` },
    tenant: 'acme',
    subject: `agents/a-${number % 13}`,
    outcome: 'done',
    reason: null,
    trace: null,
    details: { number, note: number % 5 === 0 ? 'grüß dich' : 'plain', share: number % 3 === 0 ? 0.5 : 1 },
    commitments: {},
    ...change,
  } satisfies LedgerEntry)

export interface TestLog {
  files: Map<string, Uint8Array>
  policy: string
  signers: Signer[]
}

/** The files of a log of these entries, with a checkpoint at each of the sizes besides its last. */
export const testLog = async (
  entries: readonly string[],
  earlierSizes: readonly number[] = [],
  signers = [newSigner(testOrigin, 'ed25519'), newSigner(testOrigin, 'ml-dsa-44')],
): Promise<TestLog> => {
  const files = new Map<string, Uint8Array>()
  const bytes = entries.map((entry) => Buffer.from(entry))
  let edge = emptyEdge
  for (const size of [...earlierSizes, entries.length]) {
    const first = Math.floor(edge.size / 256)
    const added = bytes.slice(edge.size, size).map((entry) => leafHash(sha256, entry))
    const growth = grow(sha256, edge, joined(added))
    edge = growth.edge
    for (const tile of growth.tiles) files.set(tilePath(tile.tile), tile.bytes)
    for (const tile of [...tilesOfLevel('entries', size)].slice(first))
      files.set(tilePath(tile), entryBundle(bytes.slice(tile.index * 256, tile.index * 256 + tile.width)))
    const checkpoint = { origin: testOrigin, size, root: edgeRoot(sha256, edge), extensions: [] }
    const published = Buffer.from(await signCheckpoint(checkpoint, signers, timeSeconds))
    files.set(size === entries.length ? 'checkpoint' : `checkpoints/${size}`, published)
  }
  const policy = `${signers.map(({ key }) => `log ${formatVerifierKey(key)}\n`).join('')}quorum none\n`
  files.set('policy', Buffer.from(policy))
  return { files, policy, signers }
}

export const filesOf = (files: ReadonlyMap<string, Uint8Array>): LogFiles => ({
  paths: [...files.keys()].sort(),
  read: (path) => {
    const bytes = files.get(path)
    if (!bytes) throw new LedgerFault(path, 'is missing')
    return bytes
  },
})
