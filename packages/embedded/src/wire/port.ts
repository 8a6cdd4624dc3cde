import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import type { Server as HttpServer } from 'node:http'
import { ServerCredentials, type Server as GrpcServer } from '@grpc/grpc-js'

// Every HTTP/2 connection with prior knowledge starts with this (RFC 9113, section 3.4); no HTTP/1.1 method does.
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0')

/** `port` 0 picks a free one. */
export interface PortOptions {
  host: string
  port: number
  grpc: GrpcServer
  http: HttpServer
}

export interface ListeningPort {
  host: string
  port: number
  close(): Promise<void>
}

/**
 * One port for gRPC (h2c) and HTTP/1.1, as Google's emulators have: the first bytes of a connection tell which it is.
 * Rejects with the system's error (`EADDRINUSE`, ...) when the port cannot be had.
 */
export const listenOnOnePort = async ({ host, port, grpc, http }: PortOptions): Promise<ListeningPort> => {
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let head = Buffer.alloc(0)
    const sniff = () => {
      for (let read = socket.read() as Buffer | null; read; read = socket.read() as Buffer | null) {
        head = Buffer.concat([head, read])
      }
      const length = Math.min(head.length, HTTP2_PREFACE.length)
      const isHttp2 = head.subarray(0, length).equals(HTTP2_PREFACE.subarray(0, length))
      // A `P` alone may yet become a POST.
      if (length === 0 || (isHttp2 && length < HTTP2_PREFACE.length)) return
      socket.off('readable', sniff)
      socket.unshift(head)
      if (isHttp2) injector.injectConnection(socket)
      else http.emit('connection', socket)
    }
    socket.on('readable', sniff)
  })
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject)
    tcp.listen(port, host, resolve)
  })
  return {
    host,
    port: (tcp.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()))
      injector.destroy()
      grpc.forceShutdown()
      http.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
