import { randomBytes } from 'node:crypto'
import type { Server, UntypedServiceImplementation } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'
import { page, unary } from '../wire/unary.ts'
import { serviceDefinition } from '../wire/grpc-service.ts'
import { invalidArgument } from './errors.ts'
import type { QueueMessage, TaskMessage } from './messages.ts'
import { checkQueueName } from './names.ts'
import { stateFilter, type Queues } from './queues.ts'
import { taskResource } from './task.ts'

export const SERVICES = ['google.cloud.tasks.v2.CloudTasks', 'google.cloud.tasks.v2beta3.CloudTasks']

/** What each method answers, by its name. Throws `StatusError`. */
export type Methods = Readonly<Record<string, (request: never) => object>>

interface Named {
  name: string
}

interface ListRequest {
  parent: string
  filter: string
  responseView: number
  pageSize: number
  pageToken: string
}

const sizeOf = (message: object): number => {
  const { $type } = message as protobuf.Message
  return $type.encode(message).finish().length
}

const required = <T>(value: T | null, field: string): T => {
  if (value === null) throw invalidArgument(`${field} is required.`)
  return value
}

/** The methods of CloudTasks; v2beta3's are the same in all that both have. */
export const cloudTasks = (queues: Queues): Methods => {
  const policies = new Map<string, object>()
  return {
    ListQueues: (request: ListRequest) => {
      const all = queues.list(request.parent, stateFilter(request.filter))
      const { items, nextPageToken } = page(all, request, ({ name }) => name)
      return { queues: items, nextPageToken }
    },
    GetQueue: ({ name }: Named) => queues.get(name),
    CreateQueue: ({ parent, queue }: { parent: string; queue: QueueMessage | null }) =>
      queues.create(parent, required(queue, 'Queue')),
    UpdateQueue: ({ queue, updateMask }: { queue: QueueMessage | null; updateMask: { paths: string[] } | null }) =>
      queues.update(required(queue, 'Queue'), updateMask?.paths ?? []),
    DeleteQueue: ({ name }: Named) => {
      queues.delete(name)
      policies.delete(name)
      return {}
    },
    PurgeQueue: ({ name }: Named) => queues.purge(name),
    PauseQueue: ({ name }: Named) => queues.setPaused(name, true),
    ResumeQueue: ({ name }: Named) => queues.setPaused(name, false),
    GetIamPolicy: ({ resource }: { resource: string }) => {
      queues.checkExists(resource)
      return policies.get(resource) ?? { etag: Buffer.from('ACAB', 'base64') }
    },
    SetIamPolicy: ({ resource, policy }: { resource: string; policy: object | null }) => {
      queues.checkExists(resource)
      const kept = { ...required(policy, 'Policy'), etag: randomBytes(8) }
      policies.set(resource, kept)
      return kept
    },
    // Nobody is refused anything here.
    TestIamPermissions: ({ resource, permissions }: { resource: string; permissions: string[] }) => {
      checkQueueName(resource)
      return { permissions }
    },
    ListTasks: (request: ListRequest) => {
      const { items, nextPageToken } = page(queues.tasks(request.parent), request, ({ name }) => name)
      return { tasks: items.map((task) => taskResource(task, request.responseView)), nextPageToken }
    },
    GetTask: ({ name, responseView }: Named & { responseView: number }) =>
      taskResource(queues.task(name), responseView),
    CreateTask: ({
      parent,
      task,
      responseView,
    }: {
      parent: string
      task: TaskMessage | null
      responseView: number
    }) => {
      const message = required(task, 'Task')
      return taskResource(queues.createTask(parent, message, sizeOf(message)), responseView)
    },
    DeleteTask: ({ name }: Named) => {
      queues.deleteTask(name)
      return {}
    },
    RunTask: ({ name, responseView }: Named & { responseView: number }) =>
      taskResource(queues.runTask(name).task, responseView),
  }
}

/** Serves the methods over gRPC. What v2beta3 has besides answers UNIMPLEMENTED. */
export const addCloudTasks = (server: Pick<Server, 'addService'>, root: protobuf.Root, methods: Methods): void => {
  const implementation: UntypedServiceImplementation = {}
  for (const [name, answer] of Object.entries(methods)) {
    implementation[name] = unary((request: object) => answer(request as never))
  }
  for (const service of SERVICES) server.addService(serviceDefinition(root, service), implementation)
}
