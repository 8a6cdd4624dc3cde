import { AgentDocument } from '@infinity-matrix/contracts'
import { testNowMs } from './event-builder.ts'

const at = new Date(testNowMs).toISOString()
const usage = { steps: 0, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} }

/** An agent's document as it is stored: one that has started, but for what a test says. */
export const agentDocument = (
  fields: Partial<Omit<AgentDocument, 'agentId'>> & { agentId?: string } = {},
): AgentDocument =>
  AgentDocument.parse({
    agentId: 'agent-1',
    tenant: 'acme',
    region: 'us-west1',
    tier: 'standard',
    status: 'running',
    kind: 'worker',
    labels: {},
    reported: { status: 'running', run: { kind: 'worker', number: 1, startedAt: at }, usage },
    version: 1,
    lastSequence: 1,
    parked: [],
    parkedElsewhere: 0,
    hasGap: false,
    gapSince: null,
    resyncRequestedAt: null,
    transitions: '',
    presence: null,
    createdAt: at,
    updatedAt: at,
    ...fields,
  })
