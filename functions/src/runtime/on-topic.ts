import { PubSubMessage } from '@infinity-matrix/contracts'
import { functionRow, isOfTopic, type FunctionFiredBy } from '@infinity-matrix/core/access'
import { onMessagePublished, type PubSubOptions } from 'firebase-functions/pubsub'
import { z } from 'zod'
import { asFunction } from './as-function.ts'
import { projectId } from './params.ts'

export type TopicOptions = Omit<PubSubOptions, 'topic'> & { maxInstances: number; concurrency: number }

// Whoever calls may leave out what every CloudEvent has.
const Occurrence = z.object({ type: z.string().catch(''), source: z.string().catch('') })

/**
 * A function on the topic of its row. What it does not settle comes again, unless `retry` is false.
 *
 * @param name as it is deployed
 */
export const onTopic = (
  name: FunctionFiredBy<'topic'>,
  options: TopicOptions,
  handle: (message: z.infer<typeof PubSubMessage>) => Promise<void> | void,
) => {
  const { topic } = functionRow(name, 'topic')
  const onMessage = onMessagePublished({ retry: true, ...options, topic }, ({ type, source, data }) => {
    const as = Occurrence.parse({ type, source })
    return asFunction(name, { isOwn: isOfTopic(as, topic, projectId()), as }, () =>
      handle(PubSubMessage.parse(data.message)),
    )
  })
  return Object.assign(onMessage, { deployedAs: name })
}
