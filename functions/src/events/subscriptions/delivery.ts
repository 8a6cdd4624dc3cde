import {
  isReport,
  type AgentChange,
  type AgentEvent,
  type Delivered,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import type { Context } from '../../runtime/context.ts'
import { isRefusedTarget, messageOf } from '../../runtime/failure.ts'
import { topicOf } from './endpoint-queue.ts'
import { loadCompile, type Compiled } from './expression.ts'
import { createFailureNotes } from './failure-notes.ts'
import type { Subscriptions } from './subscriptions.ts'
import { keepUndelivered } from './undelivered.ts'

interface Told {
  event: AgentEvent
  state: AgentChange['state']
}

const compiledMax = 2000

/** Filters, projects and publishes for one subscriber at a time. */
export const createDelivery = (context: Context, subscriptions: Pick<Subscriptions, 'noteFailures'>) => {
  const noteFailure = createFailureNotes(context, subscriptions)
  const compiled = new Map<string, Compiled>()

  // Compiled once by each instance, as long as the text is the same.
  const compiledOf = async (text: string): Promise<Compiled> => {
    const known = compiled.get(text)
    if (known) return known
    if (compiled.size >= compiledMax) compiled.clear()
    const compile = await loadCompile(undefined)
    const fresh = compile(text)
    compiled.set(text, fresh)
    return fresh
  }

  const evaluate = async (text: string, variables: Told) => {
    const expression = await compiledOf(text)
    return expression.ok ? expression.evaluate(variables) : { ok: false as const, message: expression.rule }
  }

  /** What a subscriber is to be sent of an event; undefined when its filter says no, or an expression fails. */
  const messageFor = async (
    { id, filter, projection }: SubscriptionDocument,
    { event, state }: Told,
  ): Promise<Delivered | undefined> => {
    const matches = await evaluate(filter, { event, state })
    const isWanted = matches.ok && matches.value === true
    const projected = projection !== undefined && isWanted ? await evaluate(projection, { event, state }) : undefined
    const failure = !matches.ok
      ? `filter: ${matches.message}`
      : typeof matches.value !== 'boolean'
        ? 'filter: must come to true or false'
        : projected && !projected.ok
          ? `projection: ${projected.message}`
          : undefined
    if (failure !== undefined) await noteFailure(id, failure, event.id)
    if (failure !== undefined || !isWanted) return undefined
    return {
      id: event.id,
      tenant: event.tenant,
      type: event.type,
      subject: event.subject,
      time: event.time,
      sequence: isReport(event) ? event.sequence : null,
      data: projected?.ok ? projected.value : { event, state },
    }
  }

  const send = async (subscription: SubscriptionDocument, agentId: string, message: Delivered): Promise<void> => {
    const topic = context.topic(topicOf(subscription))
    const data = Buffer.from(JSON.stringify(message))
    const attributes = {
      'ce-id': message.id,
      'ce-type': message.type,
      'ce-subject': message.subject,
      'ce-tenant': message.tenant,
      subscription: subscription.id,
    }
    try {
      await topic.publishMessage({ data, attributes, orderingKey: agentId })
    } catch (error) {
      topic.resumePublishing(agentId)
      if (!isRefusedTarget(error)) throw error
      // Its subscriber took the topic away, or does not let us publish: that is not to hold up the others.
      await noteFailure(subscription.id, `target: ${messageOf(error)}`, message.id)
      const publishTime = new Date(context.nowMs()).toISOString()
      const unsent = { messageId: message.id, data: data.toString('base64'), attributes, publishTime }
      const problem = { code: 'not-delivered', rule: `was not taken: ${messageOf(error)}` } as const
      await keepUndelivered(context, subscription.id, unsent, problem)
    }
  }

  /** Published in their order, for each subscriber; all are with Pub/Sub when it resolves. */
  const deliver = async (
    active: readonly SubscriptionDocument[],
    agentId: string,
    told: readonly Told[],
  ): Promise<void> => {
    await Promise.all(
      active.map(async (subscription) => {
        const messages: Delivered[] = []
        for (const one of told) {
          const message = await messageFor(subscription, one)
          if (message) messages.push(message)
        }
        // One ordering key: the client sends them in the order of these calls.
        await Promise.all(messages.map((message) => send(subscription, agentId, message)))
      }),
    )
  }

  return { deliver }
}
