import type { Context as Request } from 'hono'
import { z } from 'zod'

const Claims = z.object({ email: z.string().max(256) })

/**
 * Who asks, by the identity token. Google has verified it before a private function is called, and cut its signature off,
 * so there is nothing left to verify here. Without one (the emulator suite): `unknown`.
 */
export const callerOf = (request: Request): string => {
  const [, payload] = (request.req.header('authorization') ?? '').replace(/^Bearer /i, '').split('.')
  if (payload === undefined) return 'unknown'
  try {
    const claims = Claims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
    return claims.success ? claims.data.email : 'unknown'
  } catch {
    return 'unknown'
  }
}
