// A stand-in for Cloud Storage's JSON API, as far as it is used here: preconditions, generations and object retention.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { CRC32C } from '@google-cloud/storage'

interface Kept {
  bytes: Buffer
  generation: number
  retainUntilMs: number
}

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

/** The metadata and the content of an upload of type multipart. */
const partsOf = (body: Buffer, contentType: string): [Record<string, unknown>, Buffer] => {
  const boundary = `--${/boundary=(.+)$/.exec(contentType)?.[1]}`
  const parts: Buffer[] = []
  for (let from = body.indexOf(boundary); ;) {
    const next = body.indexOf(boundary, from + 1)
    if (next === -1) break
    const part = body.subarray(from, next)
    parts.push(part.subarray(part.indexOf('\r\n\r\n') + 4, -2))
    from = next
  }
  const [metadata = Buffer.from('{}'), content = Buffer.alloc(0)] = parts
  return [JSON.parse(metadata.toString()) as Record<string, unknown>, content]
}

export const startObjectServer = async (nowMs: () => number) => {
  const objects = new Map<string, Kept>()
  let writes = 0
  let [failAfter, uploads] = [Infinity, 0]

  const tell = (response: ServerResponse, status: number, body: object | Buffer, headers = {}) => {
    const isBytes = Buffer.isBuffer(body)
    const type = isBytes ? 'application/octet-stream' : 'application/json'
    response.writeHead(status, { 'content-type': type, ...headers }).end(isBytes ? body : JSON.stringify(body))
  }
  const refuse = (response: ServerResponse, code: number, message: string) =>
    tell(response, code, { error: { code, message, errors: [{ message }] } })
  const hashOf = (bytes: Buffer) => {
    const crc = new CRC32C()
    crc.update(bytes)
    return crc.toString()
  }
  const resourceOf = (name: string, { bytes, generation }: Kept) => ({
    kind: 'storage#object',
    name,
    bucket: 'ledger',
    generation: String(generation),
    size: String(bytes.length),
    crc32c: hashOf(bytes),
  })

  const upload = async (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => {
    const [metadata, bytes] = partsOf(await readAll(request), request.headers['content-type'] ?? '')
    if (uploads++ >= failAfter) return refuse(response, 403, 'the test allows no more')
    const name = query.get('name') ?? ''
    const before = objects.get(name)
    const wanted = query.get('ifGenerationMatch')
    if (wanted !== null && Number(wanted) !== (before?.generation ?? 0))
      return refuse(response, 412, 'At least one of the pre-conditions you specified did not hold.')
    if (before && before.retainUntilMs > nowMs()) return refuse(response, 403, 'the object is retained')
    const { retainUntilTime } = (metadata['retention'] ?? {}) as { retainUntilTime?: string }
    const kept = { bytes, generation: ++writes, retainUntilMs: Date.parse(retainUntilTime ?? '1970-01-01') }
    objects.set(name, kept)
    return tell(response, 200, resourceOf(name, kept))
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://local')
    if (request.method === 'POST' && pathname === '/upload/storage/v1/b/ledger/o')
      return void upload(request, response, searchParams)
    const name = decodeURIComponent(/^(?:\/storage\/v1)?\/b\/ledger\/o\/([^/]+)$/.exec(pathname)?.[1] ?? '')
    const kept = objects.get(name)
    if (!kept) return refuse(response, 404, `No such object: ledger/${name}`)
    if (request.method === 'DELETE') {
      if (kept.retainUntilMs > nowMs()) return refuse(response, 403, 'the object is retained')
      objects.delete(name)
      return tell(response, 204, Buffer.alloc(0))
    }
    if (searchParams.get('alt') === 'media')
      return tell(response, 200, kept.bytes, { 'x-goog-hash': `crc32c=${hashOf(kept.bytes)}` })
    return tell(response, 200, resourceOf(name, kept))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    /** How often an upload was asked for. */
    uploads: () => uploads,
    /** No upload succeeds after so many more. */
    allow: (count: number) => (failAfter = uploads + count),
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
export type ObjectServer = Awaited<ReturnType<typeof startObjectServer>>

const verifyCommand = join(import.meta.dirname, '../../../../packages/cli/src/ledger-verify.ts')

/** What `npm run ledger:verify` says of the objects, downloaded into a folder. */
export const verifyObjects = async ({ objects }: Pick<ObjectServer, 'objects'>): Promise<unknown> => {
  const folder = await mkdtemp(join(tmpdir(), 'cold-export-'))
  for (const [path, { bytes }] of objects) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
  const { stdout } = await promisify(execFile)(process.execPath, [verifyCommand, folder, '--json']).catch(
    (error: { stdout: string }) => error,
  )
  await rm(folder, { recursive: true })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}')
}
