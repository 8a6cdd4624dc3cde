import { createHash, generateKeyPairSync, sign, verify as verifyWithNode, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Sha256 } from '../shared/merkle/index.ts'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { verifierKey, type SignatureKind } from './key.ts'
import { isLedgerFault } from './ledger-fault.ts'
import { formatNote, parseNote } from './note.ts'
import { openCheckpoint, signCheckpoint, signedMessage, signText, type Signer, type VerifySignature } from './sign.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
// The example of c2sp.org/tlog-checkpoint.
const example = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const timeSeconds = 1_679_315_147

const known = new Map<string, KeyObject>()
const signer = (name: string, kind: SignatureKind): Signer => {
  const { publicKey, privateKey } =
    kind === 'ml-dsa-44' ? generateKeyPairSync('ml-dsa-44') : generateKeyPairSync('ed25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const key = verifierKey(sha256, name, kind, spki.subarray(kind === 'ml-dsa-44' ? -1312 : -32))
  known.set(Buffer.from(key.publicKey).toString('hex'), publicKey)
  return { key, sign: (message) => sign(null, message, privateKey) }
}
const verify: VerifySignature = (_, publicKey, message, signature) => {
  const key = known.get(Buffer.from(publicKey).toString('hex'))
  return key !== undefined && verifyWithNode(null, message, key, signature)
}

describe('a checkpoint', () => {
  it('is read and written', () => {
    const checkpoint = parseCheckpoint(example)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163, extensions: [] })
    expect(formatCheckpoint(checkpoint)).toBe(example)
    expect(parseCheckpoint(`${example}more\n`).extensions).toEqual(['more'])
  })

  it.each([
    ['no newline at its end', example.slice(0, -1), 'line 3: does not end with a newline'],
    ['two lines', 'a\n1\n', 'line 3: a checkpoint has three lines'],
    ['no origin', example.replace(/^[^\n]+/, ''), 'line 1: an origin has 1 to 255 bytes'],
    ['a space in its origin', example.replace('-the', ' the'), 'line 1: an origin has'],
    ['a long origin', example.replace('sofa', 'é'.repeat(120)), 'line 1: an origin has'],
    ['zeros before its size', example.replace('2085', '02085'), 'line 2: is no decimal number'],
    ['a negative size', example.replace('2085', '-2085'), 'line 2: is no decimal number'],
    ['a size beyond numbers', example.replace('20852163', '9007199254740992'), 'line 2: is no decimal number'],
    ['a short root', example.replace('CsUY', ''), 'line 3: is no base64 of a hash of 32 bytes'],
    ['another form of its root', example.replace('q2I=', 'q2J='), 'line 3: is no base64'],
    ['an empty line', `${example}\nmore\n`, 'line 4: a line of a checkpoint is not empty'],
  ])('with %s is refused', (_, text, fault) => {
    expect(() => parseCheckpoint(text)).toThrow(fault)
    try {
      parseCheckpoint(text)
    } catch (error) {
      expect(isLedgerFault(error) && error.position).toBe(fault.split(':')[0])
    }
  })
})

describe('a signature', () => {
  const { origin } = parseCheckpoint(example)
  const log = signer(origin, 'ed25519')
  const postQuantum = signer(origin, 'ml-dsa-44')
  const witness = signer('witness.example/w1', 'ed25519-cosignature')
  const postQuantumWitness = signer('witness.example/w2', 'ml-dsa-44')
  const all = [log, postQuantum, witness, postQuantumWitness]
  const logKeys = [log.key, postQuantum.key]
  const witnessKeys = [witness.key, postQuantumWitness.key]
  const published = signCheckpoint(parseCheckpoint(example), all, timeSeconds)

  it('of each kind is made and verified, with its time', async () => {
    const { checkpoint, signedBy } = openCheckpoint(verify, await published, logKeys, witnessKeys)
    expect(checkpoint).toEqual(parseCheckpoint(example))
    expect(signedBy).toEqual(all.map(({ key }) => ({ key, timeSeconds: key.kind === 'ed25519' ? null : timeSeconds })))
  })

  it('covers the message that the specification writes', () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
    expect(text(signedMessage(log.key, example, timeSeconds))).toBe(example)
    expect(text(signedMessage(witness.key, example, timeSeconds))).toBe(`cosignature/v1\ntime 1679315147\n${example}`)
    const number = (value: number) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64BE(BigInt(value))
      return bytes
    }
    const expected = Buffer.concat([
      Buffer.from('subtree/v1\n\0'),
      Buffer.from('\u{12}witness.example/w2'),
      number(timeSeconds),
      Buffer.from('\u{1b}example.com/behind-the-sofa'),
      number(0),
      number(20_852_163),
      Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64'),
    ])
    expect(Buffer.from(signedMessage(postQuantumWitness.key, example, timeSeconds))).toEqual(expected)
  })

  it('of another time, size or text is none', async () => {
    const note = parseNote(await published)
    const changed = (change: (bytes: Uint8Array) => void, at: number) =>
      formatNote({
        ...note,
        signatures: note.signatures.map((signature, index) => {
          const bytes = signature.bytes.slice()
          if (index === at) change(bytes)
          return { ...signature, bytes }
        }),
      })
    const open = (text: string) => () => openCheckpoint(verify, text, logKeys, witnessKeys)
    for (const at of [2, 3])
      expect(open(changed((bytes) => bytes.set([0, 0, 0, 1], 4), at))).toThrow('is not by that key')
    expect(open(changed((bytes) => bytes.set([255], 0), 2))).toThrow('its time is after 2^53 - 1 seconds')
    for (const at of [0, 1, 2, 3])
      expect(open(changed((bytes) => bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1), at))).toThrow(
        `signature of ${all[at]?.key.name} (${all[at]?.key.kind}): is not by that key`,
      )
    expect(open((await published).replace('20852163', '20852164'))).toThrow('is not by that key')
    const short = formatNote({ ...note, signatures: [{ ...log.key, bytes: new Uint8Array(63) }] })
    expect(open(short)).toThrow('has 64 bytes, and not 63')
  })

  it('is demanded of each kind of key of the log, and of its name', async () => {
    const checkpoint = parseCheckpoint(example)
    const byOne = await signCheckpoint(checkpoint, [log], timeSeconds)
    expect(openCheckpoint(verify, byOne, [log.key]).signedBy).toHaveLength(1)
    expect(openCheckpoint(verify, byOne, [log.key, signer(origin, 'ed25519').key]).signedBy).toHaveLength(1)
    expect(() => openCheckpoint(verify, byOne, logKeys)).toThrow(`has no ml-dsa-44 signature of ${origin}`)
    expect(() => openCheckpoint(verify, byOne, [witness.key])).toThrow('line 1: the log is example.com/behind')
    const byWitness = await signCheckpoint(checkpoint, [witness], timeSeconds)
    expect(() => openCheckpoint(verify, byWitness, logKeys, witnessKeys)).toThrow('is signed by none of the known keys')
    await expect(signText({ ...log, sign: () => new Uint8Array(3) }, example, 0)).rejects.toThrow('has 64 bytes, not 3')
  })
})
