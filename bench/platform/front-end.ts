import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDeliveryLog, type DeliveryLog } from './delivery-log.ts'
import { cloudEventOf, type PushBody } from './eventarc.ts'
import type { Answer } from './instance.ts'
import type { DeployedFunction } from './manifest.ts'
import type { Service } from './service.ts'

export interface FrontEnd {
  /** Where a function is called: what follows is its own path. */
  url: (functionId: string) => string
  close: () => Promise<void>
}

interface Route {
  deployed: DeployedFunction
  service: Service
  log: DeliveryLog
}

const bodyOf = async (request: IncomingMessage) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const isSuccess = ({ status }: Answer) => status >= 200 && status < 300

/** Deliveries become CloudEvents; everything else goes to the function as it came. */
const handle = async (request: IncomingMessage, { deployed, service, log }: Route, projectId: string) => {
  const body = await bodyOf(request)
  const { trigger } = deployed
  if (trigger.kind === 'request') {
    const path = `/${(request.url ?? '').split('/').slice(2).join('/')}`
    return service.handle({ method: request.method ?? 'GET', path, headers: request.headers, body })
  }
  const { message } = JSON.parse(body.toString('utf8')) as PushBody
  log.begin(message.messageId)
  const answer = await service.handle(cloudEventOf(body, message, `projects/${projectId}/topics/${trigger.topic}`))
  // An event of a function that does not retry is gone when it fails.
  const acknowledged = isSuccess(answer) || !trigger.retries
  log.end(message.messageId, acknowledged)
  return acknowledged ? { ...answer, status: 204, body: Buffer.alloc(0) } : answer
}

/** One address for all functions: what stands before Cloud Run, and what Eventarc does there. */
export const startFrontEnd = async (routes: ReadonlyMap<string, Route>, projectId: string): Promise<FrontEnd> => {
  const server = createServer((request, response) => {
    const route = routes.get(request.url?.split(/[/?]/)[1] ?? '')
    const answered: Promise<Answer> = route
      ? handle(request, route, projectId)
      : Promise.resolve({ status: 404, body: Buffer.from('no such function') })
    answered.then(
      ({ status, headers, body }) => response.writeHead(status, headers && contentHeaders(headers)).end(body),
      (error: unknown) => response.writeHead(400).end(String(error)),
    )
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  return {
    url: (functionId) => `http://127.0.0.1:${port}/${functionId}`,
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** What tells of the content; how it is sent is each connection's own. */
const contentHeaders = ({
  connection: _c,
  'keep-alive': _k,
  'transfer-encoding': _t,
  ...rest
}: NonNullable<Answer['headers']>) => rest

export const routeOf = (deployed: DeployedFunction, service: Service): Route => ({
  deployed,
  service,
  log: createDeliveryLog(),
})
