import { createRequire } from 'node:module'

// The package is CommonJS with its class as `default`, which Node's import and vitest's each unwrap in their own way.
const { default: BTree } = createRequire(import.meta.url)('sorted-btree') as typeof import('sorted-btree')

/** A map whose entries are kept in the order of their keys. */
export type OrderedMap<K, V> = InstanceType<typeof BTree<K, V>>

export const orderedMap = <K, V>(compare: (a: K, b: K) => number): OrderedMap<K, V> =>
  new BTree<K, V>(undefined, compare)
