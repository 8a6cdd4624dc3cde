import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evmAnchorer } from '@infinity-matrix/anchors'
import { startTestChain, type TestChain } from '@infinity-matrix/anchors/testing'
import { verifyAnchor } from '@infinity-matrix/verifier'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { anchorInSteps } from './evm-anchor.ts'

let chain: TestChain
let folder = ''
beforeEach(async () => {
  chain = await startTestChain()
  folder = mkdtempSync(join(tmpdir(), 'evm-anchor-'))
})
afterEach(async () => {
  await chain.close()
  rmSync(folder, { recursive: true })
})

const checkpointOf = (size: number) =>
  `log.example/ledger\n${size}\n${'A'.repeat(43)}=\n\n— log.example/ledger AAAAAAA=\n`

it('an anchor is taken all the way, and one that a run left on its way is finished first', async () => {
  const path = join(folder, 'log.anchor.json')
  const anchorer = evmAnchorer({ ...chain, confirmations: 3, nowMs: Date.now })
  const stopped = () => Promise.reject(new Error('stopped'))
  await expect(anchorInSteps(anchorer, checkpointOf(3), path, { sleep: stopped })).rejects.toThrow('stopped')
  expect(chain.waiting()).toHaveLength(1)
  for (const size of [3, 5]) {
    const anchor = await anchorInSteps(anchorer, checkpointOf(5), path, { sleep: () => chain.mine() })
    expect(anchor.checkpoint).toBe(checkpointOf(size))
    expect((await verifyAnchor(anchor)).kind).toBe('evm')
    expect(existsSync(path)).toBe(false)
  }
  expect(chain.minedOfAccount()).toBe(2)
})
