import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import { createPair, publishNumbers, startBench } from './testing.ts'

const serviceAccountEmail = 'pusher@demo-test.iam.gserviceaccount.com'

const startEndpoint = async () => {
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    headers.push(request.headers)
    request.resume()
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { headers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=b` }
}

test.each(['', 'https://hooks.example.com'])(
  'a push carries a token that the published keys verify (audience "%s")',
  async (audience) => {
    const clock = new SteppedTime()
    const { client, engine } = await startBench(clock)
    const endpoint = await startEndpoint()
    const { topic } = await createPair(client, {
      pushConfig: { pushEndpoint: endpoint.url, oidcToken: { serviceAccountEmail, audience } },
    })
    await publishNumbers(topic, 2)
    await vi.waitFor(() => expect(endpoint.headers).toHaveLength(2))
    const [scheme, token = ''] = endpoint.headers[0]?.authorization?.split(' ') ?? []
    expect(scheme).toBe('Bearer')
    const keys = createRemoteJWKSet(new URL(`http://${engine.host}:${engine.port}/oauth2/v3/certs`))
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: 'https://accounts.google.com',
      audience: audience || endpoint.url,
      algorithms: ['RS256'],
      currentDate: new Date(clock.now()),
    })
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) as string })
    expect(payload).toMatchObject({ email: serviceAccountEmail, email_verified: true, sub: payload['azp'] })
    expect(payload.sub).toMatch(/^\d{21}$/)
    expect(payload.iat).toBe(clock.now() / 1000)
    expect(payload.exp).toBe(clock.now() / 1000 + 3600)
    // The same token serves for a while, and a new one long before the old has expired.
    expect(endpoint.headers[1]?.authorization).toBe(endpoint.headers[0]?.authorization)
    clock.advance(55 * 60_000)
    await publishNumbers(topic, 1)
    await vi.waitFor(() => expect(endpoint.headers).toHaveLength(3))
    expect(endpoint.headers[2]?.authorization).not.toBe(endpoint.headers[0]?.authorization)
  },
)
