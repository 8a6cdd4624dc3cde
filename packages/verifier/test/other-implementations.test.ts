// What the project writes is read by a reader that shares nothing with it; what others write is read by the project.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint, parseVerifierKey, type VerifierKey } from '@infinity-matrix/core/ledger'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../src/sha256.ts'
import { testEntry, testLog, testOrigin } from '../src/testing.ts'
import { verifySignature } from '../src/verify-signature.ts'
import { readCheckpoint, readEntries, rootOfEntries, rootOfTiles } from './independent-reader.ts'

describe('a reader written from the specifications', () => {
  it.each([0, 1, 255, 256, 257, 1000])('reads a log of %i entries', async (size) => {
    const texts = Array.from({ length: size }, (_, index) => testEntry(index))
    const { files, policy } = await testLog(texts)
    const fetch = (path: string) => {
      const bytes = files.get(path)
      if (!bytes) throw new Error(`404 ${path}`)
      return Buffer.from(bytes)
    }
    const checkpoint = readCheckpoint(fetch, policy.split(/\s/)[1] ?? '')
    expect(checkpoint).toMatchObject({ origin: testOrigin, size })
    const entries = readEntries(fetch, size)
    expect(entries.map(String)).toEqual(texts)
    expect(rootOfEntries(entries)).toEqual(checkpoint.root)
    expect(rootOfTiles(fetch, size)).toEqual(checkpoint.root)
  })
})

describe('a checkpoint of torchwood, signed with ML-DSA-44', () => {
  const { key, checkpoint } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'torchwood-ml-dsa-44.json'), 'utf8'),
  ) as {
    key: string
    checkpoint: string
  }
  const keys: VerifierKey[] = [parseVerifierKey(sha256, key)]

  it('is verified', () => {
    const opened = openCheckpoint(verifySignature, checkpoint, keys)
    expect(opened.checkpoint).toMatchObject({ origin: 'example.com/mldsa-log', size: 1 })
    expect(opened.signedBy).toMatchObject([{ timeSeconds: 0, key: { kind: 'ml-dsa-44' } }])
  })

  it('is refused with another size', () => {
    expect(() => openCheckpoint(verifySignature, checkpoint.replace('\n1\n', '\n2\n'), keys)).toThrow('not by that key')
  })
})
