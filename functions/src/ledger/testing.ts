// The log of a test: entries to append, sealers, and the whole log read back and looked through.
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import { collections, type LedgerEntry } from '@infinity-matrix/contracts'
import { canonicalJson } from '@infinity-matrix/core/canonical-json'
import { openCheckpoint } from '@infinity-matrix/core/ledger'
import {
  areEqual,
  leafHash,
  joined,
  parseEntryBundle,
  rootOf,
  tilesOfLevel,
  treeRoot,
} from '@infinity-matrix/core/merkle'
import { v7 as uuidv7 } from 'uuid'
import { createLeases } from '../runtime/lease.ts'
import { sha256 } from '../runtime/sha256.ts'
import { createIntake } from './intake.ts'
import { createLogReader } from './reader.ts'
import { createSealer } from './sealer.ts'
import { signersOf } from './signers/index.ts'
import { bytesOfPublicKey, verifySignature, type SigningKey } from './signers/signing-key.ts'
import { createLogStore } from './store.ts'

/** An entry's text, as it is appended. */
export const entryText = (fields: Partial<LedgerEntry> = {}): string =>
  canonicalJson({
    version: 1,
    id: uuidv7(),
    time: '2026-01-01T00:00:00.000Z',
    kind: 'change',
    action: 'agent-changed',
    actor: { kind: 'person', id: 'uid-1' },
    tenant: 'acme',
    subject: 'agents/a-1',
    outcome: 'done',
    reason: null,
    trace: null,
    details: {},
    commitments: {},
    ...fields,
  } satisfies LedgerEntry)

export const idOfText = (text: string): string => (JSON.parse(text) as LedgerEntry).id

/** Appends documents with some entries each, as functions do. @returns the ids of the entries */
export const append = async (firestore: Firestore, documents: readonly (readonly string[])[]): Promise<string[]> => {
  const batch = firestore.batch()
  for (const [index, entries] of documents.entries()) {
    const shard = ((index * 7919) % 256).toString(16).padStart(2, '0')
    batch.create(firestore.collection(collections.ledgerIntake).doc(`${shard}-${uuidv7()}`), {
      appendedAt: '2026-01-01T00:00:00.000Z',
      entries,
    })
  }
  await batch.commit()
  return documents.flat().map(idOfText)
}

export const newSigningKey = (kind: SigningKey['kind']): SigningKey => {
  const { publicKey, privateKey } = generateKeyPairSync(kind as 'ed25519')
  return {
    kind,
    publicKey: bytesOfPublicKey(kind, publicKey),
    sign: (message) => Promise.resolve(sign(null, message, privateKey)),
  }
}

export const testOrigin = 'log.example/test'
export const newSigners = () => signersOf(testOrigin, [newSigningKey('ed25519'), newSigningKey('ml-dsa-44')])
export type TestSigners = ReturnType<typeof newSigners>

/**
 * The whole log, each thing of it held against the others: tiles against entries, the tree against tiles, the checkpoint
 * against the tree.
 */
export const readWholeLog = async (firestore: Firestore, { keys }: TestSigners) => {
  const store = createLogStore(firestore, createLeases({ firestore, nowMs: Date.now }))
  const reader = createLogReader(firestore, store)
  const { tree, checkpoint } = await store.read()
  const texts: string[] = []
  for (const tile of tilesOfLevel('entries', tree.size)) {
    const bytes = await reader.tileOf(tree, tile)
    if (!bytes) throw new Error(`bundle ${tile.index} is missing`)
    texts.push(...parseEntryBundle(bytes, tile.width).map((leaf) => Buffer.from(leaf).toString('utf8')))
  }
  const leaves = texts.map((text) => leafHash(sha256, Buffer.from(text)))
  const root = leaves.length === 0 ? tree.root : rootOf(sha256, joined(leaves))
  if (!areEqual(root, tree.root)) throw new Error('the entries are not those of the tree')
  if (!areEqual(await treeRoot(sha256, reader.readFor(tree), tree.size), tree.root))
    throw new Error('the tiles are not those of the tree')
  const signed = checkpoint && openCheckpoint(verifySignature, checkpoint.text, keys)
  if (signed && signed.signedBy.length !== keys.length) throw new Error('a key has not signed')
  if (signed && !areEqual(signed.checkpoint.root, rootOf(sha256, joined(leaves.slice(0, signed.checkpoint.size)))))
    throw new Error('the checkpoint is of another tree')
  return { ids: texts.map(idOfText), texts, size: tree.size, signedSize: signed?.checkpoint.size ?? 0 }
}

/** Seals all that is appended. */
export const sealEverything = async (firestore: Firestore, signers: TestSigners): Promise<void> => {
  let atMs = Date.now()
  const nowMs = () => atMs
  const leases = createLeases({ firestore, nowMs })
  const sealer = createSealer({
    intake: createIntake(firestore, { refuse: () => Promise.reject(new Error('no entry')) }),
    store: createLogStore(firestore, leases),
    leases,
    sign: (tree) => signers.sign(tree, atMs),
    holder: uuidv7(),
    somewhere: () => '',
    nowMs,
    sleep: async (ms) => {
      atMs += ms
    },
  })
  // Its clock runs ahead of the real one, so the sealer before it may seem to hold the lease still.
  const ended = await sealer.wake(atMs + 60_000, { isPatient: true })
  if (ended !== 'idle') throw new Error(`sealing ended ${ended}`)
}
