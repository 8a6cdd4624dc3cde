import { Agent as HttpAgent, request as overHttp } from 'node:http'
import { Agent as HttpsAgent, request as overHttps } from 'node:https'
import type { SubscriptionDocument } from '@infinity-matrix/contracts'
import { attemptedBy, type Attempted } from '@infinity-matrix/core/events'
import { localEndpoints, isLocal } from '../../runtime/params.ts'
import { createIdentity } from './identity.ts'
import { isEndpointRefused, pinned, publicAddresses, type Resolve } from './public-address.ts'

export type HttpsTarget = Extract<SubscriptionDocument['target'], { kind: 'https' }>

/** An endpoint that has not answered by then is tried again. */
export const answerSeconds = 15
const readBytesMax = 65_536

export const mayBeLocal = (): boolean => isLocal() && localEndpoints.value()

/**
 * Posts messages to endpoints, with the identity of this function's service account. It connects to public addresses only,
 * each looked at when it is connected to, and follows no redirects.
 *
 * @param resolve finds the addresses of a name, in place of the system
 */
export const createPost = (resolve?: Resolve) => {
  const identity = createIdentity()
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }

  const statusOf = async (
    { url, audience = url }: HttpsTarget,
    body: Uint8Array,
    attributes: Record<string, string>,
  ) => {
    const address = new URL(url)
    const addresses = await publicAddresses(address, { mayBeLocal: mayBeLocal(), ...(resolve && { resolve }) })
    const authorization = await identity(audience)
    const isHttps = address.protocol === 'https:'
    return new Promise<number>((answered, failed) => {
      const request = (isHttps ? overHttps : overHttp)(
        address,
        {
          method: 'POST',
          agent: isHttps ? agents.https : agents.http,
          lookup: pinned(addresses),
          signal: AbortSignal.timeout(answerSeconds * 1000),
          headers: {
            ...attributes,
            'content-type': 'application/json',
            'content-length': body.length,
            ...(authorization === undefined ? {} : { authorization }),
          },
        },
        (response) => {
          answered(response.statusCode ?? 0)
          // What it says is of no interest; a little of it is read so that the connection can be used again.
          let bytes = 0
          response.on('error', () => {})
          response.on('data', (chunk: Uint8Array) => {
            bytes += chunk.length
            if (bytes > readBytesMax) response.destroy()
          })
        },
      )
      request.on('error', failed)
      request.end(body)
    })
  }

  return async (target: HttpsTarget, body: Uint8Array, attributes: Record<string, string>): Promise<Attempted> => {
    try {
      return attemptedBy(await statusOf(target, body, attributes))
    } catch (error) {
      return { kind: 'failed', reason: reasonOf(error) }
    }
  }
}

export type Post = ReturnType<typeof createPost>

// What such an error says may have the host's name in it, which may be a secret; its code has not.
const reasonOf = (error: unknown): string => {
  if (isEndpointRefused(error)) return error.message
  if (!(error instanceof Error)) return 'failed'
  if (error.name === 'TimeoutError') return `did not answer within ${answerSeconds} seconds`
  return `failed: ${'code' in error ? String(error.code) : error.name}`
}
