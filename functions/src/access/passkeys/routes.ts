import {
  PasskeyAssertion,
  PasskeyOptionsRequest,
  PasskeyRegistration,
  PasskeyView,
  type SignInToken,
} from '@infinity-matrix/contracts'
import { mayAddPasskey, mayRemovePasskey, passkeysMax } from '@infinity-matrix/core/access'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { requireAllowed } from '../../runtime/http/authorise.ts'
import { callOf } from '../../runtime/http/call.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { notValid, readJson } from '../../runtime/request-body.ts'
import { openAccountsNow, type Accounts } from '../members/accounts.ts'
import { refuse, type Refusal } from '../sign-in/refuse.ts'
import { customTokenFor } from '../sign-in/tokens.ts'
import { counterRefusal, createCeremonies, passkeyIdOf } from './ceremonies.ts'
import { createPasskeys, passkeySubject } from './passkeys.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 60_000 }
// A token is for nobody's cache.
const uncached = { 'cache-control': 'no-store' }

const notOfAccount: Refusal = {
  reason: 'other-account',
  field: 'response.id',
  rule: 'must be of a passkey of this account',
}
const knownRule = 'must not be of a passkey that is registered already'
const tooManyRule = `must not be more than ${passkeysMax}: remove one first`

/** `/v1/passkeys`: of the account that is signed in. */
export const servePasskeys = (
  app: Hono,
  context: Context,
  accounts: () => Promise<Accounts> = openAccountsNow,
): void => {
  const passkeys = createPasskeys(context)
  const ceremonies = createCeremonies(context)
  const personOf = (request: Request) => callOf(request).principal

  const registrationOptions = async (request: Request) => {
    const { account } = await readJson(request, PasskeyOptionsRequest, limits)
    const person = personOf(request)
    const known = await passkeys.list(person.id)
    requireAllowed(request, mayAddPasskey(person, known.length, Math.floor(context.nowMs() / 1000)))
    return request.json(await ceremonies.registrationOptions(person.id, account, known))
  }

  const register = async (request: Request) => {
    const asked = await readJson(request, PasskeyRegistration, limits)
    const person = personOf(request)
    const shown = await ceremonies.verifyRegistration(person.id, asked)
    const happening = { action: 'passkey-refused', ...passkeySubject(passkeyIdOf(asked.response.id)) }
    if (!shown.ok) throw await refuse(context, happening, shown.refusal)
    const addition = await passkeys.add(person, asked.name, shown.value)
    switch (addition.kind) {
      case 'added':
        return request.json(PasskeyView.parse(addition.passkey), 201)
      case 'refused':
        requireAllowed(request, addition.decision)
        throw new RequestProblem(403)
      case 'known':
        throw await refuse(context, happening, { reason: 'known', field: 'response.id', rule: knownRule })
      case 'too-many':
        throw new RequestProblem(409, {
          limit: passkeysMax,
          value: passkeysMax,
          errors: [{ field: 'passkeys', rule: tooManyRule }],
        })
    }
  }

  const assertionOptions = async (request: Request) => {
    const { id: uid } = personOf(request)
    const known = await passkeys.list(uid)
    if (known.length === 0) throw notValid(409, [{ field: 'passkeys', rule: 'must not be none: register one first' }])
    return request.json(await ceremonies.assertionOptions(uid, known))
  }

  const show = async (request: Request) => {
    const asked = await readJson(request, PasskeyAssertion, limits)
    const { id: uid } = personOf(request)
    const id = passkeyIdOf(asked.response.id)
    const happening = { action: 'passkey-refused', ...passkeySubject(id) }
    const passkey = await passkeys.get(id, uid)
    if (!passkey) throw await refuse(context, happening, notOfAccount)
    const counter = await ceremonies.verifyAssertion(passkey, asked)
    if (!counter.ok) throw await refuse(context, happening, counter.refusal)
    const use = await passkeys.use(id, counter.value)
    if (use !== 'used') throw await refuse(context, happening, use === 'gone' ? notOfAccount : counterRefusal)
    const token: SignInToken = await customTokenFor(context, await accounts(), uid, { passkey: id })
    return request.json(token, 200, uncached)
  }

  const list = async (request: Request) => {
    const known = await passkeys.list(personOf(request).id)
    return request.json({ passkeys: known.map((passkey) => PasskeyView.parse(passkey)) })
  }

  const remove = async (request: Request) => {
    const person = personOf(request)
    const id = request.req.param('id') ?? ''
    const passkey = /^[0-9a-f]{64}$/.test(id) ? await passkeys.get(id, person.id) : undefined
    if (!passkey) throw new RequestProblem(404)
    requireAllowed(request, mayRemovePasskey(person))
    if (!(await passkeys.remove(id, person.id))) throw new RequestProblem(404)
    return request.json(PasskeyView.parse(passkey))
  }

  app.post('/v1/passkeys/registration-options', (request) => registrationOptions(request))
  app.post('/v1/passkeys', (request) => register(request))
  app.post('/v1/passkeys/assertion-options', (request) => assertionOptions(request))
  app.post('/v1/passkeys/assertions', (request) => show(request))
  app.get('/v1/passkeys', (request) => list(request))
  app.delete('/v1/passkeys/:id', (request) => remove(request))
}
