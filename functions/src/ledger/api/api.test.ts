import {
  collections,
  ConsistencyHashes,
  ConsistencyProof,
  LedgerEntriesPage,
  type LedgerEntry,
} from '@infinity-matrix/contracts'
import { fromBase64 } from '@infinity-matrix/core/base64'
import {
  cosign,
  formatNote,
  formatVerifierKey,
  openCheckpoint,
  parseInclusionProof,
  parseNote,
  verifierKey,
  type Signer,
} from '@infinity-matrix/core/ledger'
import {
  consistencyFault,
  inclusionFault,
  leafHash,
  parseEntryBundle,
  tilePath,
  treeRoot,
} from '@infinity-matrix/core/merkle'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { createApp } from '../../runtime/on-request.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { signedIn, startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { createLogReader } from '../reader.ts'
import { signersOf } from '../signers/index.ts'
import { verifySignature } from '../signers/signing-key.ts'
import { createLogStore } from '../store.ts'
import { append, entryText, newSigningKey, sealEverything, testOrigin } from '../testing.ts'
import { serveCheckpoints } from './checkpoints.ts'
import { serveEntries } from './entries.ts'
import { serveLog } from './log.ts'

let engines: LocalEngines
let shared: Context
let app: Awaited<ReturnType<typeof createApp>>
const logKey = newSigningKey('ed25519')
const signers = signersOf(testOrigin, [logKey, newSigningKey('ml-dsa-44')])
const witnessKey = newSigningKey('ed25519')
const witness: Signer = {
  key: verifierKey(sha256, 'witness.example', 'ed25519-cosignature', witnessKey.publicKey),
  sign: (message) => witnessKey.sign(message),
}
const texts: string[] = []

beforeAll(async () => {
  engines = await startLocalEngines('demo-ledger-api')
  shared = await context()
  const store = createLogStore(shared.firestore, createLeases(shared))
  const options = {
    store,
    reader: createLogReader(shared.firestore, store),
    keys: async () => ({ log: signers.keys, witnesses: [witness.key] }),
  }
  app = await createApp((routes) => {
    serveLog(routes, options)
    serveEntries(routes, shared.firestore, options)
    serveCheckpoints(routes, shared, options)
  })
  // Some bundles, of which one is joined, and one is in parts.
  for (const count of [200, 300, 60, 1, 7]) {
    const added = Array.from({ length: count }, (_, index) => [
      entryText({
        tenant: index % 3 === 0 ? 'other' : 'acme',
        subject: `agents/a-${index % 11}`,
        kind: index % 5 === 0 ? 'error' : 'change',
        actor: index % 2 === 0 ? { kind: 'person', id: 'p-1' } : { kind: 'agent', id: `a-${index % 4}` },
      }),
    ])
    texts.push(...added.flat())
    await append(shared.firestore, added)
    await sealEverything(shared.firestore, signers)
  }
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

const auditor = () => signedIn({ roles: { '*': 'admin' } })
const get = async (path: string, headers: Record<string, string> = {}) => app.request(path, { headers })
const bytesOf = async (path: string, headers?: Record<string, string>): Promise<Uint8Array> => {
  const response = await get(path, headers)
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
const checkpointNow = async () => {
  const text = await (await get('/checkpoint')).text()
  return { text, ...openCheckpoint(verifySignature, text, signers.keys).checkpoint }
}
const logFiles = async () => {
  const { size } = await checkpointNow()
  const tile = (level: number | 'entries', index: number, width: number) => `/${tilePath({ level, index, width })}`
  return { size, tile }
}
const entryOf = (text: string) => JSON.parse(text) as LedgerEntry

describe('the log', () => {
  it('is read by anybody as tlog-tiles has it: hashes that lead to the signed root', async () => {
    const { size, root } = await checkpointNow()
    expect(size).toBe(texts.length)
    const read = (tile: Parameters<typeof tilePath>[0]) => bytesOf(`/${tilePath(tile)}`)
    expect(Buffer.from(await treeRoot(sha256, read, size))).toEqual(Buffer.from(root))
    // And as it was before, when its last tiles were less full.
    await expect(treeRoot(sha256, read, 300)).resolves.toHaveLength(32)
  })

  it('tells caches what may be kept', async () => {
    const { tile } = await logFiles()
    expect((await get(tile(0, 0, 256))).headers.get('cache-control')).toContain('immutable')
    expect((await get('/checkpoint')).headers.get('cache-control')).toBe('public, max-age=1')
    expect((await get(tile('entries', 0, 256), auditor())).headers.get('cache-control')).toContain('private')
  })

  it('shows its entries to who may read those of all tenants', async () => {
    const { size, tile } = await logFiles()
    const sealed: string[] = []
    for (let index = 0; index * 256 < size; index++) {
      const width = Math.min(256, size - index * 256)
      const bundle = await bytesOf(tile('entries', index, width), auditor())
      sealed.push(...parseEntryBundle(bundle, width).map((leaf) => Buffer.from(leaf).toString()))
    }
    expect(sealed.toSorted()).toEqual(texts.toSorted())
    const first = parseEntryBundle(await bytesOf(tile('entries', 0, 10), auditor()), 10)
    expect(first.map((leaf) => Buffer.from(leaf).toString())).toEqual(sealed.slice(0, 10))
    expect((await get(tile('entries', 0, 256))).status).toBe(401)
    expect((await get(tile('entries', 0, 256), signedIn({ roles: { acme: 'admin' } }))).status).toBe(403)
  })

  it.each([
    '/tile/0/9',
    '/tile/0/x000/000',
    '/tile/64/000',
    '/tile/0/000.p/0',
    '/tile/0/000.p/256',
    '/tile/0/999',
    '/tile/0/002.p/255',
    '/tile/5/000',
  ])('has no %s', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  it('hands out its keys', async () => {
    const policy = await (await get('/v1/ledger/policy')).text()
    for (const key of signers.keys) expect(policy).toContain(`log ${formatVerifierKey(key)}\n`)
    expect(policy).toContain(`witness witness.example-4 ${formatVerifierKey(witness.key)}\n`)
  })
})

describe('entries', () => {
  const found = async (query: string, headers = auditor()) => {
    const entries: LedgerEntriesPage['entries'] = []
    for (let before = ''; ;) {
      const response = await get(`/v1/ledger/entries?${query}&limit=40${before}`, headers)
      const page = LedgerEntriesPage.parse(await response.json())
      entries.push(...page.entries)
      if (page.next === null) return entries
      before = `&before=${page.next}`
    }
  }

  it.each<[string, (entry: LedgerEntry) => boolean]>([
    ['', () => true],
    ['tenant=acme', ({ tenant }) => tenant === 'acme'],
    ['tenant=acme&kind=error', ({ tenant, kind }) => tenant === 'acme' && kind === 'error'],
    ['subject=agents/a-3', ({ subject }) => subject === 'agents/a-3'],
    [
      'tenant=other&subject=agents/a-3&kind=change',
      (one) => one.tenant === 'other' && one.subject === 'agents/a-3' && one.kind === 'change',
    ],
    ['actor=agent:a-1', ({ actor }) => actor.kind === 'agent' && actor.id === 'a-1'],
    ['subject=agents/nobody', () => false],
  ])('are found by %j, the newest first, each once', async (query, isWanted) => {
    const entries = await found(query)
    const wanted = texts.map(entryOf).filter(isWanted)
    expect(entries.map(({ entry }) => entry.id).toSorted()).toEqual(wanted.map(({ id }) => id).toSorted())
    expect(entries.map(({ index }) => index)).toEqual(entries.map(({ index }) => index).toSorted((a, b) => b - a))
  })

  it('of a tenant are all that its admins see', async () => {
    const entries = await found('', signedIn({ roles: { acme: 'admin' } }))
    expect(new Set(entries.map(({ entry }) => entry.tenant))).toEqual(new Set(['acme']))
    expect((await get('/v1/ledger/entries?tenant=other', signedIn({ roles: { acme: 'admin' } }))).status).toBe(404)
    expect((await get('/v1/ledger/entries', signedIn({ roles: { acme: 'viewer' } }))).status).toBe(403)
  })

  it.each(['limit=0', 'limit=201', 'before=-1', 'kind=none', 'actor=p', 'colour=red'])(
    'are not asked for by %s',
    async (query) => {
      expect((await get(`/v1/ledger/entries?${query}`, auditor())).status).toBe(400)
    },
  )
})

describe('a proof', () => {
  it('that an entry is in the log needs nothing but the keys', async () => {
    for (const text of texts.filter((_, index) => index % 97 === 0 || index === texts.length - 1)) {
      const response = await get(`/v1/ledger/proofs/inclusion?entry=${entryOf(text).id}`, auditor())
      const { index, proof, entry, checkpoint } = parseInclusionProof(await response.text())
      expect(Buffer.from(entry ?? []).toString()).toBe(text)
      const { size, root } = openCheckpoint(verifySignature, checkpoint, signers.keys).checkpoint
      const hash = leafHash(sha256, Buffer.from(text))
      expect(inclusionFault(sha256, { index, hash, size, root, proof })).toBeUndefined()
      expect(inclusionFault(sha256, { index: index === 0 ? 1 : index - 1, hash, size, root, proof })).toBeDefined()
    }
  })

  it("of another tenant's entry looks as if there were none", async () => {
    const other = texts.map(entryOf).find(({ tenant }) => tenant === 'other')
    const acme = signedIn({ roles: { acme: 'admin' } })
    const answers = await Promise.all(
      [other?.id, '019ac7a0-0000-7000-8000-000000000000'].map((id) =>
        get(`/v1/ledger/proofs/inclusion?entry=${id}`, acme),
      ),
    )
    const [theirs, none] = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))
    expect(theirs).toEqual(none)
    const own = texts.map(entryOf).find(({ tenant }) => tenant === 'acme')
    expect((await get(`/v1/ledger/proofs/inclusion?entry=${own?.id}`, acme)).status).toBe(200)
    expect(none?.[0]).toBe(404)
  })

  it('that the log extends an earlier one is for everybody', async () => {
    const { size, root } = await checkpointNow()
    const read = (tile: Parameters<typeof tilePath>[0]) => bytesOf(`/${tilePath(tile)}`)
    for (const from of [1, 200, 256, 500, size]) {
      const { proof } = ConsistencyHashes.parse(await (await get(`/v1/ledger/proofs/consistency?from=${from}`)).json())
      const hashes = proof.map((hash) => fromBase64(hash) ?? new Uint8Array())
      const earlier = { size: from, root: await treeRoot(sha256, read, from) }
      expect(consistencyFault(sha256, { from: earlier, to: { size, root }, proof: hashes })).toBeUndefined()
    }
    for (const query of ['from=0', `from=${size + 1}`, `from=5&to=4`, `from=1&to=${size + 1}`])
      expect((await get(`/v1/ledger/proofs/consistency?${query}`)).status).toBe(400)
  })
})

describe('a checkpoint that somebody has', () => {
  const post = (body: string) =>
    app.request('/v1/ledger/checkpoints', { method: 'POST', headers: { 'content-type': 'text/plain' }, body })
  const signed = (size: number, root: Uint8Array) => signers.sign({ size, root, levels: [], sealedAt: '' }, Date.now())
  const recordedSplits = async () => {
    const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
    return docs.flatMap((one) => one.get('entries') as string[]).filter((text) => text.includes('split-view-found'))
  }

  it('of this log is answered with the proof that the log extends it', async () => {
    const read = (tile: Parameters<typeof tilePath>[0]) => bytesOf(`/${tilePath(tile)}`)
    const from = await signed(300, await treeRoot(sha256, read, 300))
    const { to, proof } = ConsistencyProof.parse(await (await post(from)).json())
    const [earlier, later] = [from, to].map((text) => openCheckpoint(verifySignature, text, signers.keys).checkpoint)
    if (!earlier || !later) throw new Error('no checkpoints')
    const hashes = proof.map((hash) => fromBase64(hash) ?? new Uint8Array())
    expect(consistencyFault(sha256, { from: earlier, to: later, proof: hashes })).toBeUndefined()
  })

  it.each([
    ['with another root', (size: number) => size],
    ['of more entries than there are', (size: number) => size + 1],
  ])('%s, signed by our key, is a split view: it is refused, recorded and told', async (_, sizeOf) => {
    const before = (await recordedSplits()).length
    const { size } = await checkpointNow()
    expect((await post(await signed(sizeOf(size), Buffer.alloc(32, 7)))).status).toBe(409)
    expect(await recordedSplits()).toHaveLength(before + 1)
  })

  it('that our key did not sign, or that is none, says nothing of us', async () => {
    const before = (await recordedSplits()).length
    const stranger = signersOf(testOrigin, [newSigningKey('ed25519')])
    const foreign = await stranger.sign({ size: 5, root: Buffer.alloc(32), levels: [], sealedAt: '' }, 0)
    expect((await post(foreign)).status).toBe(422)
    expect((await post('no note')).status).toBe(422)
    expect(await recordedSplits()).toHaveLength(before)
  })

  it('is kept with what witnesses signed of it, without what others add', async () => {
    expect((await get('/v1/ledger/cosigned-checkpoint')).status).toBe(404)
    const { text } = await checkpointNow()
    const opened = openCheckpoint(verifySignature, text, signers.keys)
    const line = await cosign([witness], opened, 1_790_000_000)
    const strangers = { name: 'stranger.example', keyId: 7, bytes: new Uint8Array(72) }
    const note = parseNote(text + line)
    const body = formatNote({ ...note, signatures: [...note.signatures, strangers] })
    expect((await post(body)).status).toBe(200)
    const cosigned = await (await get('/v1/ledger/cosigned-checkpoint')).text()
    const { signedBy, note: kept } = openCheckpoint(verifySignature, cosigned, signers.keys, [witness.key])
    expect(signedBy.map(({ key }) => key.kind)).toEqual(['ed25519', 'ml-dsa-44', 'ed25519-cosignature'])
    expect(kept.signatures).toHaveLength(3)
    const forged = text + line.replace(/.(?=.{20}\n)/, (letter) => (letter === 'A' ? 'B' : 'A'))
    expect((await post(forged)).status).toBe(422)
  })
})
