import type { IdTokenClient } from 'google-auth-library'
import { deliverServiceAccount } from '../../runtime/params.ts'

const audiencesMax = 1000

/**
 * The `Authorization` header by which an endpoint knows who calls: an OpenID Connect token of this function's service account,
 * from the platform's metadata server, which is kept for the hour it is good for.
 *
 * @returns undefined where no service account is set, as beside local engines
 * @see https://cloud.google.com/run/docs/securing/service-identity#identity_tokens
 */
export const createIdentity = () => {
  const clients = new Map<string, IdTokenClient>()

  const clientOf = async (audience: string): Promise<IdTokenClient> => {
    const known = clients.get(audience)
    if (known) return known
    const { Compute, IdTokenClient: Client } = await import('google-auth-library')
    if (clients.size >= audiencesMax) clients.clear()
    // The library puts it into a query as it is.
    const client = new Client({ targetAudience: encodeURIComponent(audience), idTokenProvider: new Compute() })
    clients.set(audience, client)
    return client
  }

  return async (audience: string): Promise<string | undefined> => {
    if (deliverServiceAccount.value() === '') return undefined
    const headers = await (await clientOf(audience)).getRequestHeaders()
    return headers.get('authorization') ?? undefined
  }
}
