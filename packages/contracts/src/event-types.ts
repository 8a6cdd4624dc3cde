import { z } from 'zod'
import { fields } from './data-class.ts'
import { Properties } from './properties.ts'
import { when } from './when.ts'

const text = (lengthMax: number) =>
  z.string({ error: 'must be a string' }).max(lengthMax, { error: `must be at most ${lengthMax} characters` })
const named = (lengthMax: number) => text(lengthMax).min(1, { error: `must be 1 to ${lengthMax} characters` })

// What an event may say and what a state may add up to have one bound: a state that its own schema refuses could never be
// read again.
/** The largest count, in an event and as a total; a total that would pass it stays there. */
export const countMax = Number.MAX_SAFE_INTEGER
/** The same for amounts (US dollars, milliseconds, percent). */
export const amountMax = 1e12

const countRule = `must be a whole number from 0 to ${countMax}`
const count = z.int({ error: countRule }).min(0, { error: countRule })
const amountRule = `must be a number from 0 to ${amountMax}`
const amount = z.number({ error: amountRule }).min(0, { error: amountRule }).max(amountMax, { error: amountRule })
const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` })

/** At most this many labels on an agent. */
export const labelsMax = 16
/** At most this many different tools are counted by name; later ones are counted together, under this one. */
export const toolsMax = 32
export const otherTools = 'other'
/** What a failed run may leave of its log, in characters. */
export const logTailLengthMax = 8192

// Names that become keys of a stored map: Firestore refuses empty keys and keeps `__...__` for itself.
const keyRule = 'must be 1 to 128 printable characters and not start with __'
const Key = z.string({ error: keyRule }).regex(/^(?!__)[^\p{C}]{1,128}$/u, { error: keyRule })

export const Labels = z
  .record(Key, text(63), { error: ({ code }) => (code === 'invalid_key' ? keyRule : 'must be an object of strings') })
  .refine((labels) => Object.keys(labels).length <= labelsMax, { error: `must have at most ${labelsMax} entries` })

export const activeStatuses = ['running', 'waiting', 'draining'] as const
export const outcomes = ['success', 'failure', 'completed', 'cancelled'] as const
/** How a run ended. `completed`: it ended by itself and nobody judged the result. */
export const Outcome = oneOf(outcomes)
export type Outcome = z.infer<typeof Outcome>

export const AgentStarted = z.object({
  ...fields.internal({
    kind: named(64),
    version: named(64).optional(),
    labels: Labels.optional(),
  }),
  ...fields.confidential({
    task: text(256).optional(),
  }),
})

export const StepTaken = z.object(
  fields.internal({
    step: oneOf(['thought', 'acted', 'observed']),
    tool: Key.optional(),
    observationBytes: count.optional(),
    costUsd: amount.optional(),
    tokensIn: count.optional(),
    tokensOut: count.optional(),
    durationMs: amount.optional(),
  }),
)

export const StatusChanged = z.object({
  ...fields.internal({ status: oneOf(activeStatuses) }),
  ...fields.confidential({ reason: text(512).optional() }),
})

export const AgentFinished = z.object({
  ...fields.internal({
    outcome: Outcome,
    reward: z.number({ error: 'must be a number' }).optional(),
    exitCode: z.int({ error: 'must be a whole number' }).optional(),
    signal: named(16).optional(),
    costUsd: amount.optional(),
  }),
  ...fields.confidential({
    reason: text(512).optional(),
    logTail: text(logTailLengthMax).optional(),
  }),
})

/** Totals over all runs of an agent. Money in US dollars. */
export const Usage = z.object(
  fields.internal({
    steps: count,
    costUsd: amount,
    tokensIn: count,
    tokensOut: count,
    observationBytes: count,
    toolCalls: z
      .record(Key, count, { error: 'must be an object of counts' })
      .refine((calls) => Object.keys(calls).filter((tool) => tool !== otherTools).length <= toolsMax, {
        error: `must have at most ${toolsMax} entries besides ${otherTools}`,
      }),
  }),
)
export type Usage = z.infer<typeof Usage>

const Run = z.object({ ...AgentStarted.shape, ...fields.internal({ number: count, startedAt: when }) })

/** What an agent says of itself, as a union on `status`. */
export const ReportedState = z.discriminatedUnion(
  'status',
  [
    z.object(fields.internal({ status: z.literal('new'), usage: Usage })),
    z.object({
      ...fields.internal({ status: z.enum(activeStatuses), run: Run, usage: Usage }),
      ...fields.confidential({ reason: text(512).optional() }),
    }),
    z.object(
      fields.internal({
        status: z.enum(['succeeded', 'failed', 'completed', 'cancelled']),
        run: Run,
        usage: Usage,
        finish: z.object({ ...AgentFinished.shape, ...fields.internal({ finishedAt: when }) }),
      }),
    ),
  ],
  { error: 'must be new, running, waiting, draining, succeeded, failed, completed or cancelled' },
)
export type ReportedState = z.infer<typeof ReportedState>
export type AgentStatus = ReportedState['status']
export const agentStatuses: readonly [AgentStatus, ...AgentStatus[]] = [
  'new',
  ...activeStatuses,
  'succeeded',
  'failed',
  'completed',
  'cancelled',
]

/** What an agent's properties are now: a merge patch on what it reported before, and the desired state it has seen. */
export const PropertiesReported = z.object({
  ...fields.confidential({ properties: Properties }),
  ...fields.internal({ desiredVersion: count.optional() }),
})

/** The whole state at the event's sequence: it replaces all that came before. */
export const AgentSnapshot = z.object({
  ...fields.internal({
    state: ReportedState,
    desiredVersion: count.optional(),
  }),
  ...fields.confidential({
    properties: Properties.optional(),
  }),
})

const boundRule = 'must be a number from 5 to 86400'
const silenceBoundSeconds = z
  .number({ error: boundRule })
  .min(5, { error: boundRule })
  .max(86_400, { error: boundRule })
const leaving = z.boolean({ error: 'must be true or false' })

/** At most this many capabilities in a heartbeat. */
export const capabilitiesMax = 16
const capabilityRule = 'must be 1 to 63 of a-z, 0-9 or ._-, and start with a letter or digit'
const CapabilityName = z
  .string({ error: capabilityRule })
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: capabilityRule })
const heartbeatCapabilities = z
  .record(CapabilityName, z.object(fields.internal({ silenceBoundSeconds, leaving: leaving.optional() })), {
    error: 'must be an object of capabilities',
  })
  .refine((capabilities) => Object.keys(capabilities).length <= capabilitiesMax, {
    error: `must have at most ${capabilitiesMax} entries`,
  })

/** A last will is at most this long, in characters of JSON. */
export const willLengthMax = 1024
const LastWill = z.record(z.string(), z.unknown(), { error: 'must be an object or null' }).refine(
  (will) => {
    try {
      return JSON.stringify(will).length <= willLengthMax
    } catch {
      // Nested deeper than the stack.
      return false
    }
  },
  { error: `must be at most ${willLengthMax} characters of JSON` },
)

export const AgentHeartbeat = z.object({
  ...fields.internal({
    /** The agent counts as silent when it was not heard for this long. */
    silenceBoundSeconds,
    cpuPercent: amount.optional(),
    memoryBytes: count.optional(),
    /** The agent's last word: it stops here, so its silence from now on means nothing. */
    leaving: leaving.optional(),
    /** What of the agent works, by name. One that later heartbeats leave out for its bound went silent; `leaving` ends that. */
    capabilities: heartbeatCapabilities.optional(),
  }),
  ...fields.confidential({
    /**
     * What the control plane says on the agent's behalf should it go silent: given once, kept until another or null comes, and
     * void when the agent leaves (as MQTT's will message, OASIS MQTT 5.0, section 3.1.2.5).
     */
    will: LastWill.nullable().optional(),
  }),
})

/** Of the agent's own clock, in whole seconds, rounded up. */
const lastHeardAt = when
export const AgentWentSilent = z.object({
  ...fields.internal({ lastHeardAt, silenceBoundSeconds: amount }),
  ...fields.confidential({ will: LastWill.optional() }),
})
export const AgentHeardAgain = z.object(fields.internal({ heardAt: when }))
/** One of its capabilities, while the agent itself is heard. */
export const CapabilityWentSilent = z.object(
  fields.internal({ capability: CapabilityName, lastHeardAt, silenceBoundSeconds: amount }),
)
export const CapabilityHeardAgain = z.object(fields.internal({ capability: CapabilityName, heardAt: when }))
export const ResyncRequested = z.object(fields.internal({ afterSequence: count, gapSince: when }))
/** What an agent is asked to become: `delta` is what desired says and it did not report. */
export const DesiredChanged = z.object({
  ...fields.internal({ desiredVersion: count }),
  ...fields.confidential({ properties: Properties, delta: Properties }),
})

/** Version 1 told success apart by a flag; version 2 names the outcome. */
const AgentFinishedV1 = z.object(
  fields.internal({
    success: z.boolean({ error: 'must be true or false' }),
    exitCode: z.int({ error: 'must be a whole number' }).optional(),
  }),
)

/**
 * Every event type in its current version. `reports` are what an agent says of itself, in sequence, and
 * `observations` what is noticed about an agent, without one.
 */
export const reports = {
  'agent.started.v1': AgentStarted,
  'agent.step-taken.v1': StepTaken,
  'agent.status-changed.v1': StatusChanged,
  'agent.finished.v2': AgentFinished,
  'agent.properties-reported.v1': PropertiesReported,
  'agent.snapshot.v1': AgentSnapshot,
} as const

export const observations = {
  'agent.heartbeat.v1': AgentHeartbeat,
  'agent.went-silent.v1': AgentWentSilent,
  'agent.heard-again.v1': AgentHeardAgain,
  'agent.capability-went-silent.v1': CapabilityWentSilent,
  'agent.capability-heard-again.v1': CapabilityHeardAgain,
  'agent.resync-requested.v1': ResyncRequested,
  'agent.desired-changed.v1': DesiredChanged,
} as const

interface Upcast {
  schema: z.ZodType
  to: keyof typeof reports
  data: (old: unknown) => unknown
}

/** Old versions, and how each becomes the next. */
export const upcasts: Readonly<Record<string, Upcast>> = {
  'agent.finished.v1': {
    schema: AgentFinishedV1,
    to: 'agent.finished.v2',
    data: (old) => {
      const { success, ...rest } = AgentFinishedV1.parse(old)
      return { ...rest, outcome: success ? 'success' : 'failure' }
    },
  },
}
