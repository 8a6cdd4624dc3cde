import type { AgentObservation, VoiceKind, Will } from '@infinity-matrix/contracts'

export type Heartbeat = Extract<AgentObservation, { type: 'agent.heartbeat.v1' }>

/** What heartbeats say of an agent, or of one of its capabilities. Times in whole seconds since 1970; 0: never. */
export interface Voice {
  /** The agent's id; for a capability, followed by a space and its name. */
  key: string
  kind: VoiceKind
  heardAt: number
  /** When it said that it leaves. Its silence means nothing unless it was heard after that. */
  leftAt: number
  will: Will | undefined
}

export const agentOfKey = (key: string): string => {
  const space = key.indexOf(' ')
  return space === -1 ? key : key.slice(0, space)
}

/** Undefined for the agent itself. */
export const capabilityOfKey = (key: string): string | undefined => {
  const space = key.indexOf(' ')
  return space === -1 ? undefined : key.slice(space + 1)
}

/**
 * What a heartbeat says. Its time is the agent's, rounded up to a second so that no silence seems longer than it is, and not
 * after its publication: an agent whose clock is ahead is not heard in the future.
 */
export const voicesOf = ({ agentId, tenant, region, tier, time, data }: Heartbeat, publishedAtMs: number): Voice[] => {
  const at = Math.ceil(Math.min(Date.parse(time), publishedAtMs) / 1000)
  const voiceOf = (key: string, silenceBoundSeconds: number, leaves: boolean | undefined): Voice => ({
    key,
    kind: { tenant, region, tier, silenceBoundSeconds },
    heardAt: leaves ? 0 : at,
    leftAt: leaves ? at : 0,
    will: undefined,
  })
  const agent = voiceOf(agentId, data.silenceBoundSeconds, data.leaving)
  if (data.will !== undefined) agent.will = { at, json: data.will === null ? null : JSON.stringify(data.will) }
  if (!data.capabilities) return [agent]
  const capabilities = Object.entries(data.capabilities).map(([name, { silenceBoundSeconds, leaving }]) =>
    voiceOf(`${agentId} ${name}`, silenceBoundSeconds, leaving ?? data.leaving),
  )
  return [agent, ...capabilities]
}

/**
 * The name that a voice has among others: its key, unless that is one of another tenant's. Whoever speaks of an agent in the
 * name of a tenant that is not its own is another voice: nobody keeps an agent of another tenant heard, has it leave, or sets
 * its will.
 *
 * @param known who has the key
 */
export const voiceName = ({ key, kind }: Pick<Voice, 'key' | 'kind'>, known: VoiceKind | undefined): string =>
  known === undefined || known.tenant === kind.tenant ? key : `${key}\n${kind.tenant}`

const saidAt = ({ heardAt, leftAt }: Voice) => Math.max(heardAt, leftAt)
const kindText = ({ tenant, region, tier, silenceBoundSeconds }: VoiceKind) =>
  `${silenceBoundSeconds} ${tier} ${region} ${tenant}`

/** Gives equal kinds one object, by which they are then told apart. Asked for every heartbeat: a text of all would cost more. */
export const createKinds = () => {
  type OfBound = Map<string, VoiceKind>
  type OfRegion = Map<number, OfBound>
  type OfTenant = Map<string, OfRegion>
  const known = new Map<string, OfTenant>()
  return (kind: VoiceKind): VoiceKind => {
    const ofTenant = getOrMake(known, kind.tenant, (): OfTenant => new Map())
    const ofRegion = getOrMake(ofTenant, kind.region, (): OfRegion => new Map())
    const ofBound = getOrMake(ofRegion, kind.silenceBoundSeconds, (): OfBound => new Map())
    return getOrMake(ofBound, kind.tier, () => kind)
  }
}

const getOrMake = <Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

/** The kind that was said later; of two said in one second, the one with the longer bound, or else any, but always the same. */
export const laterKind = (one: VoiceKind, oneAt: number, other: VoiceKind, otherAt: number): VoiceKind => {
  if (one === other || oneAt > otherAt) return one
  if (otherAt > oneAt) return other
  if (one.silenceBoundSeconds !== other.silenceBoundSeconds)
    return one.silenceBoundSeconds > other.silenceBoundSeconds ? one : other
  return kindText(one) >= kindText(other) ? one : other
}

/** The will that was said later. */
export const laterWill = (one: Will | undefined, other: Will | undefined): Will | undefined => {
  if (one === undefined || other === undefined) return one ?? other
  if (one.at !== other.at) return one.at > other.at ? one : other
  return (one.json ?? '') >= (other.json ?? '') ? one : other
}

/**
 * What two voices of one name say together: in any order, grouping or repetition the same, so that heartbeats may come to the
 * digest by many instances, late, and more than once.
 */
export const mergeVoices = (one: Voice, other: Voice): Voice => ({
  key: one.key,
  kind: laterKind(one.kind, saidAt(one), other.kind, saidAt(other)),
  heardAt: Math.max(one.heardAt, other.heardAt),
  leftAt: Math.max(one.leftAt, other.leftAt),
  will: laterWill(one.will, other.will),
})
