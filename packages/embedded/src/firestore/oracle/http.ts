import { request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** Asks over HTTP/1.1, with the path as it is written. */
export const askHttp = async (
  address: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<HttpAnswer> => {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const [host = '', port = ''] = address.split(':')
  const asking = request({ host, port, method, path, headers, agent: false }, (response) => {
    text(response).then((answered) => {
      const pairs = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
      resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(pairs), body: answered })
    }, reject)
  })
  asking.on('error', reject)
  asking.end(body)
  return promise
}
