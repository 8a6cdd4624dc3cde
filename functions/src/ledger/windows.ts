import { collections, LedgerWindow, WindowPart } from '@infinity-matrix/contracts'
import {
  hashBytes,
  inclusionProof,
  joined,
  leafHash,
  rootOf,
  tileWidth,
  type ReadTile,
} from '@infinity-matrix/core/merkle'
import type { Firestore } from '@google-cloud/firestore'
import { sha256 } from '../runtime/sha256.ts'

/** What an agent has in a commit of the fold, its place among the parts of all, and the proof of that. */
export interface ProvedPart {
  /** Of the document that has it, which the entry of the window names. */
  path: string
  part: WindowPart
  index: number
  size: number
  proof: Uint8Array[]
}

/** Tiles of a tree whose leaf hashes are all there. */
const tilesOf =
  (leaves: Uint8Array): ReadTile =>
  ({ level, index, width }) => {
    const span = tileWidth ** Number(level) * hashBytes
    const first = index * tileWidth * span
    const hashes = Array.from({ length: width }, (_, at) =>
      rootOf(sha256, leaves.subarray(first + at * span, first + (at + 1) * span)),
    )
    return joined(hashes)
  }

/** Finds what an agent has in a window: among the parts of all, or by itself where a crash left it out of them. */
export const findPart = async (
  firestore: Firestore,
  window: string,
  agent: string,
): Promise<ProvedPart | undefined> => {
  const documents = [window, `${window}:${agent}`].map((name) =>
    firestore.collection(collections.ledgerWindows).doc(name),
  )
  for (const snapshot of await firestore.getAll(...documents)) {
    if (!snapshot.exists) continue
    const lines = LedgerWindow.parse(snapshot.data()).parts.split('\n')
    const parts = lines.map((line) => WindowPart.parse(JSON.parse(line)))
    const index = parts.findIndex((part) => part.agent === agent)
    const part = parts[index]
    if (!part) continue
    const leaves = joined(lines.map((line) => leafHash(sha256, Buffer.from(line))))
    const proof = await inclusionProof(sha256, tilesOf(leaves), index, lines.length)
    return { path: snapshot.ref.path, part, index, size: lines.length, proof }
  }
  return undefined
}
