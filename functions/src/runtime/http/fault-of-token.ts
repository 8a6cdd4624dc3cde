/**
 * Whether what was thrown, by jose or by zod, says that a token is not good. Everything else, such as keys that cannot be
 * fetched, says nothing about it.
 */
export const isFaultOfToken = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'ZodError' ||
    ('code' in error && /^ERR_(JWT|JWS|JOSE_(ALG|NOT)|JWKS_(NO|MULTIPLE))_/.test(String(error.code))))
