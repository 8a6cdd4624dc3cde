// A fleet of which everything is known: who is heard when, who dies, who leaves.
import type { Heartbeat } from '@infinity-matrix/core/fleet'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export interface FleetOptions {
  agents: number
  seed: number
  /** Agents send this often, or up to `jitter` of it sooner; it is also their silence bound. */
  intervalSeconds: number
  jitter: number
  /** Of heartbeats, and how long they take; the others take at most 0.2 s. */
  lateShare: number
  lateSecondsMax: number
  /** Of agents: those that stop without a word, say that they leave, and join when the others are there. */
  dieShare: number
  leaveShare: number
  lateJoinerShare: number
}

export const startSeconds = 1_790_000_000
/** Agents join in the first interval; in these seconds some die, leave, or join late. */
export const eventfulSeconds = [32, 44] as const

const tenants = Array.from({ length: 40 }, (_, index) => `tenant-${index}`)
const regions = ['europe-west1', 'us-central1', 'us-west1']

const fates = { lives: 0, dies: 1, leaves: 2 } as const
const none = -1

/** Numbers from 0 to 1 that depend on the seed alone. */
const createDraw = (seed: number) => {
  const generator = xoroshiro128plus(seed)
  return (): number => (generator.next() >>> 0) / 2 ** 32
}

/** All of it in milliseconds since the start, in typed arrays: 20 million agents are 400 MB. */
export const createFleet = (options: FleetOptions, seconds: number) => {
  const { agents, intervalSeconds, jitter, lateShare, lateSecondsMax } = options
  const draw = createDraw(options.seed)
  const fateOf = new Uint8Array(agents)
  const fateAt = new Uint32Array(agents)
  const sentAt = new Uint32Array(agents)
  // Heartbeats on their way, as a list for each second in which they arrive.
  const firstArriving = new Int32Array(seconds + lateSecondsMax + intervalSeconds + 2).fill(none)
  const nextArriving = new Int32Array(agents)
  const [eventfulFrom, eventfulTo] = eventfulSeconds
  const inEventful = () => Math.floor((eventfulFrom + draw() * (eventfulTo - eventfulFrom)) * 1000)
  let [died, left] = [0, 0]

  const send = (agent: number, atMs: number, fromSecond = 0) => {
    sentAt[agent] = atMs
    const delaySeconds = draw() < lateShare ? draw() * lateSecondsMax : draw() * 0.2
    const second = Math.max(fromSecond, Math.floor(atMs / 1000 + delaySeconds))
    nextArriving[agent] = firstArriving[second] ?? none
    firstArriving[second] = agent
  }

  for (let agent = 0; agent < agents; agent++) {
    const joinsLate = draw() < options.lateJoinerShare
    const fate = draw()
    if (!joinsLate && fate < options.dieShare + options.leaveShare) {
      fateOf[agent] = fate < options.dieShare ? fates.dies : fates.leaves
      fateAt[agent] = inEventful()
      if (fate < options.dieShare) died++
      else left++
    }
    send(agent, joinsLate ? inEventful() : Math.floor(draw() * intervalSeconds * 1000))
  }

  const heartbeatOf = (agent: number, timeOf: (ms: number) => string): Heartbeat => ({
    specversion: '1.0',
    id: '',
    source: '',
    type: 'agent.heartbeat.v1',
    subject: '',
    // The brand is what parsing an id gives.
    agentId: agentIdOf(agent) as Heartbeat['agentId'],
    time: timeOf(sentAt[agent] ?? 0),
    tenant: tenants[agent % tenants.length] ?? '',
    region: regions[agent % regions.length] ?? '',
    tier: 'standard',
    data: { silenceBoundSeconds: intervalSeconds, ...(hasLeft(agent) ? { leaving: true } : {}) },
  })
  const hasLeft = (agent: number) => fateOf[agent] === fates.leaves && (sentAt[agent] ?? 0) >= (fateAt[agent] ?? 0)

  /** Hands over the heartbeats that arrive in a second; each agent then sends its next one, or is gone. */
  const arriveIn = (second: number, take: (heartbeat: Heartbeat) => void): void => {
    // Many have the same millisecond.
    const times = new Map<number, string>()
    const timeOf = (ms: number) => {
      const known = times.get(ms)
      if (known !== undefined) return known
      const time = new Date(startSeconds * 1000 + ms).toISOString()
      times.set(ms, time)
      return time
    }
    for (let agent = firstArriving[second] ?? none; agent !== none;) {
      const following = nextArriving[agent] ?? none
      take(heartbeatOf(agent, timeOf))
      const next = (sentAt[agent] ?? 0) + Math.ceil(intervalSeconds * 1000 * (1 - draw() * jitter))
      const isOver = fateOf[agent] !== fates.lives && next >= (fateAt[agent] ?? 0)
      if (!isOver) send(agent, next)
      // Its last word may have been sent while the heartbeat before it was still on its way.
      else if (fateOf[agent] === fates.leaves && !hasLeft(agent)) send(agent, fateAt[agent] ?? 0, second + 1)
      agent = following
    }
  }

  return {
    arriveIn,
    draw,
    /** When an agent that died sent its last heartbeat, in seconds since 1970; undefined for any other. */
    lastSentByDead: (agentId: string): number | undefined => {
      const agent = Number.parseInt(agentId.slice('agent-'.length), 36)
      return fateOf[agent] === fates.dies ? startSeconds + (sentAt[agent] ?? 0) / 1000 : undefined
    },
    died,
    left,
  }
}

const agentIdOf = (agent: number) => `agent-${agent.toString(36)}`
