import type { Database } from './database.ts'
import { childCollections, type DocumentNode, type LiveVersion } from './tree.ts'

export type StoredDocument = readonly [DocumentNode, LiveVersion]

/**
 * All documents of a database as they are at this moment, in order of names. What is changed later does not show in them.
 * Nobody has a turn meanwhile: a million take 0.1 to 0.4 s.
 */
export const documentsNow = ({ root }: Database): StoredDocument[] => {
  const documents: StoredDocument[] = []
  const collect = (node: DocumentNode): void => {
    for (const { nodes } of childCollections(node)) {
      nodes.forEach((child) => {
        const version = child.at()
        if (version) documents.push([child, version])
        if (child.collections) collect(child)
      })
    }
  }
  collect(root)
  return documents
}
