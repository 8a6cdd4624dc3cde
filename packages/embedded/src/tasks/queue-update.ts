import { invalidArgument } from './errors.ts'
import type { QueueMessage } from './messages.ts'

const OUTPUT_ONLY: ReadonlySet<string> = new Set(['name', 'state', 'purgeTime', 'type', 'stats'])
const UPDATABLE: ReadonlySet<string> = new Set([
  'rateLimits',
  'retryConfig',
  'appEngineRoutingOverride',
  'stackdriverLoggingConfig',
  // Of v2beta3.
  'appEngineHttpQueue',
  'httpTarget',
  'taskTtl',
  'tombstoneTtl',
])

type Fields = Record<string, unknown>

const toCamel = (path: string): string => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The fields that a message holds, without the defaults of its prototype. */
export const fieldsOf = (message: object): Fields => ({ ...message })

/**
 * What a queue is to be after an update: `current` with the fields of the mask taken from `update`, all of them without
 * a mask. What only the service writes is left as it is. Throws INVALID_ARGUMENT for a field that there is not.
 */
export const updatedQueue = (current: QueueMessage, update: QueueMessage, paths: readonly string[]): QueueMessage => {
  const merged = fieldsOf(current)
  const from = fieldsOf(update)
  for (const path of paths.length > 0 ? paths : UPDATABLE) {
    const [field = '', inner] = path.split('.').map(toCamel)
    if (OUTPUT_ONLY.has(field)) continue
    if (!UPDATABLE.has(field)) throw invalidArgument(`Invalid field path in the update mask: ${path}.`)
    if (inner === undefined) merged[field] = from[field]
    else {
      const value = fieldsOf((from[field] as object | null | undefined) ?? {})[inner]
      merged[field] = { ...(merged[field] as object | null | undefined), [inner]: value }
    }
    if (merged[field] === undefined) delete merged[field]
  }
  return { rateLimits: null, retryConfig: null, ...merged, name: current.name }
}
