import { Roster, type PulseDocument, type VoiceKind, type Will } from '@infinity-matrix/contracts'
import { decodeColumn, encodeColumn } from './column.ts'
import { shardOf } from './shard-hash.ts'
import { agentOfKey, createKinds, mergeVoices, voiceName, type Voice } from './voice.ts'

/** A pulse holds at most this many voices, and this many characters: far below a document's 1 MiB. */
export const pulseVoicesMax = 16_000
export const pulseLengthMax = 400_000

/** What voices have in common, as text and columns: the stored form of pulses and of cells. */
export type VoiceColumns = Omit<PulseDocument, 'shard'>

const kindLength = ({ tenant, region }: VoiceKind) => 100 + tenant.length + region.length
/** At most how many bytes of a document a voice takes; a will may hold characters of three bytes. */
export const lengthOf = ({ key, will }: Pick<Voice, 'key' | 'will'>): number =>
  key.length + 16 + (will ? 40 + 3 * (will.json?.length ?? 4) : 0)

/** Gathers what an instance hears, by shard and agent; `take` empties it into documents. */
export const createPulseGatherer = () => {
  let byShard = new Map<number, Map<string, Voice>>()
  let kinds = createKinds()
  let count = 0

  const add = ({ key, kind, heardAt, leftAt, will }: Voice): void => {
    // Named one by one: a copy of unnamed fields takes several times as long, and this is done for every heartbeat.
    const voice: Voice = { key, kind: kinds(kind), heardAt, leftAt, will }
    const shard = shardOf(agentOfKey(voice.key))
    let voices = byShard.get(shard)
    if (!voices) byShard.set(shard, (voices = new Map<string, Voice>()))
    const ofKey = voices.get(key)
    const name = voiceName(voice, ofKey?.kind)
    const known = name === key ? ofKey : voices.get(name)
    if (!known) count++
    voices.set(name, known ? mergeVoices(known, voice) : voice)
  }

  const take = (): PulseDocument[] => {
    const pulses = [...byShard].flatMap(([shard, voices]) =>
      portionsOf(voices.values()).map((portion) => ({ shard, ...encodeVoices(portion) })),
    )
    byShard = new Map()
    kinds = createKinds()
    count = 0
    return pulses
  }

  return { add, take, size: () => count }
}

/** As few portions as fit a document each. */
const portionsOf = (voices: Iterable<Voice>): Voice[][] => {
  const portions: Voice[][] = []
  let portion: Voice[] = []
  let length = 0
  let kinds = new Set<VoiceKind>()
  for (const voice of voices) {
    const more = lengthOf(voice) + (kinds.has(voice.kind) ? 0 : kindLength(voice.kind))
    if (portion.length === pulseVoicesMax || (portion.length > 0 && length + more > pulseLengthMax)) {
      portions.push(portion)
      portion = []
      length = 0
      kinds = new Set()
    }
    portion.push(voice)
    length += more
    kinds.add(voice.kind)
  }
  if (portion.length > 0) portions.push(portion)
  return portions
}

/** Voices of one kind are best given one object of it: see `createKinds`. */
export const encodeRoster = (voices: readonly Voice[]): Pick<PulseDocument, 'roster' | 'kindOf'> => {
  const places = new Map<VoiceKind, number>()
  for (const { kind } of voices) if (!places.has(kind)) places.set(kind, places.size)
  const wills = voices.flatMap(({ will }, index): [number, Will][] => (will ? [[index, will]] : []))
  const roster: Roster = { kinds: [...places.keys()], keys: voices.map(({ key }) => key), wills }
  return { roster: JSON.stringify(roster), kindOf: encodeColumn(voices.map(({ kind }) => places.get(kind) ?? 0)) }
}

export const encodeVoices = (voices: readonly Voice[]): VoiceColumns => ({
  ...encodeRoster(voices),
  heardAt: encodeColumn(voices.map(({ heardAt }) => heardAt)),
  leftAt: encodeColumn(voices.map(({ leftAt }) => leftAt)),
})

/** @throws when it is not what `encodeVoices` makes */
export const decodeVoices = ({ roster, kindOf, heardAt, leftAt }: VoiceColumns): Voice[] => {
  const { keys, kinds, wills } = Roster.parse(JSON.parse(roster))
  const kindColumn = decodeColumn(kindOf, keys.length)
  const [heard, left] = [decodeColumn(heardAt, keys.length), decodeColumn(leftAt, keys.length)]
  const willOf = new Map(wills)
  return keys.map((key, index) => {
    const kind = kinds[kindColumn[index] ?? 0]
    if (!kind) throw new RangeError(`kind ${kindColumn[index]} of ${kinds.length}`)
    return { key, kind, heardAt: heard[index] ?? 0, leftAt: left[index] ?? 0, will: willOf.get(index) }
  })
}
