import { describe, expect, it } from 'vitest'

interface Emulator {
  host: string
  port: number
}

const askHub = async (): Promise<Record<string, Emulator>> => {
  const response = await fetch(`http://${process.env['FIREBASE_EMULATOR_HUB']}/emulators`)
  return (await response.json()) as Record<string, Emulator>
}
const addressOf = async (name: string): Promise<string> => {
  const { host, port } = (await askHub())[name] ?? {}
  return `http://${host}:${port}`
}

describe('the suite', () => {
  it('is all of it up', async () => {
    const names = Object.keys(await askHub())
    for (const name of ['hub', 'functions', 'firestore', 'pubsub', 'auth', 'storage', 'tasks', 'eventarc', 'hosting'])
      expect(names).toContain(name)
  })

  it('signs people up, and still validates what it is asked though its validators are compiled late', async () => {
    const signUp = `${await addressOf('auth')}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any`
    const post = (body: object) =>
      fetch(signUp, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const email = `${Date.now()}@example.com`
    const signedUp = (await (await post({ email, password: 'a long password' })).json()) as { idToken: string }
    expect(signedUp.idToken.split('.')).toHaveLength(3)
    const refused = await post({ email: 7, password: { not: 'text' } })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toMatch(/email|password/)
  })

  it('serves the hosted page', async () => {
    const page = await fetch(await addressOf('hosting'))
    expect(await page.text()).toContain('Infinity Matrix')
  })

  it('lets nobody read Firestore who is not the owner, until rules are evaluated', async () => {
    const documents = `${await addressOf('firestore')}/v1/projects/demo-infinity-matrix/databases/(default)/documents/agents`
    const response = await fetch(documents)
    expect(response.ok).toBe(false)
  })
})
