// Passkeys in a real Chromium, whose authenticator is a virtual one, with the suite's access function.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PasskeyView, SignInToken } from '@infinity-matrix/contracts'
import type * as SimpleWebAuthn from '@simplewebauthn/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium, launchChromium } from '../packages/embedded/e2e/chromium.ts'
import { ask, grantAsOperator, refresh, signInWithCustomToken, signUp } from './auth.ts'
import { functionUrl, uniqueTenant } from './suite.ts'

declare global {
  // As the script of the library puts it into a page.
  var SimpleWebAuthnBrowser: typeof SimpleWebAuthn
}

const chromium = findChromium(process.env['CHROMIUM_PATH'])
const script = join(import.meta.dirname, '../node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js')
let browser: Browser
let server: Server
let api = ''

beforeAll(async () => {
  if (chromium === undefined) return
  api = `${await functionUrl('access-api')}/v1`
  server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  browser = await launchChromium(chromium)
})
afterAll(async () => {
  if (chromium === undefined) return
  await browser.close()
  server.closeAllConnections()
  server.close()
})

/** A page of this machine, in a browser that has an authenticator with a user who is there and says yes. */
const openPage = async (): Promise<Page> => {
  const page = await browser.newPage()
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('WebAuthn.enable')
  await devTools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`)
  await page.addScriptTag({ path: script })
  return page
}

type Creation = SimpleWebAuthn.PublicKeyCredentialCreationOptionsJSON
type Request = SimpleWebAuthn.PublicKeyCredentialRequestOptionsJSON
const create = (page: Page, optionsJSON: Creation) =>
  page.evaluate((options) => SimpleWebAuthnBrowser.startRegistration({ optionsJSON: options }), optionsJSON)
const get = (page: Page, optionsJSON: Request) =>
  page.evaluate((options) => SimpleWebAuthnBrowser.startAuthentication({ optionsJSON: options }), optionsJSON)

describe.skipIf(chromium === undefined)('a passkey of a browser', () => {
  it('is registered once, and makes an admin', { timeout: 120_000 }, async () => {
    const tenant = uniqueTenant()
    const email = `ada@${tenant}.example`
    const { refreshToken } = await signUp(email)
    await grantAsOperator(['--email', email], tenant, 'admin')
    const weak = await refresh(refreshToken)
    const members = (token: string) => ask(`${api}/members?tenant=${tenant}`, token).then(({ status }) => status)
    const options = async (what: string, token: string) =>
      (await ask(`${api}/passkeys/${what}-options`, token, 'POST', { account: email })).json()

    const page = await openPage()
    const created = await create(page, (await options('registration', weak)) as Creation)
    const answer = await ask(`${api}/passkeys`, weak, 'POST', { name: 'this browser', response: created })
    expect([answer.status, PasskeyView.parse(await answer.json()).name]).toEqual([201, 'this browser'])

    const got = await get(page, (await options('assertion', weak)) as Request)
    const shown = await ask(`${api}/passkeys/assertions`, weak, 'POST', { response: got })
    expect(shown.status).toBe(200)
    const { idToken } = await signInWithCustomToken(SignInToken.parse(await shown.json()).customToken)
    expect([await members(weak), await members(idToken)]).toEqual([403, 200])

    const again = create(page, (await options('registration', idToken)) as Creation)
    await expect(again).rejects.toThrow('previously registered')
  })
})
