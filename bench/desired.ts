import { collections, topics, type AgentDocument, type Properties } from '@infinity-matrix/contracts'
import { isOverlapping } from '@infinity-matrix/core/properties'
import { changeDesired, desiredPropertiesOf, desiredVersionOf, type DesiredChange } from '@infinity-matrix/core/fleet'
import { agentDocument, testNowMs } from '@infinity-matrix/testing'
import { serveAgents } from '../functions/src/fleet/api/agents.ts'
import { context, type Context } from '../functions/src/runtime/context.ts'
import { createApp } from '../functions/src/runtime/on-request.ts'
import { desire } from '../packages/cli/src/agents/desire.ts'
import { ApiError, openHttpApi } from '../packages/cli/src/http-api.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { percentileOf, row, type Row } from './measure.ts'
import { createRandom, type Random } from './random.ts'
import { startServer } from './start-server.ts'

/**
 * The reference load: 1,000 people who change what is desired of 100,000 agents, each once in five minutes, with 20 s
 * between seeing an agent and writing it. A change is of one property of twenty. Where somebody was first, what they see
 * anew is written within a second.
 */
const reference = {
  operators: 1000,
  agents: 100_000,
  editEverySeconds: 300,
  thinkSeconds: 20,
  againSeconds: 1,
  properties: 20,
  edits: 500_000,
}
const conflictsMax = 0.0001
/** Another load: half of what they do is about one agent in a hundred. */
const crowded = { agents: 1000, share: 0.5 }
/** Writers over the real API who do not pause, of few agents: how it is when they do meet. */
const crowd = { writers: 32, agents: 50, edits: 3000 }

const patchFrom = (random: Random, edit: number): Properties => ({
  [`p${random.int(1, reference.properties)}`]: edit,
})

interface Waiting {
  atSeconds: number
  agent: number
  patch: Properties
  version: number
  properties: Properties
  isAgain: boolean
}

const changeOf = ({ patch, version }: Waiting): DesiredChange => ({
  how: 'merge',
  properties: patch,
  changedBy: 'operator',
  ifVersion: version,
  jobId: null,
})

const createQueue = () => {
  let waiting: Waiting[] = []
  let next = 0
  return {
    push: (one: Waiting) => waiting.push(one),
    peek: () => waiting[next],
    drop: () => {
      next++
      if (next < 1000) return
      waiting = waiting.slice(next)
      next = 0
    },
  }
}

/** Conflicts in simulated time, by the function that decides in the control plane. */
const conflictsOf = (crowdedShare: number) => {
  const { agents: agentCount, operators, editEverySeconds, edits } = reference
  const random = createRandom(1)
  const agents = new Map<number, AgentDocument>()
  const newAgent = agentDocument()
  const agentOf = (agent: number) => agents.get(agent) ?? newAgent
  const seen = (agent: number) => ({
    version: desiredVersionOf(agentOf(agent)),
    properties: desiredPropertiesOf(agentOf(agent)),
  })
  // Both waits are as long for everybody, so that each of the two queues is in the order of time.
  const [first, again] = [createQueue(), createQueue()]
  let [anew, refused] = [0, 0]

  const write = (edit: Waiting) => {
    const agent = agentOf(edit.agent)
    const decision = changeDesired(agent, changeOf(edit), testNowMs)
    if (decision.kind === 'changed') agents.set(edit.agent, { ...agent, ...decision.fields })
    if (decision.kind !== 'conflict') return
    const now = seen(edit.agent)
    if (!edit.isAgain) anew++
    if (edit.isAgain || isOverlapping(edit.patch, edit.properties, now.properties)) refused++
    else again.push({ ...edit, ...now, isAgain: true, atSeconds: edit.atSeconds + reference.againSeconds })
  }
  const writeUntil = (seconds: number) => {
    for (;;) {
      const [one, other] = [first.peek(), again.peek()]
      const [next, queue] = other && (!one || other.atSeconds < one.atSeconds) ? [other, again] : [one, first]
      if (!next || next.atSeconds > seconds) return
      queue.drop()
      write(next)
    }
  }
  for (let edit = 0; edit < edits; edit++) {
    const atSeconds = (edit * editEverySeconds) / operators
    writeUntil(atSeconds)
    const agent = random.int(0, (random.chance(crowdedShare) ? crowded.agents : agentCount) - 1)
    const patch = patchFrom(random, edit)
    first.push({ atSeconds: atSeconds + reference.thinkSeconds, agent, patch, ...seen(agent), isAgain: false })
  }
  writeUntil(Infinity)
  return { anew: anew / edits, refused: refused / edits }
}

/** The same over the API and Firestore, by many at once. */
const crowdRows = async (shared: Context): Promise<Row[]> => {
  const app = await createApp((routes) => serveAgents(routes, shared))
  const settings = { ...readSettings({}), projectId: 'demo-bench', functionsUrl: 'http://local' }
  const api = await openHttpApi(settings, 'fleet-api', (url, request) =>
    app.request(url.pathname.slice('/fleet-api'.length), request),
  )
  const agents = shared.firestore.collection(collections.agents)
  const ids = Array.from({ length: crowd.agents }, (_, index) => `crowded-${index}`)
  await Promise.all(ids.map((agentId) => agents.doc(agentId).set(agentDocument({ agentId }))))
  const random = createRandom(2)
  const latenciesMs: number[] = []
  let [next, conflicts, refused, made] = [0, 0, 0, 0]
  const writer = async () => {
    while (next < crowd.edits) {
      const edit = next++
      const agentId = ids[random.int(0, crowd.agents - 1)] ?? ''
      const startedAt = performance.now()
      try {
        const change = await desire(api, agentId, patchFrom(random, edit))
        conflicts += change.conflicts
        made++
      } catch (error) {
        if (!(error instanceof ApiError && error.problem.status === 412)) throw error
        refused++
      }
      latenciesMs.push(performance.now() - startedAt)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: crowd.writers }, writer))
  const seconds = (performance.now() - startedAt) / 1000
  const stored = (await shared.firestore.getAll(...ids.map((id) => agents.doc(id)))).map((agent) =>
    Number(agent.get('desired.version')),
  )
  return [
    row('crowd: changes', crowd.edits / seconds, '/s'),
    row('crowd: a change, read and written, p95', percentileOf(latenciesMs, 0.95), 'ms'),
    row('crowd: merged into what somebody else wrote', (100 * conflicts) / crowd.edits, '%'),
    row('crowd: refused with the conflict', (100 * refused) / crowd.edits, '%'),
    row(
      'crowd: versions, beside changes that were answered',
      stored.reduce((sum, one) => sum + one, 0),
      '',
      made,
    ),
  ]
}

/**
 * How often people who change what is desired of agents meet: over days of the reference load in simulated time, and in a
 * crowd over the real API.
 */
export const desired = async (): Promise<Row[]> => {
  const startedAt = performance.now()
  const { anew, refused } = conflictsOf(0)
  const seconds = (performance.now() - startedAt) / 1000
  const hot = conflictsOf(crowded.share)
  const simulated = [
    row('reference load: changes', reference.edits, ''),
    row('reference load: somebody else was first', 100 * anew, '%'),
    row('bar 0.01%: conflicts, after one merge', 100 * refused, '%', 100 * conflictsMax),
    row('changes decided', reference.edits / seconds, '/s'),
    row('half of it about 1% of the agents: somebody else was first', 100 * hot.anew, '%'),
    row('half of it about 1% of the agents: conflicts, after one merge', 100 * hot.refused, '%'),
  ]
  const [store, broker] = await Promise.all([startServer('firestore'), startServer('pubsub')])
  process.env['GCLOUD_PROJECT'] = 'demo-bench'
  process.env['FIRESTORE_EMULATOR_HOST'] = store.address
  process.env['PUBSUB_EMULATOR_HOST'] = broker.address
  process.env['FIREBASE_AUTH_EMULATOR_HOST'] = 'local'
  const shared = await context()
  try {
    await shared.pubsub.createTopic(topics.realtimeSync.name)
    const rows = await crowdRows(shared)
    return [...simulated, ...rows, row('memory of this process', process.memoryUsage().rss / 2 ** 20, 'MiB')]
  } finally {
    await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
    await Promise.all([store.stop(), broker.stop()])
  }
}
