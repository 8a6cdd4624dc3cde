import type { Database } from './database.ts'
import { descendants, type DocumentNode, type LiveVersion } from './tree.ts'

/** All documents of a database as they are at this moment, in order of names. What is changed later does not show in them. */
export const documentsNow = ({ root }: Database): (readonly [DocumentNode, LiveVersion])[] => {
  const documents: (readonly [DocumentNode, LiveVersion])[] = []
  for (const node of descendants(root)) {
    const version = node.at()
    if (version) documents.push([node, version])
  }
  return documents
}
