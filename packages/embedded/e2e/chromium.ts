import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { rolldown } from 'rolldown'

const USUAL_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where a Chromium is: at `chosen` or at a usual place; undefined, and a line that says so, where there is none. */
export const findChromium = (chosen: string | undefined): string | undefined => {
  const found = [chosen, ...USUAL_PATHS].find((path) => path !== undefined && existsSync(path))
  if (found === undefined) {
    process.stderr.write('Skipped: there is no Chromium; CHROMIUM_PATH may say where one is.\n')
  }
  return found
}

export const launchChromium = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] })

export interface PageServer {
  readonly url: string
  close(): Promise<void>
}

/** Serves an empty page with the script of `sdk.ts`, on an origin of its own. */
export const servePage = async (): Promise<PageServer> => {
  const bundle = await rolldown({ input: join(import.meta.dirname, 'sdk.ts'), platform: 'browser' })
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false })
  await bundle.close()
  const { code } = output[0]
  const server = createServer((request, response) => {
    const isScript = request.url === '/sdk.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? code : '<!doctype html><script type="module" src="/sdk.js"></script>')
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
