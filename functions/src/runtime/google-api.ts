import { z } from 'zod'
import { once } from './context.ts'

// What Google's JSON APIs answer, as the gRPC status that the same failure has there: failure.ts reads those.
const grpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 6,
  429: 8,
  500: 13,
  503: 14,
  504: 4,
}
const UNAVAILABLE = 14
const DEADLINE_EXCEEDED = 4
const timeoutSeconds = 10

const Failure = z.object({ error: z.object({ message: z.string(), status: z.string().optional() }) })

/** Calls a JSON API of Google: what it answered, parsed by a schema. Errors have the `code` of gRPC. */
export type GoogleApi = <T>(method: 'GET' | 'POST', path: string, answer: z.ZodType<T>, body?: object) => Promise<T>

export interface GoogleApiOptions {
  /** Such as `https://cloudkms.googleapis.com`. */
  origin: string
  /** The `authorization` header of a request; the identity of this function unless given. */
  authorization?: (url: string) => Promise<string | undefined>
}

const googleAuth = once(async (_: undefined) => {
  const { GoogleAuth } = await import('google-auth-library')
  return new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
})

const ownIdentity = async (url: string): Promise<string | undefined> => {
  const headers = await (await googleAuth(undefined)).getRequestHeaders(url)
  return headers.get('authorization') ?? undefined
}

const failure = (code: number, message: string): Error => Object.assign(new Error(message), { code })

/** One of Google's JSON APIs, without its client library: a call is one request, and loads nothing that is not here. */
export const createGoogleApi = ({ origin, authorization = ownIdentity }: GoogleApiOptions): GoogleApi => {
  const send = async (method: string, url: string, body?: object): Promise<Response> => {
    const token = await authorization(url)
    try {
      return await fetch(url, {
        method,
        headers: {
          ...(token !== undefined && { authorization: token }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      })
    } catch (error) {
      const isLate = error instanceof Error && error.name === 'TimeoutError'
      throw failure(isLate ? DEADLINE_EXCEEDED : UNAVAILABLE, `${origin} ${isLate ? 'is late' : 'is away'}`)
    }
  }

  return async (method, path, answer, body) => {
    const response = await send(method, `${origin}/v1/${path}`, body)
    const json: unknown = await response.json().catch(() => undefined)
    if (response.ok) return answer.parse(json)
    const told = Failure.safeParse(json)
    const reason = told.success ? (told.data.error.status ?? '') : ''
    // Its message may repeat what it was sent; the status says enough.
    throw failure(grpcCodes[response.status] ?? UNAVAILABLE, `${origin} answered ${response.status} ${reason}`.trim())
  }
}
