import type { IncomingHttpHeaders } from 'node:http'

/** What allows a page of any origin to read an answer, as Google's emulator allows it. */
export const corsHeaders = ({ origin }: IncomingHttpHeaders): Record<string, string> =>
  origin === undefined
    ? {}
    : {
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'DELETE,GET,HEAD,PATCH,POST,PUT',
        'access-control-allow-origin': origin,
        vary: 'origin',
      }

/** The answer to a browser that asks whether a page may send what it wants to send. */
export const preflightHeaders = (headers: IncomingHttpHeaders): Record<string, string> => {
  if (headers.origin === undefined) return {}
  const asked = headers['access-control-request-headers']
  return {
    ...corsHeaders(headers),
    ...(asked !== undefined && { 'access-control-allow-headers': asked }),
    ...(headers['access-control-request-private-network'] !== undefined && {
      'access-control-allow-private-network': 'true',
    }),
  }
}
