import type { sendUnaryData, Server, ServerUnaryCall } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'
import type { TimeSource } from '../clock/time-source.ts'
import { serviceDefinition } from '../wire/grpc-service.ts'
import type { Broker } from './broker.ts'
import { invalidAckDeadline, invalidAckId, invalidArgument } from './errors.ts'
import { ACK_DEADLINE_SECONDS_MAX } from './limits.ts'
import { withFields, type PushConfig, type SubscriptionResource } from './messages.ts'
import { checkProject } from './names.ts'
import { pull, type PullRequest } from './pull.ts'
import { streamingPull, type StreamingPullCall } from './streaming-pull.ts'
import type { Subscription } from './subscription.ts'
import { checkPushConfig } from './subscription-rules.ts'
import { asStatus, page, unary } from './unary.ts'

interface UpdateRequest {
  subscription: SubscriptionResource
  updateMask: { paths: string[] } | null
}

interface AckRequest {
  subscription: string
  ackIds: string[]
}

const checkAckIds = (subscription: Subscription, ackIds: readonly string[]): void => {
  if (ackIds.length === 0) throw invalidArgument('You have not specified an ack ID in the request.')
  for (const ackId of ackIds) if (!subscription.queue.isAckId(ackId)) throw invalidAckId(ackId)
}

interface SubscriberOptions {
  time: TimeSource
  outstandingPerStreamMax: number
}

/** Serves google.pubsub.v1.Subscriber. */
export const addSubscriberService = (
  server: Server,
  root: protobuf.Root,
  broker: Broker,
  { time, outstandingPerStreamMax }: SubscriberOptions,
): void => {
  server.addService(serviceDefinition(root, 'google.pubsub.v1.Subscriber'), {
    CreateSubscription: unary((subscription: SubscriptionResource) => broker.createSubscription(subscription)),
    GetSubscription: unary(({ subscription }: { subscription: string }) => broker.subscription(subscription).resource),
    UpdateSubscription: unary(({ subscription, updateMask }: UpdateRequest) =>
      broker.updateSubscription(subscription, updateMask?.paths ?? []),
    ),
    DeleteSubscription: unary(({ subscription }: { subscription: string }) => {
      broker.deleteSubscription(subscription)
      return {}
    }),
    ListSubscriptions: unary((request: { project: string; pageSize: number; pageToken: string }) => {
      checkProject(request.project)
      const all = broker.subscriptionsOf(request.project)
      const { items, nextPageToken } = page(all, request.pageSize, request.pageToken)
      return { subscriptions: items, nextPageToken }
    }),
    Acknowledge: unary(({ subscription: name, ackIds }: AckRequest) => {
      const subscription = broker.subscription(name)
      checkAckIds(subscription, ackIds)
      for (const ackId of ackIds) subscription.queue.acknowledge(ackId)
      return {}
    }),
    ModifyAckDeadline: unary((request: AckRequest & { ackDeadlineSeconds: number }) => {
      const seconds = request.ackDeadlineSeconds
      const subscription = broker.subscription(request.subscription)
      if (seconds < 0 || seconds > ACK_DEADLINE_SECONDS_MAX) {
        throw invalidAckDeadline(seconds, 0, ACK_DEADLINE_SECONDS_MAX)
      }
      checkAckIds(subscription, request.ackIds)
      for (const ackId of request.ackIds) subscription.queue.modifyDeadline(ackId, seconds)
      return {}
    }),
    ModifyPushConfig: unary(
      ({ subscription: name, pushConfig }: { subscription: string; pushConfig: PushConfig | null }) => {
        const subscription = broker.subscription(name)
        subscription.update(withFields(subscription.resource, { pushConfig: checkPushConfig(pushConfig) }))
        return {}
      },
    ),
    Pull: (call: ServerUnaryCall<PullRequest, object>, callback: sendUnaryData<object>) => {
      try {
        pull(broker, time, call, callback)
      } catch (error) {
        callback(asStatus(error))
      }
    },
    StreamingPull: (call: StreamingPullCall) => streamingPull(broker, call, outstandingPerStreamMax),
  })
}
