import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

const expressionLengthMax = 1000
const expression = z
  .string({ error: 'must be a CEL expression' })
  .min(1, { error: 'must be a CEL expression' })
  .max(expressionLengthMax, { error: `must be at most ${expressionLengthMax} characters` })

/** Where messages wait for a subscriber's endpoint. */
export const subscriberTopicPrefix = 'subscriber.'
/** Where messages go that a subscriber's endpoint did not take. */
export const undeliveredTopic = 'subscriber-undelivered'
/** Topics of a tenant's own begin so, as neither another tenant's nor one of the control plane's does: nobody is sent what is for others. */
export const tenantTopicPrefix = (tenant: string): string => `tenant.${tenant}.`
const topicRule = 'must be 3 to 255 letters, digits or ._~- that start with a letter'

const audienceRule = 'must be 1 to 500 characters'

export const SubscriptionTarget = z.discriminatedUnion(
  'kind',
  [
    z.strictObject(
      fields.internal({
        kind: z.literal('topic'),
        topic: z.string({ error: topicRule }).regex(/^[A-Za-z][A-Za-z0-9._~-]{2,254}$/, { error: topicRule }),
      }),
    ),
    z.strictObject({
      ...fields.internal({
        kind: z.literal('https'),
      }),
      ...fields.restricted({
        url: z
          .url({ protocol: /^https?$/, error: 'must be an https URL' })
          .max(2000, { error: 'must be at most 2000 characters' }),
      }),
      ...fields.confidential({
        /** For whom the identity is that comes with each delivery; the URL unless given. */
        audience: z
          .string({ error: audienceRule })
          .min(1, { error: audienceRule })
          .max(500, { error: audienceRule })
          .optional(),
      }),
    }),
  ],
  { error: 'must have the kind topic or https' },
)

const attemptsRule = 'must be a whole number from 5 to 100'
const hoursRule = 'must be a whole number from 1 to 168'
const secondsRule = 'must be a whole number of seconds from 0 to 600'
const seconds = z.int({ error: secondsRule }).min(0, { error: secondsRule }).max(600, { error: secondsRule })

/**
 * How an endpoint is tried again, until either limit is reached. Attempts and back-off are within Pub/Sub's own limits, hours
 * within what its topics keep.
 */
export const SubscriptionRetry = z.strictObject(
  fields.internal({
    attemptsMax: z
      .int({ error: attemptsRule })
      .min(5, { error: attemptsRule })
      .max(100, { error: attemptsRule })
      .default(100),
    hoursMax: z.int({ error: hoursRule }).min(1, { error: hoursRule }).max(168, { error: hoursRule }).default(24),
    backoffSecondsMin: seconds.default(1),
    backoffSecondsMax: seconds.default(600),
  }),
)
export type SubscriptionRetry = z.infer<typeof SubscriptionRetry>

const order = z.enum(['agent', 'none'], { error: 'must be agent or none' })
const tenantRule = 'must be 1 to 63 of a-z, 0-9 or -'

/** What somebody wants to hear of a tenant's agents. Expressions are CEL (https://cel.dev) over `event` and `state`. */
export const SubscriptionDefinition = z
  .strictObject(
    fields.internal({
      tenant: z.string({ error: tenantRule }).regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, { error: tenantRule }),
      /** Which events: must come to true. */
      filter: expression.default('true'),
      /** What is sent of each; without it the event and the state of its agent. */
      projection: expression.optional(),
      target: SubscriptionTarget,
      /** `agent`: each agent's reports in their order. `none`: as they come, which costs less. */
      order: order.default('agent'),
      retry: SubscriptionRetry.default({
        attemptsMax: 100,
        hoursMax: 24,
        backoffSecondsMin: 1,
        backoffSecondsMax: 600,
      }),
    }),
  )
  .superRefine(({ tenant, target }, context) => {
    if (target.kind !== 'topic' || target.topic.startsWith(tenantTopicPrefix(tenant))) return
    const message = `must begin with ${tenantTopicPrefix(tenant)}`
    context.addIssue({ code: 'custom', path: ['target', 'topic'], message })
  })
export type SubscriptionDefinition = z.infer<typeof SubscriptionDefinition>

/** `paused`: by its owner. `disabled`: its endpoint answered that it is gone (410), until its owner makes it active again. */
export const subscriptionStatuses = ['active', 'paused', 'disabled'] as const

/** `subscriptions/{id}`. */
export const SubscriptionDocument = z.object({
  ...fields.internal({
    id: z.string(),
    status: z.enum(subscriptionStatuses),
    /** Why and when it was disabled; null unless it is. */
    disabled: z
      .object(fields.internal({ reason: z.string(), at: Instant }))
      .nullable()
      .default(null),
    /** Grows with each change of the definition. */
    version: z.int(),
    /** From then on every instance knows of it: what is published later is delivered. */
    activeFrom: Instant,
    createdAt: Instant,
    updatedAt: Instant,
    /** Events that were not delivered, because the filter or the projection failed, or the target did not take them. */
    failures: z.int().default(0),
    lastFailure: z
      .object(fields.internal({ message: z.string(), eventId: z.string(), at: Instant }))
      .nullable()
      .default(null),
  }),
  ...SubscriptionDefinition.shape,
})
export type SubscriptionDocument = z.infer<typeof SubscriptionDocument>

export const SubscriptionList = z.object(fields.internal({ subscriptions: z.array(SubscriptionDocument) }))

/** How long an instance may go on with what it knew of subscriptions. */
export const subscriptionsKnownSeconds = 10
/** A subscription is active this long after it was made, when no instance can have older knowledge. */
export const subscriptionStartSeconds = 15

/** `subscribedTenants/all`: which tenants have active subscriptions, and since when without a break. */
export const SubscribedTenants = z.object(fields.internal({ since: z.record(z.string(), Instant) }))
export type SubscribedTenants = z.infer<typeof SubscribedTenants>

const ChannelItem = z.object({
  ...fields.internal({ sequence: z.int() }),
  ...fields.confidential({ json: z.string() }),
})
/**
 * `channels/{agentId}`: which report of an agent goes to its ordered subscribers next, and what came before its turn.
 * `startedAt` is null for an agent of which all reports are distributed from the first on.
 */
export const ChannelDocument = z.object(
  fields.internal({
    tenant: z.string(),
    /** The tenant's, when this channel began. */
    since: Instant,
    next: z.int(),
    first: z.int(),
    startedAt: Instant.nullable(),
    waiting: z.array(ChannelItem),
    waitingSince: Instant.nullable(),
    isWaiting: z.boolean(),
  }),
)
export type ChannelDocument = z.infer<typeof ChannelDocument>

/** What may be changed of a subscription. For another tenant or target there is another subscription. */
export const SubscriptionChange = z.strictObject(
  fields.internal({
    filter: expression.optional(),
    projection: expression.optional(),
    order: order.optional(),
    status: z.enum(['active', 'paused'], { error: 'must be active or paused' }).optional(),
  }),
)
export type SubscriptionChange = z.infer<typeof SubscriptionChange>

/** With what an endpoint verifies that a delivery is ours (Standard Webhooks). */
export const SigningSecret = z.object({
  ...fields.restricted({ secret: z.string() }),
  ...fields.internal({ createdAt: Instant }),
})
export type SigningSecret = z.infer<typeof SigningSecret>
/** `GET /v1/subscriptions/{id}/signing-secrets`: the newest first; each delivery is signed with all of them. */
export const SigningSecrets = z.object(fields.internal({ secrets: z.array(SigningSecret) }))

/** What a subscriber is sent. Duplicates are possible and have the same `id`. */
export interface Delivered {
  id: string
  tenant: string
  type: string
  subject: string
  time: string
  sequence: number | null
  data: unknown
}
