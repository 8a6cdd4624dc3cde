import { eventAgeDaysMax, messageBytesMax, type Problem } from '@infinity-matrix/contracts'
import { observationJson, reportJson } from '@infinity-matrix/testing'
import type { Random } from '../random.ts'
import type { AgentHistory } from './history.ts'

/** An input that must become a dead letter, with this code. */
export interface BadInput {
  code: Problem['code']
  bytes: Buffer
  /** Whether it may stand in a batch, which only an event that is JSON can. */
  isEvent: boolean
}

export interface PlantedOptions {
  /** Whose events they look like; their sequences are ones that this agent's real reports have. */
  histories: readonly AgentHistory[]
  nowMs: number
}

const dayMs = 86_400_000

type Make = (address: { agentId: string; sequence: number; nowMs: number; mark: string }) => object | Buffer

const step = ({ agentId, sequence, nowMs, mark }: Parameters<Make>[0]) =>
  reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: mark }, { agentId, timeMs: nowMs })

/** Every way in which one input alone is bad, on the topic of reports. */
const makers: readonly [{ code: Problem['code']; make: Make }, ...{ code: Problem['code']; make: Make }[]] = [
  { code: 'not-json', make: (at) => Buffer.from(JSON.stringify(step(at)).slice(0, -1)) },
  { code: 'not-json', make: (at) => Buffer.concat([Buffer.from(JSON.stringify(step(at))), Buffer.from([0xff])]) },
  { code: 'bad-envelope', make: (at) => Buffer.from(JSON.stringify({ events: [], mark: at.mark })) },
  { code: 'bad-envelope', make: (at) => ({ ...step(at), tenant: undefined }) },
  { code: 'bad-envelope', make: (at) => ({ ...step(at), sequence: 0 }) },
  { code: 'bad-envelope', make: (at) => ({ ...step(at), source: '//agents/somebody-else' }) },
  { code: 'bad-data', make: (at) => ({ ...step(at), data: { step: 'acted', tokensIn: -1, mark: at.mark } }) },
  { code: 'unknown-type', make: (at) => ({ ...step(at), type: 'agent.dreamt.v1' }) },
  { code: 'unknown-version', make: (at) => ({ ...step(at), type: 'agent.step-taken.v99' }) },
  {
    code: 'wrong-topic',
    make: ({ agentId, nowMs }) =>
      observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 86_400 }, { agentId, timeMs: nowMs }),
  },
  { code: 'too-old', make: (at) => step({ ...at, nowMs: at.nowMs - (eventAgeDaysMax + 1) * dayMs }) },
]

const badInput = (code: Problem['code'], made: object | Buffer): BadInput =>
  Buffer.isBuffer(made)
    ? { code, bytes: made, isEvent: false }
    : { code, bytes: Buffer.from(JSON.stringify(made)), isEvent: true }

/** As many bad inputs as asked, of every kind in turn, no two alike. */
export const createBadInputs = (random: Random, count: number, { histories, nowMs }: PlantedOptions): BadInput[] =>
  Array.from({ length: count }, (_, index) => {
    const { code, make } = makers[index % makers.length] ?? makers[0]
    const { agentId = '', reports = [] } = histories[random.int(0, histories.length - 1)] ?? {}
    const sequence = random.int(1, reports.length)
    return badInput(code, make({ agentId, sequence, nowMs: nowMs + index, mark: `planted-${index}` }))
  })

/** A message that no function should ever get, for it is larger than Eventarc hands on. */
export const createTooLarge = (index: number): BadInput => ({
  code: 'too-large',
  bytes: Buffer.alloc(messageBytesMax + 1 + index, ' '),
  isEvent: false,
})

/** A report in another tenant's name, with the sequence that the agent would use next. */
export const createIntruder = ({ agentId, reports }: AgentHistory, nowMs: number): BadInput =>
  badInput(
    'tenant-mismatch',
    reportJson(
      'agent.step-taken.v1',
      reports.length + 1,
      { step: 'acted', costUsd: 1e9 },
      { agentId, tenant: 'intruder', timeMs: nowMs },
    ),
  )
