import { messageText, type Problem, type TopicName } from '@infinity-matrix/contracts'
import type { Random } from '../random.ts'
import type { AgentHistory } from './history.ts'
import type { BadInput } from './planted.ts'

export interface OutgoingMessage {
  topic: TopicName
  data: Buffer
}

/** How the way from the agents to Pub/Sub goes wrong: shares, from 0 to 1. */
export interface Disorder {
  /** Events that are sent again, in another message. */
  duplicates: number
  /** Messages that are sent again as they are. */
  repeats: number
  /** Events that come a little before or after their place. */
  reordered: number
  /** Events that come very late: what follows them has to wait. */
  stalled: number
}

export const usualDisorder: Disorder = { duplicates: 0.1, repeats: 0.02, reordered: 0.3, stalled: 0.01 }

/** A dead letter that must be there, this many times. */
export interface ExpectedLetter {
  code: Problem['code']
  bytes: Buffer
  count: number
}

interface Item {
  /** Where in the stream it is sent, 0 to 1. */
  place: number
  bytes: Buffer
  bad: BadInput | undefined
  isAlone: boolean
}

const batchMax = 60
const batchBytesMax = 200_000
/** Of the whole stream: how far a reordered event moves, and a stalled one. */
const moves = { reordered: 0.004, stalled: 0.4 }
const grain = 1_000_000

/**
 * The messages of a fleet, in the order in which they are published: single events and batches, of several agents, with
 * bad inputs among them.
 *
 * @returns the letters that the bad inputs must become: one for each time that one is sent
 */
export const createMessages = (
  random: Random,
  {
    histories,
    badInputs,
    disorder,
  }: { histories: readonly AgentHistory[]; badInputs: readonly BadInput[]; disorder: Disorder },
  topic: TopicName,
): { messages: OutgoingMessage[]; letters: ExpectedLetter[]; duplicates: number } => {
  const share = () => random.int(0, grain) / grain
  const items: Item[] = []
  const place = (item: Omit<Item, 'place'>, base: number) => {
    const moved = random.chance(disorder.stalled)
      ? moves.stalled * share()
      : random.chance(disorder.reordered)
        ? moves.reordered * (share() * 2 - 1)
        : 0
    items.push({ ...item, place: base + moved })
  }
  let duplicates = 0
  for (const { reports, missing } of histories) {
    // An agent is at work during a part of the time.
    const from = share() * 0.5
    const pace = (0.2 + 0.3 * share()) / reports.length
    reports.forEach((report, index) => {
      const isLast = report.sequence === reports.length
      if (report.sequence === missing || (missing !== undefined && isLast)) return
      const item = { bytes: Buffer.from(JSON.stringify(report)), bad: undefined, isAlone: false }
      place(item, from + pace * index)
      if (!random.chance(disorder.duplicates)) return
      duplicates++
      place(item, random.chance(0.5) ? from + pace * index : share())
    })
  }
  for (const bad of badInputs) place({ bytes: bad.bytes, bad, isAlone: !bad.isEvent }, share())
  items.sort((a, b) => a.place - b.place)

  const messages: OutgoingMessage[] = []
  const sent = new Map<BadInput, number>()
  const bodyOf = (raws: string[]) => (random.chance(0.5) ? messageText(raws) : `{"events":[${raws.join(',')}]}`)
  const send = (batch: readonly Item[]) => {
    const [first] = batch
    if (!first) return
    const isSingle = batch.length === 1 && (first.isAlone || random.chance(0.8))
    const data = isSingle ? first.bytes : Buffer.from(bodyOf(batch.map(({ bytes }) => bytes.toString('utf8'))))
    const times = random.chance(disorder.repeats) ? 2 : 1
    duplicates += (times - 1) * batch.length
    for (let time = 0; time < times; time++) {
      messages.push({ topic, data })
      for (const { bad } of batch) if (bad) sent.set(bad, (sent.get(bad) ?? 0) + 1)
    }
  }
  let batch: Item[] = []
  let [wanted, bytes] = [1, 0]
  const flush = () => {
    send(batch)
    batch = []
    bytes = 0
    // As many single events as batches.
    wanted = random.chance(0.5) ? 1 : random.int(2, batchMax)
  }
  for (const item of items) {
    if (item.isAlone) {
      send([item])
      continue
    }
    batch.push(item)
    bytes += item.bytes.length
    if (batch.length >= wanted || bytes > batchBytesMax) flush()
  }
  flush()
  const letters = [...sent].map(([{ code, bytes: original }, count]) => ({ code, bytes: original, count }))
  return { messages, letters, duplicates }
}
