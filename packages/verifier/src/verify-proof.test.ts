import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { windowPartText } from '@infinity-matrix/contracts'
import { toBase64 } from '@infinity-matrix/core/base64'
import { extendChain, linked } from '@infinity-matrix/core/event-chain'
import { formatInclusionProof, signCheckpoint, type Policy } from '@infinity-matrix/core/ledger'
import {
  consistencyProof,
  edgeRoot,
  emptyEdge,
  grow,
  inclusionProof,
  joined,
  leafHash,
} from '@infinity-matrix/core/merkle'
import { sha256 } from './sha256.ts'
import { filesOf, testEntry, testLog, testOrigin, timeSeconds, type TestLog } from './testing.ts'
import { readPolicy } from './trust.ts'
import { verifyProof } from './verify-proof.ts'
import { storedTiles } from './verify-tree.ts'

const size = 400
const texts = Array.from({ length: size }, (_, index) =>
  testEntry(index, index === 7 ? { subject: 'agents/é', actor: { kind: 'agent', id: 'a-1' } } : {}),
)
let log: TestLog
let policy: Policy
let checkpoint: string

beforeAll(async () => {
  log = await testLog(texts, [100])
  policy = readPolicy(log.policy)
  checkpoint = textAt('checkpoint')
})

const textAt = (path: string) => Buffer.from(log.files.get(path) ?? []).toString()
const inclusionOf = (index: number, at = size) =>
  inclusionProof(sha256, storedTiles(filesOf(log.files), size), index, at)
const base64 = (hashes: readonly Uint8Array[]) => hashes.map(toBase64)

describe('an inclusion proof', () => {
  it('proves its entry, which it holds or which comes beside it', async () => {
    const entry = Buffer.from(texts[7] ?? '')
    const proof = { index: 7, proof: await inclusionOf(7), checkpoint }
    const proved = verifyProof(policy, formatInclusionProof({ ...proof, entry }))
    expect(proved).toMatchObject({ origin: testOrigin, size, entries: [{ index: 7, entry: { subject: 'agents/é' } }] })
    expect(verifyProof(policy, formatInclusionProof({ ...proof, entry: null }), entry)).toEqual(proved)
    expect(() => verifyProof(policy, formatInclusionProof({ ...proof, entry: null }))).toThrow(
      'does not hold the entry',
    )
  })

  it('of another entry, place or checkpoint proves nothing', async () => {
    const whole = formatInclusionProof({
      index: 7,
      proof: await inclusionOf(7),
      entry: Buffer.from(texts[7] ?? ''),
      checkpoint,
    })
    const lines = whole.split('\n')
    const faultOf = (changed: readonly string[]) => () => verifyProof(policy, changed.join('\n'))
    const other = `extra ${Buffer.from(texts[8] ?? '').toString('base64')}`
    expect(faultOf(lines.with(1, other))).toThrow('proof: the proof leads to another root')
    expect(faultOf(lines.with(2, 'index 8'))).toThrow('proof: the proof leads to another')
    expect(faultOf(lines.with(2, 'index 400'))).toThrow('proof: [400, 401) is no subtree of a tree of 400 leaves')
    expect(faultOf(lines.toSpliced(3, 1))).toThrow('has 9 hashes, and this one has 8')
    expect(faultOf(lines.with(3, lines[4] ?? ''))).toThrow('proof: the proof leads to another')
    expect(faultOf(lines.with(0, 'c2sp.org/tlog-proof@v2'))).toThrow('line 1: is not c2sp.org/tlog-proof@v1')
    expect(faultOf(lines.with(1, 'extra A'))).toThrow('line 2: is not base64')
    expect(faultOf(lines.with(2, 'index 07'))).toThrow('line 3: is no decimal number')
    expect(faultOf(lines.with(4, 'AA=='))).toThrow('line 5: is no base64 of a hash')
    expect(faultOf(lines.map((line) => line.replace(/^400$/, '401')))).toThrow('is not by that key')
    expect(faultOf(lines.slice(0, 5))).toThrow('proof: has no empty line')
  })
})

describe('a consistency proof', () => {
  const consistency = async () => ({
    kind: 'consistency',
    from: textAt('checkpoints/100'),
    to: checkpoint,
    proof: base64(await consistencyProof(sha256, storedTiles(filesOf(log.files), size), 100, size)),
  })

  it('proves that the log was only appended to', async () => {
    expect(verifyProof(policy, JSON.stringify(await consistency()))).toMatchObject({ size, extendsSize: 100 })
  })

  it('does not, where the log was written anew', async () => {
    const forked = texts.with(3, testEntry(999)).map((text) => leafHash(sha256, Buffer.from(text)))
    const root = edgeRoot(sha256, grow(sha256, emptyEdge, joined(forked.slice(0, 100))).edge)
    const from = await signCheckpoint({ origin: testOrigin, size: 100, root, extensions: [] }, log.signers, timeSeconds)
    const faultOf = (change: object) => async () =>
      verifyProof(policy, JSON.stringify({ ...(await consistency()), ...change }))
    await expect(faultOf({ from })()).rejects.toThrow('proof: the proof leads to another hash of [0, 100)')
    await expect(faultOf({ from: checkpoint, to: textAt('checkpoints/100') })()).rejects.toThrow(
      '100 entries are fewer',
    )
    await expect(faultOf({ proof: [] })()).rejects.toThrow('has 8 hashes, and this one has 0')
    await expect(faultOf({ proof: ['AA=='] })()).rejects.toThrow('proof.0: must be 32 bytes in base64')
    await expect(faultOf({ extra: 1 })()).rejects.toThrow('Unrecognized key')
    await expect(faultOf({ kind: 'other' })()).rejects.toThrow('kind: is consistency, history or chain')
    await expect(faultOf({ to: 'x' })()).rejects.toThrow('to line 1: ')
  })
})

describe('the history of an agent', () => {
  const ofAgent = texts.flatMap((entry, index) =>
    entry.includes('"agents/a-1"') || index === 7 ? [{ entry, index }] : [],
  )
  const history = async () => ({
    kind: 'history',
    agentId: 'a-1',
    checkpoint,
    entries: await Promise.all(
      ofAgent.map(async ({ entry, index }) => ({ index, entry, proof: base64(await inclusionOf(index)) })),
    ),
  })

  it('is proved entry by entry', async () => {
    const { entries } = verifyProof(policy, JSON.stringify(await history()))
    expect(entries.map(({ index }) => index)).toEqual(ofAgent.map(({ index }) => index))
    expect(entries.length).toBeGreaterThan(30)
  })

  it('is none with an entry changed, moved, or of another agent', async () => {
    const whole = await history()
    const faultOf = (change: object) => () => verifyProof(policy, JSON.stringify({ ...whole, ...change }))
    const [first, second, ...more] = whole.entries
    if (!first || !second) throw new Error('too short a history')
    expect(faultOf({ entries: [{ ...first, entry: second.entry }] })).toThrow(
      'entries.0: the proof leads to another root',
    )
    expect(faultOf({ entries: [second, first, ...more] })).toThrow('entries.1.index: does not stand after')
    expect(faultOf({ entries: [first, first] })).toThrow('entries.1.index: does not stand after')
    expect(faultOf({ agentId: 'a-2' })).toThrow('entries.0.entry: is neither about a-2 nor by it')
    expect(faultOf({ checkpoint: textAt('checkpoints/100') })).toThrow(
      'entries.0: the proof of [1, 2) in a tree of 100',
    )
  })
})

describe('the chain of an agent', () => {
  const hash = (text: string) => createHash('sha256').update(text).digest('base64')
  const events = ['{"sequence":1}', '{"sequence":2}', '{"sequence":3}']

  /** A log with a window of five agents in its entry 9, and the proof of the third one's events. */
  const chained = async () => {
    const { head } = extendChain(hash, undefined, events, 'w')
    const parts = [0, 1, 2, 3, 4].map((agent) => ({
      agent: `a-${agent}`,
      head: agent === 2 ? head : hash(`${agent}`),
      length: agent === 2 ? events.length : 1,
      tenant: 'acme',
    }))
    const leaves = parts.map((part) => leafHash(sha256, windowPartText(part)))
    const tree = grow(sha256, emptyEdge, joined(leaves))
    const root = toBase64(edgeRoot(sha256, tree.edge))
    const entry = testEntry(9, { kind: 'events-folded', subject: 'ledgerWindows/w', details: { root, agents: 5 } })
    const { files } = await testLog(texts.slice(0, 20).with(9, entry), [], log.signers)
    const inLog = await inclusionProof(sha256, storedTiles(filesOf(files), 20), 9, 20)
    const inWindow = await inclusionProof(sha256, () => tree.tiles[0]?.bytes ?? new Uint8Array(), 2, 5)
    const [part] = parts.slice(2)
    if (!part) throw new Error('no part')
    return {
      kind: 'chain',
      events: events.map((text, at) => ({
        head: extendChain(hash, undefined, events.slice(0, at + 1), 'w').head,
        text: text as string | null,
      })),
      window: { part, size: 5, index: 2, proof: base64(inWindow) },
      entry,
      index: 9,
      proof: base64(inLog),
      checkpoint: Buffer.from(files.get('checkpoint') ?? []).toString(),
    }
  }

  it('proves all its events, with and without their texts', async () => {
    const proof = await chained()
    expect(verifyProof(policy, JSON.stringify(proof))).toMatchObject({ size: 20, chain: { agentId: 'a-2', events: 3 } })
    const erased = { ...proof, events: proof.events.map((event) => ({ ...event, text: null })) }
    expect(verifyProof(policy, JSON.stringify(erased))).toMatchObject({ chain: { events: 3 } })
  })

  it('proves nothing with an event changed, left out, put in or moved, or of another agent', async () => {
    const proof = await chained()
    const faultOf = (change: object) => () => verifyProof(policy, JSON.stringify({ ...proof, ...change }))
    const [first, second, third] = proof.events
    const other = { text: '{}', head: linked(hash, third?.head ?? '', '{}') }
    const instead = { text: '{}', head: linked(hash, second?.head ?? '', '{}') }
    expect(faultOf({ events: [first, second, { ...third, text: '{"sequence":4}' }] })).toThrow(
      'events.2: does not lead',
    )
    expect(faultOf({ events: [first, second, instead] })).toThrow('events: do not make the head of the chain of a-2')
    expect(faultOf({ events: [second, first, third] })).toThrow('events.0: does not lead')
    expect(faultOf({ events: [first, second] })).toThrow('events: are 2, and the chain of a-2 has 3')
    expect(faultOf({ events: [first, second, third, other] })).toThrow('events: are 4')
    const part = { ...proof.window.part, agent: 'a-3' }
    expect(faultOf({ window: { ...proof.window, part } })).toThrow('window: the proof leads to another root')
    expect(faultOf({ window: { ...proof.window, index: 3 } })).toThrow('window: the proof leads to another')
    expect(faultOf({ entry: texts[9] })).toThrow('entry: the proof leads to another')
    const plain = await inclusionOf(9)
    expect(faultOf({ entry: texts[9], checkpoint, proof: base64(plain) })).toThrow(
      'entry: is not of a window of events',
    )
  })
})
