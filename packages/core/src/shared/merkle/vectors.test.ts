// The vectors of github.com/transparency-dev/merkle, in ../shared/data beside the project; skipped where that is absent.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { consistencyFault, inclusionFault, subtreeFault, type Sha256 } from './index.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const folder = join(import.meta.dirname, '../../../../../../shared/data/vectors-merkle/testdata')

interface Vector {
  desc: string
  wantErr: boolean
  proof: string[] | null
}

const vectorsOf = (kind: string) =>
  existsSync(folder)
    ? readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json'))
        .map((name) => [name, JSON.parse(readFileSync(join(folder, kind, name), 'utf8'))] as const)
    : []

const hash = (text: string) => Buffer.from(text, 'base64')
const proofOf = ({ proof }: Vector) => (proof ?? []).map(hash)

describe.skipIf(!existsSync(folder))('the vectors of transparency-dev/merkle (skipped without ../shared/data)', () => {
  it.each(vectorsOf('inclusion'))(
    'inclusion %s',
    (_, vector: Vector & Record<'root' | 'leafHash', string> & Record<'leafIdx' | 'treeSize', number>) => {
      const claim = {
        index: vector.leafIdx,
        size: vector.treeSize,
        hash: hash(vector.leafHash),
        root: hash(vector.root),
      }
      expect(inclusionFault(sha256, { ...claim, proof: proofOf(vector) }) !== undefined).toBe(vector.wantErr)
    },
  )

  it.each(vectorsOf('consistency'))(
    'consistency %s',
    (_, vector: Vector & Record<'root1' | 'root2', string> & Record<'size1' | 'size2', number>) => {
      const from = { size: vector.size1, root: hash(vector.root1) }
      const to = { size: vector.size2, root: hash(vector.root2) }
      expect(consistencyFault(sha256, { from, to, proof: proofOf(vector) }) !== undefined).toBe(vector.wantErr)
    },
  )

  it.each(vectorsOf('subtreeinclusion'))(
    'subtree inclusion %s',
    (_, vector: Vector & Record<'root' | 'leafHash', string> & Record<'leafIdx' | 'start' | 'end', number>) => {
      const { start, end } = vector
      // A subtree is a tree of its own: that it is one at all is what the vectors ask besides.
      const subtree = { range: { start, end }, hash: hash(vector.root), size: end, root: hash(vector.root) }
      const leaf = {
        index: vector.leafIdx - start,
        size: end - start,
        hash: hash(vector.leafHash),
        root: hash(vector.root),
      }
      const faults = [
        start % 2 ** Math.ceil(Math.log2(end - start)) === 0
          ? undefined
          : subtreeFault(sha256, { ...subtree, proof: [] }),
        inclusionFault(sha256, { ...leaf, proof: proofOf(vector) }),
      ]
      expect(faults.some((fault) => fault !== undefined)).toBe(vector.wantErr)
    },
  )

  it.each(vectorsOf('subtreeconsistency'))(
    'subtree consistency %s',
    (_, vector: Vector & Record<'root1' | 'root2', string> & Record<'start' | 'end' | 'size', number>) => {
      const { start, end, size } = vector
      const claim = { range: { start, end }, hash: hash(vector.root1), size, root: hash(vector.root2) }
      expect(subtreeFault(sha256, { ...claim, proof: proofOf(vector) }) !== undefined).toBe(vector.wantErr)
    },
  )
})
