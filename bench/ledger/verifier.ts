// The verifier on a log in memory, beside the SHA-256 that nobody can do without: of every entry and every node over them.
import { generateKeyPairSync, hash, sign } from 'node:crypto'
import type { LedgerEntry } from '@infinity-matrix/contracts'
import { canonicalJson } from '@infinity-matrix/core/canonical-json'
import { formatVerifierKey, signCheckpoint, verifierKey, type Signer } from '@infinity-matrix/core/ledger'
import {
  edgeRoot,
  emptyEdge,
  entryBundle,
  grow,
  joined,
  leafHash,
  tileAt,
  tilePath,
  tilesOfLevel,
} from '@infinity-matrix/core/merkle'
import { policyOfKeys, sha256, verifyLog, verifySignature, type LogFiles } from '@infinity-matrix/verifier'
import { v7 } from 'uuid'
import { ratesPerSecond, row, type Row } from '../measure.ts'

const count = 100_000
const origin = 'bench.example/ledger'

const entryOf = (number: number): Buffer =>
  Buffer.from(
    canonicalJson({
      version: 1,
      id: v7({ seq: number }),
      time: new Date().toISOString(),
      kind: 'authorisation',
      action: 'role-granted',
      actor: { kind: 'person', id: `user-${number % 1000}-Zk3uYq1pT5e0n2bVq8wL` },
      tenant: 'acme-robotics',
      subject: `members/acme-robotics/user-${number % 500}`,
      outcome: 'allowed',
      reason: 'policy/members.write',
      trace: '4bf92f3577b34da6a3ce929d0e0e4736',
      details: { role: 'editor', status: 200 },
      commitments: { email: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg' },
    } satisfies LedgerEntry),
  )

const newSigner = (): Signer => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { key: verifierKey(sha256, origin, 'ed25519', raw), sign: (message) => sign(null, message, privateKey) }
}

/** An exported log in memory. */
const exported = async (entries: readonly Buffer[], signer: Signer): Promise<LogFiles> => {
  const files = new Map<string, Uint8Array>()
  const growth = grow(sha256, emptyEdge, joined(entries.map((entry) => leafHash(sha256, entry))))
  for (const { tile, bytes } of growth.tiles) files.set(tilePath(tile), bytes)
  for (const { index, width } of tilesOfLevel('entries', entries.length))
    files.set(
      tilePath(tileAt('entries', index, entries.length)),
      entryBundle(entries.slice(index * 256, index * 256 + width)),
    )
  const checkpoint = { origin, size: entries.length, root: edgeRoot(sha256, growth.edge), extensions: [] }
  files.set('checkpoint', Buffer.from(await signCheckpoint(checkpoint, [signer], 0)))
  return { paths: [...files.keys()], read: (path) => files.get(path) ?? new Uint8Array() }
}

export const verifierRows = async (): Promise<Row[]> => {
  const entries = Array.from({ length: count }, (_, number) => entryOf(number))
  const leaves = entries.map((entry) => Buffer.concat([Buffer.of(0), entry]))
  const node = Buffer.alloc(65, 1)
  const signer = newSigner()
  const files = await exported(entries, signer)
  const policy = policyOfKeys([formatVerifierKey(signer.key)])
  const message = Buffer.from('a message of some length, such as a checkpoint has')
  const signature = await signer.sign(message)
  const hashing = (sha256Of: (data: Uint8Array) => unknown) => () => {
    for (const leaf of leaves) sha256Of(leaf)
    // As many nodes as leaves, but one.
    for (let nodes = 1; nodes < count; nodes++) sha256Of(node)
    return Promise.resolve()
  }
  const rates = await ratesPerSecond(
    { inFlight: 1, count: 1, size: count },
    {
      verifier: () => verifyLog(files, policy),
      hashing: hashing((data) => hash('sha256', data, 'buffer')),
      hashingToText: hashing((data) => hash('sha256', data, 'binary')),
    },
  )
  const { ed25519 } = await ratesPerSecond(
    { inFlight: 1, count: 2000 },
    {
      ed25519: () => {
        if (!verifySignature('ed25519', signer.key.publicKey, message, signature)) throw new Error('not verified')
        return Promise.resolve()
      },
    },
  )
  return [
    row(
      'bar 0.5: verifier, beside SHA-256 of leaves and nodes by node:crypto',
      rates.verifier,
      'entries/s',
      rates.hashing,
    ),
    row('... beside digests that node:crypto makes as texts', rates.verifier, 'entries/s', rates.hashingToText),
    row('Ed25519 verifies of the same run', ed25519, 'verifies/s'),
    row('bytes of an entry', leaves.reduce((sum, { length }) => sum + length - 1, 0) / count, 'B'),
  ]
}
