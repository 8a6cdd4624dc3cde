import { connect, constants, type ClientHttp2Session } from 'node:http2'

export interface RawAnswer {
  /** `grpc-status`, or `http <status>`, or `reset <code>`. */
  readonly status: string
  readonly message: string
  readonly messages: number
}

export interface RawCall {
  readonly path: string
  /** What goes into DATA frames, framing included. */
  readonly body: Buffer
  readonly headers?: Record<string, string>
  /** Leaves its side of the stream open, and ends the call after so many milliseconds. */
  readonly cancelAfterMs?: number
}

/** A gRPC message with its head of five bytes. */
export const framed = (message: Buffer, { compressed = 0, length = message.length } = {}): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = compressed
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}

const cancelled = constants.NGHTTP2_CANCEL

/** Speaks gRPC without any of its rules. */
export class RawGrpc {
  readonly #session: ClientHttp2Session

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`)
    this.#session.on('error', () => {})
    this.#session.setMaxListeners(0)
  }

  call({ path, body, headers = {}, cancelAfterMs }: RawCall): Promise<RawAnswer> {
    return new Promise((resolve) => {
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      })
      let status = ''
      let message = ''
      const chunks: Buffer[] = []
      const take = (fields: Record<string, unknown>) => {
        if (fields['grpc-status'] === undefined) return
        status = String(fields['grpc-status'])
        message = decodeURIComponent(String(fields['grpc-message'] ?? ''))
      }
      stream.on('response', (fields) => {
        if (fields[':status'] !== 200) status = `http ${fields[':status']}`
        take(fields)
      })
      stream.on('trailers', take)
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', () => {})
      stream.on('close', () => {
        const bytes = Buffer.concat(chunks)
        let messages = 0
        for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) messages++
        resolve({ status: status || `reset ${stream.rstCode}`, message, messages })
      })
      if (cancelAfterMs === undefined) stream.end(body)
      else {
        stream.write(body)
        setTimeout(() => stream.close(cancelled), cancelAfterMs)
      }
    })
  }

  close(): void {
    this.#session.destroy()
  }
}
