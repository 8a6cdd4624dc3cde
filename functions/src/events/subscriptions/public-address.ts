import { lookup as resolveName } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An address with its family, 4 or 6. */
export interface Address {
  address: string
  family: number
}
export type Resolve = (hostname: string) => Promise<Address[]>

/** An endpoint that is not posted to, and the rule that it breaks; its name may be a secret, and is not told. */
export class EndpointRefusedError extends Error {
  readonly code = 'endpoint-refused'
}

const rule = 'must be https, of a host whose addresses are all public'
const ofName: Resolve = (hostname) => resolveName(hostname, { all: true })

/** What an address is: `unicast` is public, all else is of this machine, a network of somebody's own, or nobody's. */
const rangeOf = (address: string): string => (ipaddr.isValid(address) ? ipaddr.process(address).range() : 'invalid')

/**
 * The addresses of an endpoint's host, to connect to them and no others: asked again, a name may say something else.
 *
 * @param mayBeLocal whether this machine is allowed too, over plain http
 * @throws {EndpointRefusedError} when any of them is not public, as those of cloud metadata are not, or the name has none
 */
export const publicAddresses = async (
  { protocol, hostname }: URL,
  { mayBeLocal, resolve = ofName }: { mayBeLocal: boolean; resolve?: Resolve },
): Promise<Address[]> => {
  const host = hostname.replaceAll(/^\[|\]$/g, '')
  const family = isIP(host)
  const addresses = family > 0 ? [{ address: host, family }] : await resolve(host).catch(() => [])
  if (addresses.length === 0) throw new EndpointRefusedError(`${rule}: it has none`)
  const isLocal = mayBeLocal && addresses.every(({ address }) => rangeOf(address) === 'loopback')
  if (isLocal) return addresses
  if (protocol !== 'https:') throw new EndpointRefusedError(rule)
  const closed = addresses.find(({ address }) => rangeOf(address) !== 'unicast')
  if (closed) throw new EndpointRefusedError(`${rule}: it has one that is ${rangeOf(closed.address)}`)
  return addresses
}

export const isEndpointRefused = (error: unknown): error is EndpointRefusedError =>
  error instanceof Error && 'code' in error && error.code === 'endpoint-refused'

/** The name's addresses for a connection, as they were found before. */
export const pinned =
  (addresses: readonly Address[]): LookupFunction =>
  (_hostname, { all }, answer) => {
    const [first] = addresses
    if (all === true) answer(null, [...addresses])
    else answer(null, first?.address ?? '', first?.family)
  }
