import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBlock } from '@ethereumjs/block'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createMerkleProof, MerklePatriciaTrie } from '@ethereumjs/mpt'
import { RLP } from '@ethereumjs/rlp'
import { createFeeMarket1559Tx } from '@ethereumjs/tx'
import { bytesToHex, createAccount, createAddressFromPrivateKey } from '@ethereumjs/util'
import { buildBlock, createVM } from '@ethereumjs/vm'
import type { Anchor, EvmAnchor, GitAnchor } from '@infinity-matrix/contracts'
import { parseNote } from '@infinity-matrix/core/ledger'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseAnchor, verifyAnchor } from './anchor.ts'
import { filesOf, testEntry, testLog, type TestLog } from './testing.ts'
import { verifyLog } from './verify-log.ts'

let log: TestLog
let checkpoint: string

beforeAll(async () => {
  log = await testLog(
    Array.from({ length: 20 }, (_, index) => testEntry(index)),
    [12],
  )
  checkpoint = Buffer.from(log.files.get('checkpoints/12') ?? []).toString()
})

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const author = { name: 'a', email: 'a@example.com', time: '1790000123 +0200' }

/** An anchor in a repository that git itself makes. */
const gitAnchor = (format: 'sha1' | 'sha256' = 'sha1', path = 'logs/acme/checkpoint'): GitAnchor => {
  const folder = mkdtempSync(join(tmpdir(), 'anchor-'))
  folders.push(folder)
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      env: {
        ...process.env,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: author.time,
        GIT_COMMITTER_NAME: author.name,
        GIT_COMMITTER_EMAIL: author.email,
        GIT_COMMITTER_DATE: author.time,
      },
    })
  git('init', '-q', `--object-format=${format}`)
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), checkpoint)
  writeFileSync(join(folder, 'README'), 'checkpoints')
  git('add', '.')
  git('commit', '-q', '-m', 'checkpoint of 12 entries')
  const folderPaths = path.split('/').map((_, at, names) => names.slice(0, at).join('/'))
  const content = (type: string, name: string) => git('cat-file', type, name).toString('base64')
  return {
    kind: 'git',
    checkpoint,
    evidence: {
      commit: content('commit', 'HEAD'),
      trees: folderPaths.map((name) => content('tree', `HEAD:${name}`)),
      path,
    },
  }
}

const headOf = () =>
  execFileSync('git', ['rev-parse', 'HEAD'], { cwd: folders.at(-1) })
    .toString()
    .trim()

/** An anchor in a block of a chain in this process, among other transactions. */
const evmAnchor = async (): Promise<{ anchor: EvmAnchor; blockHash: string }> => {
  const common = new Common({ chain: Mainnet, hardfork: Hardfork.Shanghai })
  const vm = await createVM({ common })
  const key = new Uint8Array(32).fill(7)
  const sender = createAddressFromPrivateKey(key)
  await vm.stateManager.putAccount(sender, createAccount({ balance: 10n ** 20n }))
  const gas = { gasLimit: 30_000_000n, baseFeePerGas: 7n }
  const parentBlock = createBlock({ header: { ...gas, number: 1n, timestamp: 1_790_000_000n } }, { common })
  const builder = await buildBlock(vm, {
    parentBlock,
    headerData: { ...gas, number: 2n, timestamp: 1_790_000_012n },
    blockOpts: { putBlockIntoBlockchain: false },
  })
  const transactionIndex = 130
  for (let nonce = 0; nonce < 140; nonce++) {
    const data = Buffer.from(nonce === transactionIndex ? parseNote(checkpoint).text : `other ${nonce}`)
    const fields = { chainId: 1n, nonce: BigInt(nonce), maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n }
    const transaction = createFeeMarket1559Tx({ ...fields, gasLimit: 100_000n, to: sender, data }, { common })
    await builder.addTransaction(transaction.sign(key))
  }
  const { block } = await builder.build()
  const trie = new MerklePatriciaTrie()
  for (const [index, transaction] of block.transactions.entries())
    await trie.put(RLP.encode(index), transaction.serialize())
  const proof = await createMerkleProof(trie, RLP.encode(transactionIndex))
  const header = bytesToHex(RLP.encode(block.header.raw()))
  const evidence = { chainId: 1, header, transactionIndex, proof: proof.map((node) => bytesToHex(node)) }
  return { anchor: { kind: 'evm', checkpoint, evidence }, blockHash: bytesToHex(block.hash()) }
}

const faultOf = (anchor: Anchor) =>
  verifyAnchor(anchor).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

describe('an anchor in git', () => {
  it.each(['sha1', 'sha256'] as const)('is followed to its commit (%s)', async (format) => {
    const anchor = gitAnchor(format)
    expect(await verifyAnchor(anchor)).toEqual({ kind: 'git', id: headOf(), timeSeconds: 1_790_000_123 })
    expect(await verifyAnchor(gitAnchor(format, 'checkpoint'))).toMatchObject({ id: headOf() })
  })

  it('is refused where any of its objects, or the checkpoint, is another', async () => {
    const anchor = gitAnchor()
    const changed = (change: Partial<GitAnchor['evidence']>): GitAnchor => ({
      ...anchor,
      evidence: { ...anchor.evidence, ...change },
    })
    const [root = '', ...more] = anchor.evidence.trees
    const flipped = (content: string) => {
      const bytes = Buffer.from(content, 'base64')
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      return bytes.toString('base64')
    }
    expect(await faultOf({ ...anchor, checkpoint: `${checkpoint} ` })).toMatch(/^checkpoint: is not the file/)
    expect(await faultOf(changed({ trees: [flipped(root), ...more] }))).toMatch(/^evidence.trees.0: is not the tree/)
    expect(await faultOf(changed({ trees: [root, ...more.map(flipped)] }))).toMatch(
      /^evidence.trees.1: is not the tree/,
    )
    expect(await faultOf(changed({ trees: more }))).toMatch('a file in logs/acme/checkpoint needs 3 trees')
    expect(await faultOf(changed({ path: 'logs/acme/other' }))).toBe('evidence.trees.2: holds no file other')
    expect(await faultOf(changed({ path: 'README/acme/checkpoint' }))).toBe('evidence.trees.0: holds no folder README')
    expect(await faultOf(changed({ path: 'logs', trees: [root] }))).toBe('evidence.trees.0: holds no file logs')
    expect(await faultOf(changed({ commit: root }))).toMatch('does not begin with the id of a tree')
    const noTime = Buffer.from(anchor.evidence.commit, 'base64')
      .toString()
      .replace(/^committer/m, 'committed')
    expect(await faultOf(changed({ commit: Buffer.from(noTime).toString('base64') }))).toMatch('has no time')
  })
})

describe('an anchor in a chain', () => {
  it('is followed to its block', async () => {
    const { anchor, blockHash } = await evmAnchor()
    expect(anchor.evidence.proof.length).toBeGreaterThan(2)
    expect(await verifyAnchor(anchor)).toEqual({ kind: 'evm', id: blockHash, timeSeconds: 1_790_000_012 })
  })

  it('is refused where any part of it, or the checkpoint, is another', async () => {
    const { anchor } = await evmAnchor()
    const changed = (change: Partial<EvmAnchor['evidence']>): EvmAnchor => ({
      ...anchor,
      evidence: { ...anchor.evidence, ...change },
    })
    const { proof, header } = anchor.evidence
    const noWay = 'does not lead from the root of transactions to transaction'
    for (const [at, node] of proof.entries()) {
      const flipped = `${node.slice(0, -1)}${node.endsWith('0') ? '1' : '0'}`
      expect(await faultOf(changed({ proof: proof.with(at, flipped) }))).toMatch(noWay)
      expect(await faultOf(changed({ proof: proof.toSpliced(at, 1) }))).toMatch(noWay)
    }
    expect(await faultOf(changed({ transactionIndex: 129 }))).toMatch(noWay)
    expect(await faultOf(changed({ transactionIndex: 500 }))).toMatch(noWay)
    expect(await faultOf(changed({ chainId: 5 }))).toMatch('evidence.chainId: is not that of the transaction')
    expect(await faultOf(changed({ header: header.slice(0, -2) }))).toMatch('evidence.header: ')
    expect(await faultOf(changed({ header: '0xc0' }))).toMatch('evidence.header: is no header')
    const other = Buffer.from(log.files.get('checkpoint') ?? []).toString()
    expect(await faultOf({ ...anchor, checkpoint: other })).toMatch('its text is not the calldata')
  })
})

describe('the anchors of an exported log', () => {
  const verifyWith = (anchor: unknown) =>
    verifyLog(filesOf(new Map(log.files).set('anchors/1.json', Buffer.from(JSON.stringify(anchor)))))

  it('are verified, and their checkpoints are of its history', async () => {
    const anchor = gitAnchor()
    expect((await verifyWith(anchor)).anchors).toEqual([
      { path: 'anchors/1.json', size: 12, kind: 'git', id: headOf(), timeSeconds: 1_790_000_123 },
    ])
    const fork = await testLog(
      Array.from({ length: 20 }, (_, index) => testEntry(index + 50)),
      [12],
      log.signers,
    )
    checkpoint = Buffer.from(fork.files.get('checkpoints/12') ?? []).toString()
    await expect(verifyWith(gitAnchor())).rejects.toThrow(
      'anchors/1.json checkpoint line 3: is not the root of the first 12 entries: a split view',
    )
  })

  it('are named where they are none', async () => {
    await expect(verifyWith({ ...gitAnchor(), kind: 'other' })).rejects.toThrow('anchors/1.json kind: ')
    await expect(verifyWith({ ...gitAnchor(), more: 1 })).rejects.toThrow('anchors/1.json anchor: Unrecognized key')
    expect(() => parseAnchor('x')).toThrow('anchor: is no JSON')
  })
})
