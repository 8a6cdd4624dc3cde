/**
 * The cell that keeps an agent's heartbeats: FNV-1a of its id over the cells of its tenant and region.
 *
 * @see RFC draft-eastlake-fnv
 */
export const cellOf = (tenant: string, region: string, agentId: string, cellsPerRegion: number): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < agentId.length; i++) hash = Math.imul(hash ^ agentId.charCodeAt(i), 0x01000193)
  return `${tenant}.${region}.${(hash >>> 0) % cellsPerRegion}`
}
