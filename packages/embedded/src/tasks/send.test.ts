import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Sender } from './send.ts'

const start = async (listener: RequestListener): Promise<{ server: Server; url: string }> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const senderFor = (url: string) => {
  const sender = new Sender()
  onTestFinished(() => sender.close())
  return (deadlineMs = 60_000) => sender.send({ method: 'POST', url, headers: {}, body: Buffer.from('x'), deadlineMs })
}

test('a target that does not answer in time has not answered', async () => {
  const { url } = await start(() => {})
  const outcome = await senderFor(url)(20)
  expect(outcome).toEqual({ kind: 'unanswered', code: 4, message: 'no answer within 0.02 s' })
})

test('a target that breaks off in the middle of its answer has not answered', async () => {
  const { url } = await start((request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half')
    setImmediate(() => request.socket.destroy())
  })
  expect(await senderFor(url)()).toMatchObject({ kind: 'unanswered', code: 14 })
})

test('a connection that the target had given up does not fail the task', async () => {
  let requests = 0
  const { url } = await start((request, response) => {
    requests++
    if (requests === 2) request.socket.resetAndDestroy()
    else response.end()
  })
  const send = senderFor(url)
  expect(await send()).toEqual({ kind: 'answered', status: 200 })
  expect(await send()).toEqual({ kind: 'answered', status: 200 })
  expect(requests).toBe(3)
})

test('a redirect is an answer and is not followed', async () => {
  let requests = 0
  const { url } = await start((_, response) => {
    requests++
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect(await senderFor(url)()).toEqual({ kind: 'answered', status: 302 })
  expect(requests).toBe(1)
})

test.each([
  ['7', 7000],
  ['0', undefined],
  ['soon', undefined],
  [new Date(Date.now() + 3_600_000).toUTCString(), expect.closeTo(3_600_000, -5)],
])('Retry-After: %s', async (value, expected) => {
  const { url } = await start((_, response) => response.writeHead(503, { 'retry-after': value }).end())
  const outcome = await senderFor(url)()
  expect(outcome.kind === 'answered' && outcome.retryAfterMs).toEqual(expected)
})
