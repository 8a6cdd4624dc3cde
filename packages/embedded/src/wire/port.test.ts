import { createServer } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { Client, credentials, Server } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { listenOnOnePort } from './port.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const echo = {
  Echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

const start = async () => {
  const grpc = new Server()
  grpc.addService(echo, {
    Echo: (call: { request: Buffer }, callback: (error: null, answer: Buffer) => void) => callback(null, call.request),
  })
  const http = createServer((request, response) => response.end(`${request.method} ${request.url}`))
  const listening = await listenOnOnePort({ host: '127.0.0.1', port: 0, grpc, http })
  onTestFinished(() => listening.close())
  return listening
}

test('one port speaks gRPC and HTTP/1.1', async () => {
  const { host, port } = await start()
  const client = new Client(`${host}:${port}`, credentials.createInsecure())
  const answered = new Promise((resolve, reject) => {
    client.makeUnaryRequest(echo.Echo.path, asIs, asIs, Buffer.from('hello'), (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    )
  })
  expect(await answered).toBe('hello')
  client.close()
  expect(await (await fetch(`http://${host}:${port}/path`)).text()).toBe('GET /path')
})

test('a request whose first byte comes alone is still understood', async () => {
  const { host, port } = await start()
  const socket = connect(port, host)
  socket.setNoDelay(true)
  const answer = text(socket)
  socket.write('P')
  // An answer on another connection shows that the server has had time for that byte.
  for (let index = 0; index < 5; index++) await (await fetch(`http://${host}:${port}/`)).text()
  socket.write('OST /split HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  expect(await answer).toContain('POST /split')
})

test('a port that is taken is an error of the system, with its port', async () => {
  const { host, port } = await start()
  const second = listenOnOnePort({ host, port, grpc: new Server(), http: createServer() })
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE', port })
})
