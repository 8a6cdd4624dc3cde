import { z } from 'zod'

/** gRPC status codes, as Google's clients put them on their errors. */
const CANCELLED = 1
const UNKNOWN = 2
const INVALID_ARGUMENT = 3
const DEADLINE_EXCEEDED = 4
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const PERMISSION_DENIED = 7
const RESOURCE_EXHAUSTED = 8
const FAILED_PRECONDITION = 9
const ABORTED = 10
const INTERNAL = 13
const UNAVAILABLE = 14

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

/** As BigQuery's client, which speaks HTTP, says that something is not there. */
export const isNotFoundOverHttp = (error: unknown): boolean => codeOf(error) === 404

export const isAbsence = (error: unknown): boolean => codeOf(error) === NOT_FOUND

export const isExisting = (error: unknown): boolean => codeOf(error) === ALREADY_EXISTS

/** The write lost against another one: read again and decide anew. */
export const isContention = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === ALREADY_EXISTS || code === FAILED_PRECONDITION || code === ABORTED
}

/**
 * Firestore will refuse these bytes whenever they come, so they are set aside. Every other failure may pass, and is
 * thrown: the platform delivers again, with backoff, for 24 hours.
 */
export const isTerminal = (error: unknown): boolean => codeOf(error) === INVALID_ARGUMENT

const passing = new Set<unknown>([CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE])

/** The backend is away or overloaded, and may have done what was asked, or not: the same request may succeed in a moment. */
export const isPassing = (error: unknown): boolean => passing.has(codeOf(error))

/** There is no room for more now: to be sent again, later. */
export const overload = (message: string): Error => Object.assign(new Error(message), { code: RESOURCE_EXHAUSTED })

/** What is written to is gone, takes nothing from us, or not this. */
export const isRefusedTarget = (error: unknown): boolean =>
  isAbsence(error) || isTerminal(error) || codeOf(error) === PERMISSION_DENIED

/** What is stored is not as its schema says. It stays so until somebody sees to it. */
export const isUnreadable = (error: unknown): boolean => error instanceof Error && error.name === 'ZodError'

/**
 * What an error says, in at most 1,000 characters, where it may be read by more people than what it is about: in the log, in
 * critical errors, at dead letters. So nothing of the values that a parser quotes.
 */
export const messageOf = (error: unknown): string => withoutValues(error).slice(0, 1000)

const withoutValues = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : 'failed'
  if (error instanceof SyntaxError) return 'cannot be parsed'
  if (!isUnreadable(error)) return error.message
  const { data } = Unreadable.safeParse(error)
  return (data?.issues ?? []).map(({ path, code }) => `${path.join('.')}: ${code}`).join(', ') || 'is not as it must be'
}

const Unreadable = z.object({
  issues: z.array(z.object({ path: z.array(z.union([z.string(), z.number()])), code: z.string() })),
})
