/** Sweepers share the agents by the first bits of the hash of their ids. Stored cells depend on it: it does not change. */
export const shardBits = 4
export const shardCount = 2 ** shardBits
export const hashBits = 32

/**
 * Where an agent stands among all agents, for ever: FNV-1a of its id, then the finalizer of MurmurHash3, since cells divide
 * by the first bits, which FNV alone mixes badly for short ids. From 0 to 2^32 - 1.
 *
 * @see RFC draft-eastlake-fnv; Appleby, MurmurHash3
 */
export const agentHash = (agentId: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < agentId.length; i++) hash = Math.imul(hash ^ agentId.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The shard whose sweeper watches an agent: 0 to `shardCount` - 1. */
export const shardOf = (agentId: string): number => agentHash(agentId) >>> (hashBits - shardBits)

/** The first bits of a hash as text, by which cells are named. */
export const prefixOf = (hash: number, bits: number): string => hash.toString(2).padStart(hashBits, '0').slice(0, bits)

/** The prefix that all cells of a shard begin with. */
export const shardPrefix = (shard: number): string => shard.toString(2).padStart(shardBits, '0')

/** The smallest hash with a prefix. */
export const firstHashOf = (prefix: string): number => Number.parseInt(prefix.padEnd(hashBits, '0'), 2)
