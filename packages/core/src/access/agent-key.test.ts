import { agentTokensMax, type AgentKey, type AgentKeysDocument } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { addAgentKey, agentPrincipal, noAgentKeys, removeAgentKey, spendChallenge } from './agent-key.ts'
import { nameOf, quotaNameOf } from './principal.ts'

const agent = { tenant: 'acme', agentId: 'a-1' as never }
const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`
const key = (id: string, publicKey = `of ${id}`): AgentKey => ({
  id,
  publicKey,
  createdAt: at(0),
  createdBy: 'person/ada',
  lastUsedOn: null,
})
const withKeys = (...ids: string[]): AgentKeysDocument => ({ ...noAgentKeys(agent), keys: ids.map((id) => key(id)) })

describe('an agent', () => {
  it('has two keys while one takes the place of the other, and never three', () => {
    const one = addAgentKey(withKeys('one'), key('two'))
    expect(one).toMatchObject({
      kind: 'next',
      document: { subject: 'agents/a-1', keys: [{ id: 'one' }, { id: 'two' }] },
    })
    expect(addAgentKey(withKeys('one', 'two'), key('three'))).toMatchObject({ kind: 'refused', field: 'publicKey' })
    expect(addAgentKey(withKeys('one'), key('again', 'of one'))).toMatchObject({ kind: 'refused' })
  })

  it('loses the key that is named', () => {
    expect(removeAgentKey(withKeys('one', 'two'), 'one').keys.map(({ id }) => id)).toEqual(['two'])
  })

  it('counts by itself, whoever else has its id in another tenant', () => {
    expect(nameOf(agentPrincipal(agent))).toBe('agent/a-1')
    expect(quotaNameOf(agentPrincipal(agent))).not.toBe(quotaNameOf(agentPrincipal({ ...agent, tenant: 'other' })))
  })
})

describe('a challenge', () => {
  const challenge = (id: string, keyId = 'one', expiresAt = at(30)) => ({ id, keyId, expiresAt })
  const spend = (document: AgentKeysDocument, ...asked: Parameters<typeof challenge>) =>
    spendChallenge(document, challenge(...asked), at(10))

  it('is good once', () => {
    const first = spend(withKeys('one', 'two'), 'c')
    if (first.kind !== 'next') throw new Error(first.kind)
    expect(first.document.keys.map(({ lastUsedOn }) => lastUsedOn)).toEqual(['2026-01-01', null])
    expect(spend(first.document, 'c')).toEqual({ kind: 'refused', reason: 'challenge-used' })
    expect(spend(first.document, 'c', 'two')).toEqual({ kind: 'refused', reason: 'challenge-used' })
    expect(spend(first.document, 'd')).toMatchObject({ kind: 'next' })
  })

  it('is not good when its time is over, nor with a key that was removed meanwhile', () => {
    expect(spend(withKeys('one'), 'c', 'one', at(10))).toEqual({ kind: 'refused', reason: 'expired' })
    expect(spend(withKeys('one'), 'c', 'gone')).toEqual({ kind: 'refused', reason: 'key-removed' })
  })

  it('is remembered until its time is over, and no longer', () => {
    const document = {
      ...withKeys('one'),
      spent: [
        { id: 'old', expiresAt: at(10) },
        { id: 'new', expiresAt: at(11) },
      ],
    }
    expect(spend(document, 'c')).toMatchObject({ document: { spent: [{ id: 'new' }, { id: 'c' }] } })
  })

  it('is one of so many', () => {
    const spent = Array.from({ length: agentTokensMax }, (_, index) => ({ id: `${index}`, expiresAt: at(40 - index) }))
    const full = { ...withKeys('one'), spent }
    expect(spend(full, 'c')).toEqual({ kind: 'too-many', freeAt: at(40 - agentTokensMax + 1) })
    expect(spendChallenge(full, challenge('c'), at(40 - agentTokensMax + 1))).toMatchObject({ kind: 'next' })
  })
})
