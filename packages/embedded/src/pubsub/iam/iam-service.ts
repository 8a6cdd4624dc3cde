import { randomBytes } from 'node:crypto'
import type protobuf from 'protobufjs'
import { serviceDefinition } from '../../wire/grpc-service.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import { invalidArgument, notFound } from '../errors.ts'
import { collectionOf } from '../names.ts'
import type { ServiceHost } from '../service-host.ts'
import { unary } from '../../wire/unary.ts'
import { PERMISSIONS } from './permissions.ts'

interface Binding {
  role: string
  members: string[]
  condition: object | null
}

/** google.iam.v1.Policy */
interface Policy {
  version: number
  bindings: Binding[]
  etag: Uint8Array
}

// The etag of a resource that never had a policy, as production has it ("ACAB" in base64).
const NO_POLICY: Policy = { version: 0, bindings: [], etag: Buffer.from('ACAB', 'base64') }
const VERSION_WITH_CONDITIONS = 3
const MEMBER = /^(allUsers|allAuthenticatedUsers|[A-Za-z]+:.+|principal(Set)?:\/\/.+)$/

const checkPolicy = ({ version, bindings }: Policy): void => {
  if (![0, 1, VERSION_WITH_CONDITIONS].includes(version))
    throw invalidArgument(`Policy version ${version} is not supported.`)
  for (const { role, members, condition } of bindings) {
    if (!/^(roles|projects\/[^/]+\/roles|organizations\/[^/]+\/roles)\/[\w.]+$/.test(role)) {
      throw invalidArgument(`Role ${role} is not supported for this resource.`)
    }
    if (members.length === 0) throw invalidArgument('Policy members were missing.')
    for (const member of members) {
      if (!MEMBER.test(member))
        throw invalidArgument(
          `The member ${member} is of an unknown type. Please set a valid type prefix for the member.`,
        )
    }
    if (condition && version !== VERSION_WITH_CONDITIONS) {
      throw invalidArgument('Specified policy has a binding with a condition: its version must be 3.')
    }
  }
}

/** Bindings with a role each once, without those that are empty, as the service keeps them. */
const normalised = (bindings: readonly Binding[]): Binding[] => {
  const byRole = new Map<string, Binding>()
  for (const binding of bindings) {
    const key = `${binding.role} ${JSON.stringify(binding.condition)}`
    const members = [...(byRole.get(key)?.members ?? []), ...binding.members]
    byRole.set(key, { ...binding, condition: binding.condition, members: [...new Set(members)] })
  }
  return [...byRole.values()]
}

/** A resource that is there, whatever object stands for it as long as it lives; undefined for none. */
export type FindResource = (name: string) => object | undefined

/**
 * Serves google.iam.v1.IAMPolicy. Policies are kept and reported; nobody is refused by them: an engine has no callers
 * but its owner, who may do anything. They go with their resource.
 */
export const addIamService = (host: ServiceHost, root: protobuf.Root, find: FindResource): void => {
  const policies = new WeakMap<object, Policy>()
  const resourceAt = (name: string): object => {
    collectionOf(name)
    const resource = find(name)
    if (!resource) throw notFound(name)
    return resource
  }
  host.addService(serviceDefinition(root, 'google.iam.v1.IAMPolicy'), {
    GetIamPolicy: unary(({ resource }: { resource: string }) => policies.get(resourceAt(resource)) ?? NO_POLICY),
    SetIamPolicy: unary(({ resource: name, policy }: { resource: string; policy: Policy | null }) => {
      const resource = resourceAt(name)
      if (!policy) throw invalidArgument('Policy was not provided.')
      checkPolicy(policy)
      const { etag } = policies.get(resource) ?? NO_POLICY
      if (policy.etag.length > 0 && Buffer.compare(policy.etag, etag) !== 0) {
        throw new StatusError(
          Code.ABORTED,
          'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
        )
      }
      const kept = { version: policy.version || 1, bindings: normalised(policy.bindings), etag: randomBytes(8) }
      policies.set(resource, kept)
      return kept
    }),
    TestIamPermissions: unary(({ resource, permissions }: { resource: string; permissions: string[] }) => {
      const known = PERMISSIONS[collectionOf(resource)]
      for (const permission of permissions) {
        if (!known.has(permission)) throw invalidArgument(`Permission ${permission} is not valid for this resource.`)
      }
      return { permissions: find(resource) ? permissions : [] }
    }),
  })
}
