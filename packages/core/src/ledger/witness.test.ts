import { createHash, generateKeyPairSync, sign, verify as verifyWithNode, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../shared/base64.ts'
import {
  consistencyProof,
  grow,
  emptyEdge,
  joined,
  leafHash,
  rootOf,
  tilePath,
  type Sha256,
} from '../shared/merkle/index.ts'
import { verifierKey, type SignatureKind } from './key.ts'
import { extensionFault, splitViewOf, verifySplitView } from './split-view.ts'
import { openCheckpoint, signCheckpoint, type Signer, type VerifySignature } from './sign.ts'
import { cosign, decideWitness, formatWitnessRequest, parseWitnessRequest, type Witnessed } from './witness.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const known = new Map<string, KeyObject>()
const signer = (name: string, kind: SignatureKind): Signer => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = verifierKey(sha256, name, kind, publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  known.set(toBase64(key.publicKey), publicKey)
  return { key, sign: (message) => sign(null, message, privateKey) }
}
const verify: VerifySignature = (_, publicKey, message, signature) => {
  const key = known.get(toBase64(publicKey))
  return key !== undefined && verifyWithNode(null, message, key, signature)
}

const origin = 'log.example/a'
const log = signer(origin, 'ed25519')
const logKeys = [log.key]
const leaves = Array.from({ length: 50 }, (_, index) => leafHash(sha256, Buffer.from(`entry ${index}`)))
const forked = leaves.with(3, leafHash(sha256, Buffer.from('another entry')))
const rootAt = (size: number, of = leaves) => rootOf(sha256, joined(of.slice(0, size)))
const headAt = (size: number, of = leaves) => ({ origin, size, root: rootAt(size, of), extensions: [] })
const publishedAt = (size: number, of = leaves) => signCheckpoint(headAt(size, of), [log], 0)
const proofOf = (from: number, to: number) => {
  const { tiles } = grow(sha256, emptyEdge, joined(leaves.slice(0, to)))
  const read = new Map(tiles.map(({ tile, bytes }) => [tilePath(tile), bytes]))
  return consistencyProof(sha256, (tile) => read.get(tilePath(tile)) ?? new Uint8Array(), from, to)
}
const witnessedAt = (size: number): Witnessed => ({ size, root: toBase64(rootAt(size)) })

describe('a witness', () => {
  const decide = (oldSize: number, checkpoint: string, proof: Uint8Array[], last: Witnessed | null, keys = logKeys) =>
    decideWitness(sha256, verify, { oldSize, proof, checkpoint }, keys, last)

  it('signs what extends what it signed last, and keeps it', async () => {
    const first = decide(0, await publishedAt(7), [], null)
    expect(first).toMatchObject({ status: 200, keep: witnessedAt(7) })
    const second = decide(7, await publishedAt(20), await proofOf(7, 20), witnessedAt(7))
    expect(second).toMatchObject({ status: 200, keep: witnessedAt(20) })
    expect(decide(20, await publishedAt(20), [], witnessedAt(20))).toMatchObject({ status: 200 })
    if (second.status !== 200) throw new Error('not signed')
    const witness = signer('witness.example/w', 'ed25519-cosignature')
    const lines = await cosign([witness], second.checkpoint, 1_700_000_000)
    const cosigned = openCheckpoint(verify, (await publishedAt(20)) + lines, logKeys, [witness.key])
    expect(cosigned.signedBy).toContainEqual({ key: witness.key, timeSeconds: 1_700_000_000 })
  })

  it('refuses all else, as tlog-witness says', async () => {
    const proof = await proofOf(7, 20)
    const at20 = await publishedAt(20)
    expect(decide(0, at20, [], null, [])).toMatchObject({ status: 404 })
    expect(decide(0, await signCheckpoint(headAt(20), [signer(origin, 'ed25519')], 0), [], null)).toMatchObject({
      status: 403,
    })
    expect(decide(21, at20, [], witnessedAt(21))).toMatchObject({ status: 400 })
    expect(decide(6, at20, proof, witnessedAt(7))).toMatchObject({ status: 409, size: 7 })
    expect(decide(0, at20, [], witnessedAt(7))).toMatchObject({ status: 409, size: 7 })
    expect(decide(8, at20, proof, witnessedAt(7))).toMatchObject({ status: 409, size: 7 })
    expect(decide(7, await publishedAt(6), [], witnessedAt(7))).toMatchObject({ status: 400 })
    expect(decide(7, at20, proof.slice(1), witnessedAt(7))).toMatchObject({ status: 422 })
    expect(decide(7, await publishedAt(20, forked), proof, witnessedAt(7))).toMatchObject({ status: 422 })
    expect(decide(20, await publishedAt(20, forked), [], witnessedAt(20))).toMatchObject({
      status: 409,
      reason: 'another root of 20 entries was witnessed: a split view',
    })
    expect(decide(20, at20, proof, witnessedAt(20))).toMatchObject({ status: 422 })
    expect(decide(0, at20, proof, null)).toMatchObject({ status: 422 })
  })

  it('never signs two histories, whatever it is asked', async () => {
    const asked = fc.record({ from: fc.nat({ max: 20 }), to: fc.integer({ min: 1, max: 20 }), isForked: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 8 }), async (requests) => {
        let last: Witnessed | null = null
        let isOnFork: boolean | undefined
        for (const { from, to, isForked } of requests) {
          const proof = from > 0 && from < to ? await proofOf(from, to) : []
          const decision = decide(from, await publishedAt(to, isForked ? forked : leaves), proof, last)
          if (decision.status !== 200) continue
          expect(to).toBeGreaterThanOrEqual(last?.size ?? 0)
          last = decision.keep
          // Up to the fork, the two histories are one.
          if (to <= 3) continue
          isOnFork ??= isForked
          expect(isForked).toBe(isOnFork)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('is asked in the form of tlog-witness', async () => {
    const request = { oldSize: 7, proof: await proofOf(7, 20), checkpoint: await publishedAt(20) }
    const body = formatWitnessRequest(request)
    expect(body.startsWith(`old 7\n${toBase64(request.proof[0] ?? new Uint8Array())}\n`)).toBe(true)
    expect(parseWitnessRequest(body)).toMatchObject({ oldSize: 7, checkpoint: request.checkpoint })
    expect(formatWitnessRequest(parseWitnessRequest(body))).toBe(body)
    for (const [changed, fault] of [
      [body.replace('old 7', 'new 7'), 'line 1: is written old <size>'],
      [body.replace('old 7', 'old 07'), 'line 1: is no decimal number'],
      [body.replace('=\n', '\n'), 'line 2: is no base64 of a hash'],
      [body.replace('\n\n', '\n'), 'line'],
      [`old 1\n${`${toBase64(rootAt(1))}\n`.repeat(64)}\n${request.checkpoint}`, 'a proof has at most 63 hashes'],
      ['old 1', 'request: has no empty line'],
    ] as const)
      expect(() => parseWitnessRequest(changed)).toThrow(fault)
  })
})

describe('a split view', () => {
  const viewOf = async (a: string, b: string) =>
    splitViewOf(openCheckpoint(verify, a, logKeys), openCheckpoint(verify, b, logKeys), [a, b])

  it('is two roots of one size, and proves itself to whoever knows the key', async () => {
    const evidence = await viewOf(await publishedAt(20), await publishedAt(20, forked))
    if (!evidence) throw new Error('not seen')
    expect(verifySplitView(verify, evidence, logKeys)).toEqual({
      origin,
      size: 20,
      roots: [rootAt(20), rootAt(20, forked)],
    })
    const [a, b] = evidence.checkpoints
    expect(() => verifySplitView(verify, { ...evidence, checkpoints: [a, a] }, logKeys)).toThrow('do not exclude')
    expect(() =>
      verifySplitView(verify, { ...evidence, checkpoints: [a, b.replace('\n20\n', '\n21\n')] }, logKeys),
    ).toThrow('is not by that key')
  })

  it('is none where sizes differ or roots are the same, and needs one log', async () => {
    expect(await viewOf(await publishedAt(20), await publishedAt(20))).toBeNull()
    expect(await viewOf(await publishedAt(20), await publishedAt(21, forked))).toBeNull()
    const other = signer('log.example/b', 'ed25519')
    const elsewhere = await signCheckpoint({ ...headAt(20), origin: 'log.example/b' }, [other], 0)
    const ours = await publishedAt(20)
    expect(() =>
      splitViewOf(openCheckpoint(verify, ours, logKeys), openCheckpoint(verify, elsewhere, [other.key]), [
        ours,
        elsewhere,
      ]),
    ).toThrow('are two logs')
  })

  it('of two sizes shows in the proof that is missing', async () => {
    expect(extensionFault(sha256, headAt(7), headAt(20), await proofOf(7, 20))).toBeUndefined()
    expect(extensionFault(sha256, headAt(7, forked), headAt(20), await proofOf(7, 20))).toMatch('leads to another hash')
    expect(extensionFault(sha256, headAt(20), headAt(7), [])).toBe('7 entries are fewer than the 20 of before')
    expect(extensionFault(sha256, headAt(0), headAt(7), [])).toBeUndefined()
    expect(extensionFault(sha256, { size: 0, root: rootAt(1) }, headAt(7), [])).toMatch('root of an empty log')
    expect(extensionFault(sha256, headAt(0), headAt(7), [rootAt(1)])).toMatch('nothing is to be proved')
  })
})
