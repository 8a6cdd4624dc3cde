import type { CellDocument, DigestDocument, VoiceKind, Will } from '@infinity-matrix/contracts'
import { decodeColumn, encodeColumn } from './column.ts'
import { decodeVoices, encodeRoster, lengthOf } from './pulse.ts'
import { agentHash, firstHashOf, hashBits } from './shard-hash.ts'
import { agentOfKey, capabilityOfKey, laterKind, laterWill, voiceName, type Voice } from './voice.ts'

/** A cell holds at most this many voices (agents, and capabilities that they list), and so at most this many agents. */
export const cellVoicesMax = 2000
/** ... and this many characters, of a document's 1 MiB. */
export const cellLengthMax = 400_000

/** An agent that left is forgotten after this long: no heartbeat of before can still be on its way. */
export const leftKeptSeconds = 3600
/** One that is silent is forgotten after this long. */
export const silentKeptSeconds = 7 * 86_400

/** From a heartbeat's time until it is in its sweeper's reach: network, Pub/Sub, the window of `fleet-onHeartbeat`. */
export const latenessSecondsMax = 5

/** Between two sweeps of a cell. */
export const sweepPeriodSeconds = 2

/** A silence is told at most so long after its bound: lateness, rounding, a period, and a sweep or its hand-over. */
export const detectionSecondsMax = 10

/** A silence that began, or ended. Times in whole seconds since 1970. */
export interface SilenceNews {
  key: string
  kind: VoiceKind
  status: 'silent' | 'heard'
  lastHeardAt: number
  /** When the bound was passed, or the voice heard: grows with each news of one key, and does not depend on who tells it. */
  at: number
  /** JSON of the agent's last will, if it has one and went silent. */
  will: string | null
}

/** What was told of a voice's silence. */
interface Told {
  /** When it was heard last before the silence that was told. */
  heardAt: number
  at: number
}

/** A voice in a cell. */
export interface CellEntry extends Voice {
  told: Told | undefined
}

export interface StoredCell {
  cell: CellDocument
  digest: DigestDocument
}

const never = 0xffff_ffff

/**
 * One cell in memory: agents whose ids' hashes begin with `prefix`, in columns, since a sweeper holds a million of them.
 *
 * @param stored when, and as which version, it was stored last
 */
export const createCell = (prefix: string, stored = { at: 0, version: 0 }) => {
  /** By `voiceName`. */
  const slots = new Map<string, number>()
  const keys: string[] = []
  const kinds: VoiceKind[] = []
  let heardAt = new Uint32Array(16)
  // From when on a voice counts as silent, but for lateness.
  let dueAt = new Uint32Array(16)
  const leftAt = new Map<number, number>()
  const wills = new Map<number, Will>()
  const told = new Map<number, Told>()
  let length = 0
  let { at: storedAt, version } = stored
  let changedSince: number | undefined
  let isRosterChanged = false
  let isToldChanged = false

  const kindOf = (slot: number | undefined) => (slot === undefined ? undefined : kinds[slot])
  const slotOf = (voice: Pick<Voice, 'key' | 'kind'>): number | undefined => {
    const slot = slots.get(voice.key)
    const name = voiceName(voice, kindOf(slot))
    return name === voice.key ? slot : slots.get(name)
  }
  /** Of the agent whose voice, or capability, a slot has. */
  const agentSlotOf = (slot: number): number | undefined =>
    slotOf({ key: agentOfKey(keys[slot] ?? ''), kind: kinds[slot] ?? noKind })

  const hasLeft = (slot: number) => (leftAt.get(slot) ?? -1) >= (heardAt[slot] ?? 0)

  const setDue = (slot: number) => {
    const heard = heardAt[slot] ?? 0
    const isTold = told.get(slot)?.heardAt === heard
    dueAt[slot] = isTold || hasLeft(slot) ? never : heard + Math.ceil(kinds[slot]?.silenceBoundSeconds ?? 0)
  }

  const noteChange = (now: number, isInRoster: boolean) => {
    changedSince ??= now
    isRosterChanged ||= isInRoster
  }

  const add = (voice: Voice): void => {
    const slot = keys.length
    if (slot === heardAt.length) {
      heardAt = grown(heardAt)
      dueAt = grown(dueAt)
    }
    slots.set(voiceName(voice, kindOf(slots.get(voice.key))), slot)
    keys.push(voice.key)
    kinds.push(voice.kind)
    heardAt[slot] = voice.heardAt
    if (voice.leftAt > 0) leftAt.set(slot, voice.leftAt)
    if (voice.will) wills.set(slot, voice.will)
    length += lengthOf(voice)
    setDue(slot)
  }

  /**
   * Takes in what was heard. In whatever order, and however often, the same voices say the same.
   *
   * @returns false when its key is not known and newcomers are not taken
   */
  const hear = (voice: Voice, now: number, takesNewcomers = true): boolean => {
    const slot = slotOf(voice)
    if (slot === undefined) {
      if (!takesNewcomers) return false
      add(voice)
      noteChange(now, true)
      return true
    }
    const [heard, left] = [heardAt[slot] ?? 0, leftAt.get(slot) ?? 0]
    const kind = kinds[slot] ?? voice.kind
    const kindAfter = laterKind(kind, Math.max(heard, left), voice.kind, Math.max(voice.heardAt, voice.leftAt))
    const will = wills.get(slot)
    const willAfter = laterWill(will, voice.will)
    const isWillNew = willAfter?.at !== will?.at || willAfter?.json !== will?.json
    if (kindAfter === kind && !isWillNew && voice.heardAt <= heard && voice.leftAt <= left) return true
    kinds[slot] = kindAfter
    if (willAfter && isWillNew) {
      wills.set(slot, willAfter)
      length += lengthOf({ key: '', will: willAfter }) - lengthOf({ key: '', will })
    }
    if (voice.heardAt > heard) heardAt[slot] = voice.heardAt
    if (voice.leftAt > left) leftAt.set(slot, voice.leftAt)
    setDue(slot)
    noteChange(now, isWillNew || kindAfter !== kind)
    return true
  }

  // An agent neither left, nor is it silent or about to be told so.
  const isHeard = (slot: number | undefined, overdueBefore: number): boolean =>
    slot !== undefined && !hasLeft(slot) && !told.has(slot) && (dueAt[slot] ?? 0) >= overdueBefore

  const newsOf = (slot: number, status: SilenceNews['status'], at: number): SilenceNews => ({
    key: keys[slot] ?? '',
    kind: kinds[slot] ?? noKind,
    status,
    lastHeardAt: heardAt[slot] ?? 0,
    at: Math.max(at, (told.get(slot)?.at ?? 0) + 1),
    will: status === 'silent' ? (wills.get(slot)?.json ?? null) : null,
  })

  /** The silences that began or ended and were not told yet; of a capability only while its agent is heard. */
  const silences = (now: number): SilenceNews[] => {
    const news: SilenceNews[] = []
    const overdueBefore = now - latenessSecondsMax
    for (let slot = 0; slot < keys.length; slot++) {
      const due = dueAt[slot] ?? never
      if (due >= overdueBefore) continue
      const key = keys[slot] ?? ''
      if (capabilityOfKey(key) === undefined || isHeard(agentSlotOf(slot), overdueBefore))
        news.push(newsOf(slot, 'silent', due))
    }
    for (const [slot, { heardAt: before }] of told) {
      const heard = heardAt[slot] ?? 0
      if (heard > before && !hasLeft(slot) && (dueAt[slot] ?? 0) >= overdueBefore)
        news.push(newsOf(slot, 'heard', heard))
    }
    return news
  }

  /** Notes that news was published: it is not told again. */
  const noteTold = (news: SilenceNews, now: number): void => {
    const { status, lastHeardAt, at } = news
    const slot = slotOf(news)
    if (slot === undefined) return
    if (status === 'silent') told.set(slot, { heardAt: lastHeardAt, at })
    else told.delete(slot)
    isToldChanged = true
    setDue(slot)
    noteChange(now, false)
  }

  const entries = (): CellEntry[] =>
    keys.map((key, slot) => ({
      key,
      kind: kinds[slot] ?? noKind,
      heardAt: heardAt[slot] ?? 0,
      leftAt: leftAt.get(slot) ?? 0,
      will: wills.get(slot),
      told: told.get(slot),
    }))

  /** Takes over a voice as it stood in a cell, with what was told of it. */
  const adopt = (entry: CellEntry, now: number): void => {
    hear(entry, now)
    const slot = slotOf(entry)
    if (slot === undefined || !entry.told || (told.get(slot)?.at ?? 0) >= entry.told.at) return
    told.set(slot, entry.told)
    setDue(slot)
    noteChange(now, false)
  }

  // Nobody can miss it any more; a capability goes with its agent.
  const isForgotten = (slot: number, now: number): boolean => {
    if (hasLeft(slot)) return now - (leftAt.get(slot) ?? 0) > leftKeptSeconds
    if (told.has(slot)) return now - (heardAt[slot] ?? 0) > silentKeptSeconds
    const agent = agentSlotOf(slot)
    return agent !== undefined && agent !== slot && isForgotten(agent, now)
  }

  /** The cell without those who are forgotten; undefined when there are none. */
  const withoutForgotten = (now: number): Cell | undefined => {
    if (![...leftAt.keys(), ...told.keys()].some((slot) => isForgotten(slot, now))) return undefined
    const kept = entries().filter((_, slot) => !isForgotten(slot, now))
    const next = createCell(prefix, { at: storedAt, version })
    for (const entry of kept) next.adopt(entry, now)
    next.noteChange(now, true)
    return next
  }

  /** Both halves of a cell that is too large; undefined while it is not, or when all its agents have one hash. */
  const split = (now: number): readonly [Cell, Cell] | undefined => {
    if ((keys.length <= cellVoicesMax && length <= cellLengthMax) || prefix.length === hashBits) return undefined
    const half = (bit: number) => createCell(`${prefix}${bit}`, { at: storedAt, version: 0 })
    const halves = [half(0), half(1)] as const
    const middle = firstHashOf(`${prefix}1`)
    for (const entry of entries()) halves[agentHash(agentOfKey(entry.key)) < middle ? 0 : 1].adopt(entry, now)
    return halves
  }

  const versionToStore = () => (isRosterChanged ? version + 1 : version)

  /** What to store: its digest, and who is in it where that has changed. */
  const toStored = (now: number): { cell: CellDocument | undefined; digest: DigestDocument } => {
    const sparse = (valueOf: (slot: number) => number | undefined) =>
      encodeColumn(keys.map((_, slot) => valueOf(slot) ?? 0))
    return {
      cell: isRosterChanged ? { version: versionToStore(), ...encodeRoster(entries()) } : undefined,
      digest: {
        version: versionToStore(),
        at: now,
        heardAt: encodeColumn(heardAt.subarray(0, keys.length)),
        leftAt: sparse((slot) => leftAt.get(slot)),
        toldHeardAt: sparse((slot) => told.get(slot)?.heardAt),
        toldAt: sparse((slot) => told.get(slot)?.at),
      },
    }
  }

  /** Notes that what `toStored` gave at that time is stored. */
  const noteStored = (at: number, asVersion = versionToStore()): void => {
    storedAt = at
    version = asVersion
    changedSince = undefined
    isRosterChanged = false
    isToldChanged = false
  }

  return {
    prefix,
    hear,
    adopt,
    silences,
    noteTold,
    entries,
    split,
    withoutForgotten,
    noteChange,
    toStored,
    noteStored,
    knows: (key: string) => slots.has(key),
    size: () => keys.length,
    isFull: () => keys.length >= cellVoicesMax,
    isTooLarge: () => keys.length > cellVoicesMax || length > cellLengthMax,
    storedAt: () => storedAt,
    isStored: () => version > 0,
    /** When the first change came that is not stored yet; undefined when all is. */
    changedSince: () => changedSince,
    /** Whether silences were told that are not stored as told yet. */
    isToldChanged: () => isToldChanged,
  }
}

export interface Cell extends ReturnType<typeof createCell> {}

const noKind: VoiceKind = { tenant: '', region: '', tier: 'standard', silenceBoundSeconds: 0 }

const grown = (column: Uint32Array): Uint32Array<ArrayBuffer> => {
  const larger = new Uint32Array(column.length * 2)
  larger.set(column)
  return larger
}

/** A cell as it was stored. @throws {RangeError} when digest and cell do not belong together */
export const loadCell = (prefix: string, { cell: stored, digest }: StoredCell): Cell => {
  if (stored.version !== digest.version)
    throw new RangeError(`cells/${prefix} has version ${stored.version}, and its digest ${digest.version}`)
  const voices = decodeVoices({ ...stored, ...digest })
  const toldHeardAt = decodeColumn(digest.toldHeardAt, voices.length)
  const toldAt = decodeColumn(digest.toldAt, voices.length)
  const cell = createCell(prefix)
  voices.forEach((voice, slot) => {
    const at = toldAt[slot] ?? 0
    cell.adopt({ ...voice, told: at === 0 ? undefined : { heardAt: toldHeardAt[slot] ?? 0, at } }, 0)
  })
  cell.noteStored(digest.at, stored.version)
  return cell
}
