import type { sendUnaryData } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'
import { serviceDefinition } from '../wire/grpc-service.ts'
import { acknowledge, modifyDeadlines, requireAllDone } from './acknowledgement.ts'
import type { Broker, SeekTarget } from './broker.ts'
import { invalidArgument } from './errors.ts'
import {
  withFields,
  type Duration,
  type PushConfig,
  type SnapshotResource,
  type SubscriptionResource,
} from './messages.ts'
import { checkProject } from './names.ts'
import { pull, type PullRequest } from './pull.ts'
import type { ServiceHost } from './service-host.ts'
import type { SnapshotRequest } from './snapshots/catalogue.ts'
import { streamingPull, type StreamingPullCall, type StreamingPullOptions } from './streaming-pull.ts'
import { checkPushConfig } from './subscription-rules.ts'
import { asStatus, given, page, unary, type PageRequest, type UnaryCall } from '../wire/unary.ts'

interface UpdateMask {
  paths: string[]
}

interface AckRequest {
  subscription: string
  ackIds: string[]
}

const requireAckIds = (ackIds: readonly string[]): void => {
  if (ackIds.length === 0) throw invalidArgument('You have not specified an ack ID in the request.')
}

const targetOf = ({ time, snapshot }: { time?: Duration | null; snapshot?: string }): SeekTarget => {
  if (time) return { time }
  if (snapshot) return { snapshot }
  throw invalidArgument('A time or a snapshot to seek to must be given.')
}

/** The unary methods of google.pubsub.v1.Subscriber. */
export const subscriberMethods = (broker: Broker, options: Pick<StreamingPullOptions, 'time'>) => ({
  CreateSubscription: unary((subscription: SubscriptionResource) => broker.createSubscription(subscription)),
  GetSubscription: unary(({ subscription }: { subscription: string }) => broker.subscription(subscription).resource),
  UpdateSubscription: unary(
    ({ subscription, updateMask }: { subscription: SubscriptionResource | null; updateMask: UpdateMask | null }) =>
      broker.updateSubscription(given(subscription, 'subscription'), updateMask?.paths ?? []),
  ),
  DeleteSubscription: unary(({ subscription }: { subscription: string }) => {
    broker.deleteSubscription(subscription)
    return {}
  }),
  ListSubscriptions: unary((request: PageRequest & { project: string }) => {
    checkProject(request.project)
    const { items, nextPageToken } = page(broker.subscriptionsOf(request.project), request, ({ name }) => name)
    return { subscriptions: items, nextPageToken }
  }),
  Acknowledge: unary(({ subscription, ackIds }: AckRequest) => {
    requireAckIds(ackIds)
    requireAllDone(acknowledge(broker.subscription(subscription), ackIds))
    return {}
  }),
  ModifyAckDeadline: unary((request: AckRequest & { ackDeadlineSeconds: number }) => {
    const subscription = broker.subscription(request.subscription)
    requireAckIds(request.ackIds)
    requireAllDone(modifyDeadlines(subscription, request.ackIds, request.ackDeadlineSeconds))
    return {}
  }),
  ModifyPushConfig: unary((request: { subscription: string; pushConfig: PushConfig | null }) => {
    const { resource } = broker.subscription(request.subscription)
    broker.changeSubscription(withFields(resource, { pushConfig: checkPushConfig(request.pushConfig) }))
    return {}
  }),
  Seek: unary((request: { subscription: string; time?: Duration | null; snapshot?: string }) => {
    broker.seek(request.subscription, targetOf(request))
    return {}
  }),
  CreateSnapshot: unary((request: SnapshotRequest) => broker.createSnapshot(request).resource),
  GetSnapshot: unary(({ snapshot }: { snapshot: string }) => broker.snapshots.get(snapshot).resource),
  ListSnapshots: unary((request: PageRequest & { project: string }) => {
    checkProject(request.project)
    const { items, nextPageToken } = page(broker.snapshots.inProject(request.project), request, ({ name }) => name)
    return { snapshots: items, nextPageToken }
  }),
  UpdateSnapshot: unary(
    ({ snapshot, updateMask }: { snapshot: SnapshotResource | null; updateMask: UpdateMask | null }) =>
      broker.snapshots.update(given(snapshot, 'snapshot'), updateMask?.paths ?? []),
  ),
  DeleteSnapshot: unary(({ snapshot }: { snapshot: string }) => {
    broker.snapshots.delete(snapshot)
    return {}
  }),
  Pull: (call: UnaryCall<PullRequest>, callback: sendUnaryData<object>) => {
    try {
      pull(broker, options.time, call, callback)
    } catch (error) {
      callback(asStatus(error))
    }
  },
})

/** Serves google.pubsub.v1.Subscriber. */
export const addSubscriberService = (
  host: ServiceHost,
  root: protobuf.Root,
  broker: Broker,
  options: StreamingPullOptions,
): void => {
  host.addService(serviceDefinition(root, 'google.pubsub.v1.Subscriber'), {
    ...subscriberMethods(broker, options),
    StreamingPull: (call: StreamingPullCall) => streamingPull(broker, call, options),
  })
}
