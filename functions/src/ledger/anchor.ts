import type { Anchorer } from '@infinity-matrix/anchors'
import type { EvmProgress } from '@infinity-matrix/contracts'
import type { Context } from '../runtime/context.ts'
import { createLeases } from '../runtime/lease.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { anchorSettings } from '../runtime/params.ts'
import { secrets } from '../runtime/secrets.ts'
import { createAnchoring } from './anchoring/anchoring.ts'
import { witnessKeys } from './signers/index.ts'
import { createLogStore } from './store.ts'

/** By the settings. Its libraries are large, and are loaded where there is something to do. */
const openAnchorer = async (context: Context): Promise<Anchorer<EvmProgress>> => {
  const name = anchorSettings.keySecret.value()
  const [key] = await secrets(context).accepted(name)
  if (!key) throw new Error(`LEDGER_ANCHOR_KEY_SECRET of the functions must name a secret: there is no ${name}`)
  const { evmAnchorer } = await import('@infinity-matrix/anchors')
  return evmAnchorer({
    rpcUrl: anchorSettings.rpcUrl.value(),
    chainId: anchorSettings.chainId.value(),
    privateKey: Buffer.from(key.value).toString('utf8').trim(),
    confirmations: anchorSettings.confirmations.value(),
    nowMs: context.nowMs,
  })
}

/**
 * Puts checkpoints where whoever keeps the log cannot take them back. It comes often, since a transaction waits for blocks;
 * another is begun once a day, or as the settings say.
 */
export const anchor = onTick(
  'ledger-anchor',
  { maxInstances: 1, timeoutSeconds: 120, memory: '512MiB' },
  async (context) => {
    if (anchorSettings.rpcUrl.value() === '') {
      log.info('no checkpoint is anchored: LEDGER_ANCHOR_RPC_URL names no node')
      return
    }
    const store = createLogStore(context.firestore, createLeases(context))
    const anchoring = createAnchoring(context, {
      anchorer: () => openAnchorer(context),
      // What witnesses signed says more.
      checkpoint: async () =>
        witnessKeys(undefined).length > 0 ? store.readCosigned() : (await store.read()).checkpoint,
      everyHours: anchorSettings.everyHours.value(),
      holder: context.newId(),
    })
    log.info(`anchoring of checkpoints: ${await anchoring.step()}`)
  },
)
