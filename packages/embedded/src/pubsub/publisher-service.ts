import type protobuf from 'protobufjs'
import { serviceDefinition } from '../wire/grpc-service.ts'
import type { Broker } from './broker.ts'
import type { PubsubMessage, TopicResource } from './messages.ts'
import { checkProject } from './names.ts'
import { checkPublish } from './publish-rules.ts'
import { applySchema } from './schemas/topic-schema.ts'
import type { ServiceHost } from './service-host.ts'
import { given, page, unary, type PageRequest } from '../wire/unary.ts'

interface PublishRequest {
  topic: string
  messages: PubsubMessage[]
  /** Encoded size, noted when the request is decoded. */
  encodedBytes?: number
}

/** Serves google.pubsub.v1.Publisher. */
export const addPublisherService = (host: ServiceHost, root: protobuf.Root, broker: Broker): void => {
  const definition = serviceDefinition(root, 'google.pubsub.v1.Publisher')
  const publish = definition['Publish']
  if (!publish) throw new Error('the definitions lack Publisher.Publish')
  const decode = publish.requestDeserialize
  publish.requestDeserialize = (bytes) => Object.assign(decode(bytes) as object, { encodedBytes: bytes.length })

  host.addService(definition, {
    CreateTopic: unary((topic: TopicResource) => broker.createTopic(topic)),
    GetTopic: unary(({ topic }: { topic: string }) => broker.topic(topic)),
    UpdateTopic: unary(
      ({ topic, updateMask }: { topic: TopicResource | null; updateMask: { paths: string[] } | null }) =>
        broker.updateTopic(given(topic, 'topic'), updateMask?.paths ?? []),
    ),
    DeleteTopic: unary(({ topic }: { topic: string }) => {
      broker.deleteTopic(topic)
      return {}
    }),
    ListTopics: unary((request: PageRequest & { project: string }) => {
      checkProject(request.project)
      const { items, nextPageToken } = page(broker.topicsOf(request.project), request, ({ name }) => name)
      return { topics: items, nextPageToken }
    }),
    ListTopicSubscriptions: unary((request: PageRequest & { topic: string }) => {
      const { items, nextPageToken } = page(broker.subscriptionsOfTopic(request.topic), request, (name) => name)
      return { subscriptions: items, nextPageToken }
    }),
    ListTopicSnapshots: unary((request: PageRequest & { topic: string }) => {
      const { items, nextPageToken } = page(broker.snapshotsOfTopic(request.topic), request, (name) => name)
      return { snapshots: items, nextPageToken }
    }),
    DetachSubscription: unary(({ subscription }: { subscription: string }) => {
      broker.detachSubscription(subscription)
      return {}
    }),
    Publish: unary(({ topic, messages, encodedBytes }: PublishRequest) => {
      checkPublish(messages, encodedBytes ?? 0)
      const { schemaSettings } = broker.topic(topic)
      if (schemaSettings) applySchema(broker.schemas, schemaSettings, messages)
      return { messageIds: broker.publish(topic, messages) }
    }),
  })
}
