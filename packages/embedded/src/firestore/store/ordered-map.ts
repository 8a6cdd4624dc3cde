import sortedBtree from 'sorted-btree'

// The package is CommonJS: its class is the `default` of what Node imports.
const BTree = sortedBtree.default

/** A map whose entries are kept in the order of their keys. */
export type OrderedMap<K, V> = InstanceType<typeof BTree<K, V>>

export const orderedMap = <K, V>(compare: (a: K, b: K) => number): OrderedMap<K, V> =>
  new BTree<K, V>(undefined, compare)
