import type { Sha256 } from '../shared/merkle/index.ts'
import { parseVerifierKey, signatureKinds, type VerifierKey } from './key.ts'
import { LedgerFault } from './ledger-fault.ts'
import type { SignedBy } from './sign.ts'

/**
 * Whose checkpoints are believed: the keys of logs, the keys of witnesses, and which witnesses must have signed, too.
 *
 * @see https://c2sp.org/tlog-policy
 */
export interface Policy {
  logs: VerifierKey[]
  witnesses: VerifierKey[]
  /** Whether those who signed are enough. */
  isQuorum: (signedBy: readonly SignedBy[]) => boolean
  quorum: string
}

/** As many logs, witnesses and groups as every reader of policies takes. */
export const policyLinesMax = 1024

type Member = (signedBy: readonly SignedBy[]) => boolean

/** Reads a policy. @throws LedgerFault naming the line */
export const parsePolicy = (sha256: Sha256, text: string): Policy => {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new LedgerFault(`policy line ${lines.length + 1}`, 'does not end with a newline')
  if (lines.length > policyLinesMax)
    throw new LedgerFault('policy', `has ${lines.length} lines, at most ${policyLinesMax} are read`)
  const reader = new PolicyReader(sha256)
  for (const [index, line] of lines.entries()) reader.read(line, `policy line ${index + 1}`)
  return reader.policy()
}

class PolicyReader {
  readonly #sha256: Sha256
  readonly #logs: VerifierKey[] = []
  readonly #witnesses: VerifierKey[] = []
  readonly #members = new Map<string, Member>()
  readonly #isInGroup = new Set<string>()
  #quorum: string | undefined

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  read(line: string, position: string): void {
    const [word, ...items] = line.split(/[ \t]+/).filter((item) => item !== '')
    if (word === undefined || word.startsWith('#')) return
    if (word === 'log') this.#readLog(items, position)
    else if (word === 'witness') this.#readWitness(items, position)
    else if (word === 'group') this.#readGroup(items, position)
    else if (word === 'quorum') this.#readQuorum(items, position)
    else throw new LedgerFault(position, 'begins with log, witness, group or quorum')
  }

  policy(): Policy {
    const quorum = this.#quorum
    if (quorum === undefined) throw new LedgerFault('policy', 'has no quorum line, such as "quorum none"')
    const isQuorum = quorum === 'none' ? () => true : this.#members.get(quorum)
    return { logs: this.#logs, witnesses: this.#witnesses, quorum, isQuorum: isQuorum ?? (() => false) }
  }

  #readLog([vkey, , ...more]: string[], position: string) {
    if (vkey === undefined || more.length > 0) throw new LedgerFault(position, 'is written log <key> [<url>]')
    const key = parseVerifierKey(this.#sha256, vkey, position)
    if (key.kind === 'ed25519-cosignature') throw new LedgerFault(position, 'is the key of a witness')
    this.#logs.push(this.#unique(key, this.#logs, position))
  }

  #readWitness([name, vkey, , ...more]: string[], position: string) {
    if (name === undefined || vkey === undefined || more.length > 0)
      throw new LedgerFault(position, 'is written witness <name> <key> [<url>]')
    const key = parseVerifierKey(this.#sha256, vkey, position)
    if (!signatureKinds[key.kind].isTimed) throw new LedgerFault(position, 'is no key of a witness')
    this.#witnesses.push(this.#unique(key, this.#witnesses, position))
    this.#define(name, (signedBy) => signedBy.some((one) => one.key === key), position)
  }

  #readGroup([name, threshold, ...names]: string[], position: string) {
    if (name === undefined || threshold === undefined || names.length === 0)
      throw new LedgerFault(position, 'is written group <name> <all, any or a number> <name>...')
    const members = names.map((one) => this.#member(one, position))
    const count = threshold === 'all' ? names.length : threshold === 'any' ? 1 : Number(threshold)
    if (!/^(?:all|any|[1-9]\d*)$/.test(threshold) || count > names.length)
      throw new LedgerFault(position, `the threshold is all, any, or a number from 1 to ${names.length}`)
    for (const one of names) {
      if (this.#isInGroup.has(one)) throw new LedgerFault(position, `${one} is a member already, and counts once`)
      this.#isInGroup.add(one)
    }
    this.#define(name, (signedBy) => members.filter((member) => member(signedBy)).length >= count, position)
  }

  #readQuorum([name, ...more]: string[], position: string) {
    if (name === undefined || more.length > 0) throw new LedgerFault(position, 'is written quorum <name>')
    if (this.#quorum !== undefined) throw new LedgerFault(position, 'is a second quorum')
    if (name !== 'none') this.#member(name, position)
    this.#quorum = name
  }

  #member(name: string, position: string): Member {
    const member = this.#members.get(name)
    if (!member) throw new LedgerFault(position, `${name} is no witness or group of a line above`)
    return member
  }

  #define(name: string, member: Member, position: string) {
    if (name === 'none' || this.#members.has(name)) throw new LedgerFault(position, `${name} is taken`)
    this.#members.set(name, member)
  }

  #unique(key: VerifierKey, others: readonly VerifierKey[], position: string): VerifierKey {
    if (others.some(({ publicKey }) => publicKey.every((byte, at) => byte === key.publicKey[at])))
      throw new LedgerFault(position, 'the same public key stands in a line above')
    return key
  }
}
