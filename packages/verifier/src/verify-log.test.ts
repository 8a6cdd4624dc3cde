import { describe, expect, it } from 'vitest'
import { formatVerifierKey, parsePolicy, signCheckpoint, type Policy } from '@infinity-matrix/core/ledger'
import { sha256 } from './sha256.ts'
import { filesOf, newSigner, testEntry, testLog, testOrigin, timeSeconds } from './testing.ts'
import { verifyLog } from './verify-log.ts'

const entriesOf = (count: number) => Array.from({ length: count }, (_, index) => testEntry(index))
const policyOf = (text: string): Policy => parsePolicy(sha256, text)

describe('a log', () => {
  it.each([0, 1, 2, 255, 256, 257, 600])('of %i entries is whole', async (count) => {
    const { files, policy } = await testLog(entriesOf(count))
    const verified = await verifyLog(filesOf(files), policyOf(policy))
    expect(verified).toMatchObject({ origin: testOrigin, entries: count, areKeysGiven: true, earlierCheckpoints: 0 })
    expect(verified.signedBy.map(({ key }) => key.kind)).toEqual(['ed25519', 'ml-dsa-44'])
    expect(await verifyLog(filesOf(files))).toMatchObject({ entries: count, areKeysGiven: false })
  })

  it('of three levels is whole, with its earlier checkpoints and tiles', async () => {
    const sizes = [0, 1, 256, 700, 65_536, 65_537]
    const { files } = await testLog(entriesOf(65_800), sizes)
    expect([...files.keys()]).toContain('tile/0/256.p/1')
    expect(await verifyLog(filesOf(files))).toMatchObject({ entries: 65_800, earlierCheckpoints: sizes.length })
  })

  it('needs the signatures of all kinds of its keys, and of witnesses', async () => {
    const signers = [newSigner(testOrigin, 'ed25519')]
    const { files, policy } = await testLog(entriesOf(3), [2], signers)
    const second = formatVerifierKey(newSigner(testOrigin, 'ml-dsa-44').key)
    const verify = (text: string) => verifyLog(filesOf(files), policyOf(text))
    await expect(verify(`log ${second}\n${policy}`)).rejects.toThrow('checkpoint note: has no ml-dsa-44 signature')
    const witness = newSigner('witness.example/w', 'ed25519-cosignature')
    const witnessed = `witness w ${formatVerifierKey(witness.key)}\n${policy.replace('none', 'w')}`
    await expect(verify(witnessed)).rejects.toThrow('checkpoint note: too few witnesses have signed: the quorum is w')
    const again = await testLog(entriesOf(3), [], [...signers, witness])
    files.set('checkpoint', again.files.get('checkpoint') ?? new Uint8Array())
    expect((await verify(witnessed)).signedBy.map(({ key }) => key.name)).toEqual([testOrigin, 'witness.example/w'])
    const stranger = `log ${formatVerifierKey(newSigner('other.example/log', 'ed25519').key)}\nquorum none\n`
    await expect(verify(stranger)).rejects.toThrow(`checkpoint line 1: ${testOrigin} is none of the logs`)
  })

  it('with a file that logs do not have, or without one that they have, is not', async () => {
    const { files } = await testLog(entriesOf(300))
    const faultWith = (change: (files: Map<string, Uint8Array>) => void) => {
      const changed = new Map(files)
      change(changed)
      return verifyLog(filesOf(changed)).then(
        () => 'whole',
        (error: unknown) => String(error instanceof Error ? error.message : error),
      )
    }
    const empty = new Uint8Array()
    expect(await faultWith((all) => all.set('notes', empty))).toBe('notes: is no file that a log has')
    expect(await faultWith((all) => all.set('tile/0/002', empty))).toBe(
      'tile/0/002: is no tile of a log of 300 entries',
    )
    expect(await faultWith((all) => all.set('tile/2/000.p/1', empty))).toMatch(/^tile\/2\/000.p\/1: is no tile/)
    expect(await faultWith((all) => all.set('tile/0/001.p/3', empty))).toMatch('is not how tile/0/001.p/44 begins')
    expect(await faultWith((all) => all.set('tile/entries/001.p/3', empty))).toMatch('is not how tile/entries/001.p/44')
    for (const path of files.keys()) expect(await faultWith((all) => all.delete(path))).toBe(`${path}: is missing`)
  })

  it('that its own keeper wrote wrongly is not, for all its signatures', async () => {
    const faultOf = async (entries: string[]) => {
      const { files } = await testLog(entries)
      return verifyLog(filesOf(files)).catch((error: unknown) => (error instanceof Error ? error.message : error))
    }
    const entries = entriesOf(300)
    expect(await faultOf(entries.with(270, testEntry(3)))).toBe('entry 270: has the id of entry 3')
    expect(await faultOf(entries.with(5, '{}'))).toMatch(/^entry 5: is no entry: version /)
    expect(await faultOf(entries.with(5, `${testEntry(5)} `))).toBe('entry 5: is not in canonical form (RFC 8785)')
    expect(await faultOf(entries.with(5, 'x'))).toMatch(/^entry 5: is no JSON/)
  })

  it('shows where it forked, or was cut short', async () => {
    const signers = [newSigner(testOrigin, 'ed25519')]
    const { files } = await testLog(entriesOf(300), [100, 200], signers)
    const fork = await testLog(entriesOf(300).with(150, testEntry(999)), [100, 200], signers)
    const forked = new Map(files).set('checkpoints/200', fork.files.get('checkpoints/200') ?? new Uint8Array())
    await expect(verifyLog(filesOf(forked))).rejects.toThrow(
      'checkpoints/200 line 3: is not the root of the first 200 entries: a split view',
    )
    const cut = await testLog(entriesOf(250), [], signers)
    cut.files.set('checkpoints/300', files.get('checkpoint') ?? new Uint8Array())
    await expect(verifyLog(filesOf(cut.files))).rejects.toThrow('checkpoints/300: was signed of 300 entries')
    const root = new Uint8Array(32)
    const wrong = await signCheckpoint({ origin: testOrigin, size: 300, root, extensions: [] }, signers, timeSeconds)
    await expect(verifyLog(filesOf(new Map(files).set('checkpoint', Buffer.from(wrong))))).rejects.toThrow(
      'checkpoint line 3: is not the root of the 300 entries',
    )
  })
})
