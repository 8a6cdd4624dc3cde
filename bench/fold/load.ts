import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageText, topics, type AgentReport } from '@infinity-matrix/contracts'
import { reportJson } from '@infinity-matrix/testing'

interface CloudEventBody {
  type: string
  source: string
  data: { message: { messageId: string; publishTime: string; data: string; attributes: Record<string, string> } }
}
export type Handler = (event: CloudEventBody) => Promise<unknown>
/** A report as its agent publishes it, as far as its parts are looked at here. */
export interface Report {
  subject: string
  sequence: number
}

/**
 * A function instance as it is deployed: the bundle that `npm run build` makes, which keeps its clients and its fold
 * window in its module. Another name is another instance.
 */
export const handlerOf = async (instance: string): Promise<Handler> => {
  const bundle = pathToFileURL(join(import.meta.dirname, '../../functions/dist/index.js'))
  const { fleet } = (await import(`${bundle.href}?${instance}`)) as { fleet: { onStateChange: Handler } }
  return fleet.onStateChange
}

export type Fleet = ReturnType<typeof fleetOf>

/** A fleet whose agents report in turn, each in its own order. */
export const fleetOf = (name: string, agentCount: number) => {
  const sequences = Array.from({ length: agentCount }, () => 0)
  const data: Extract<AgentReport, { type: 'agent.step-taken.v1' }>['data'] = {
    step: 'acted',
    tool: 'search',
    observationBytes: 1834,
    costUsd: 0.0021,
    tokensIn: 1200,
    tokensOut: 87,
    durationMs: 412,
  }
  /** The next report of an agent. */
  const report = (agent: number): Report => {
    const sequence = (sequences[agent] ?? 0) + 1
    sequences[agent] = sequence
    const overrides = { agentId: `${name}-${agent}`, timeMs: Date.now() }
    if (sequence > 1) return reportJson('agent.step-taken.v1', sequence, data, overrides)
    const labels = { team: 'search', stage: 'production' }
    return reportJson('agent.started.v1', 1, { kind: 'bench', version: '1.4.2', task: 'SWE-1', labels }, overrides)
  }
  /** As many messages of single events as asked for, agent after agent. */
  const single = (count: number): Report[][] =>
    Array.from({ length: count }, (_, index) => [report(index % agentCount)])
  /** Messages that each hold the next `perAgent` events of each of `agentsPerMessage` agents. */
  const batched = (count: number, agentsPerMessage: number, perAgent: number): Report[][] =>
    Array.from({ length: count }, (_, message) =>
      Array.from({ length: agentsPerMessage * perAgent }, (__, index) =>
        report((message * agentsPerMessage + Math.floor(index / perAgent)) % agentCount),
      ),
    )
  return { name, single, batched, reported: () => sequences.reduce((sum, sequence) => sum + sequence, 0) }
}

let messages = 0
/** As Eventarc hands a message to the functions framework. */
export const bodyOf = (events: readonly Report[]): CloudEventBody => ({
  type: 'google.cloud.pubsub.topic.v1.messagePublished',
  source: `//pubsub.googleapis.com/projects/${process.env['GCLOUD_PROJECT']}/topics/${topics.stateChanges.name}`,
  data: {
    message: {
      messageId: String(++messages),
      publishTime: new Date().toISOString(),
      data: Buffer.from(messageText(events.map((event) => JSON.stringify(event)))).toString('base64'),
      attributes: {},
    },
  },
})

/** Hands all messages over, so many at once. */
export const deliver = async (handler: Handler, bodies: readonly CloudEventBody[], inFlight: number): Promise<void> => {
  let next = 0
  const worker = async () => {
    for (let body = bodies[next++]; body; body = bodies[next++]) await handler(body)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
