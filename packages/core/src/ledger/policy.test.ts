import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Sha256 } from '../shared/merkle/index.ts'
import { formatVerifierKey, verifierKey, type SignatureKind } from './key.ts'
import { parsePolicy } from './policy.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const keyOf = (name: string, kind: SignatureKind = 'ed25519-cosignature') =>
  verifierKey(sha256, name, kind, createHash('sha256').update(name).digest())
const text = (name: string, kind?: SignatureKind) => formatVerifierKey(keyOf(name, kind))
const log = text('log.example', 'ed25519')
const lines = [
  '# whom we believe',
  `log ${log} https://log.example/`,
  '',
  ...['x1', 'x2', 'x3', 'y1', 'y2'].map((name) => `witness ${name}\t${text(name)}`),
  'group x 2 x1 x2 x3',
  '  group y any y1 y2  ',
  'group both all x y',
  'quorum both',
]
const policyOf = (changed: readonly string[]) => parsePolicy(sha256, `${changed.join('\n')}\n`)

describe('a policy', () => {
  it('says which witnesses are enough', () => {
    const { logs, witnesses, isQuorum, quorum } = policyOf(lines)
    expect([logs.map(({ name }) => name), quorum]).toEqual([['log.example'], 'both'])
    const signed = (...names: string[]) =>
      isQuorum(witnesses.filter(({ name }) => names.includes(name)).map((key) => ({ key, timeSeconds: 1 })))
    expect(signed('x1', 'x3', 'y2')).toBe(true)
    expect(signed('x1', 'x2', 'x3')).toBe(false)
    expect(signed('x1', 'y1', 'y2')).toBe(false)
    expect(signed()).toBe(false)
    expect(policyOf([`log ${log}`, 'quorum none']).isQuorum([])).toBe(true)
  })

  it.each([
    ['no quorum', lines.slice(0, -1), 'policy: has no quorum line'],
    ['two quorums', [...lines, 'quorum x1'], 'policy line 13: is a second quorum'],
    ['a quorum of nobody', ['quorum z'], 'policy line 1: z is no witness or group of a line above'],
    ['a group of those below', ['group z any x1', ...lines], 'policy line 1: x1 is no witness'],
    [
      'a witness in two groups',
      [...lines.slice(0, 9), 'group z any x1', 'quorum z'],
      'line 10: x1 is a member already',
    ],
    ['a witness twice in a group', [...lines.slice(0, 8), 'group z any x1 x1'], 'line 9: x1 is a member already'],
    [
      'a threshold of none',
      [...lines.slice(0, 8), 'group z 0 x1'],
      'the threshold is all, any, or a number from 1 to 1',
    ],
    ['a threshold too high', [...lines.slice(0, 8), 'group z 2 x1'], 'the threshold is all, any'],
    ['a group of nobody', [...lines.slice(0, 8), 'group z any'], 'is written group <name>'],
    ['a name twice', [...lines.slice(0, 8), 'group x1 any x2'], 'line 9: x1 is taken'],
    ['the name none', [`witness none ${text('x1')}`], 'line 1: none is taken'],
    ['a key twice', [...lines, `witness x4 ${text('x1')}`], 'line 13: the same public key stands in a line above'],
    ['the key of a log for a witness', [`witness x ${log}`], 'line 1: is no key of a witness'],
    ['the key of a witness for a log', [`log ${text('x1')}`], 'line 1: is the key of a witness'],
    ['a key that is none', ['log a'], 'policy line 1: a public key is written'],
    ['another word', ['logs'], 'policy line 1: begins with log, witness, group or quorum'],
    ['more words', [`log ${log} url more`], 'policy line 1: is written log <key> [<url>]'],
    ['more lines than are read', Array<string>(1025).fill(''), 'policy: has 1025 lines, at most 1024'],
  ])('with %s is refused', (_, changed, fault) => expect(() => policyOf(changed)).toThrow(fault))

  it('that was cut is refused', () => {
    expect(() => parsePolicy(sha256, `log ${log}\nquorum none`)).toThrow('policy line 2: does not end with a newline')
  })
})
