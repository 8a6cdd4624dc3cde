import { Member, Revocation } from './access.ts'
import { AgentKeysDocument } from './agent-keys.ts'
import { z } from 'zod'
import { AlertDocument } from './critical-error.ts'
import { CountsDocument, CountShard } from './counts.ts'
import { classRules, fieldsOf } from './data-class.ts'
import { DeadLetterDocument, DeadLetterPart, DeadLetterReplay } from './dead-letter.ts'
import { AgentDocument, Lease, ParkedReport, type collections } from './documents.ts'
import { ErasedAgent, Erasure } from './erasure.ts'
import { CellDocument, DigestDocument, PulseDocument } from './heartbeat-documents.ts'
import { JobDocument, JobPage } from './jobs.ts'
import { KeyRangeDocument } from './key-range.ts'
import { LedgerAnchor } from './ledger-anchor.ts'
import { LedgerDisclosure } from './ledger-disclosure.ts'
import { LedgerIntake } from './ledger-entry.ts'
import { LedgerExport } from './ledger-export.ts'
import { LedgerBundle, LedgerCheckpoint, LedgerTile, LedgerTree } from './ledger-log.ts'
import { LedgerWindow } from './ledger-window.ts'
import { Rollup, RollupJournal } from './rollup.ts'
import { ApiKeyDocument, ServiceAccountDocument } from './services.ts'
import { ChannelDocument, SubscribedTenants, SubscriptionDocument } from './subscription.ts'
import { QuotaDocument } from './quota.ts'
import { Passkey, SignInChallenge } from './sign-in.ts'
import { Reencryption, TenantKeys } from './tenant-keys.ts'

/** How a collection keeps the fields that their class wants sealed. */
export interface Storage {
  /** The form of its documents, as they are before fields are sealed. */
  schema: z.ZodType
  /** Why such fields are plain here all the same; without it they are sealed under their tenant's key. */
  plain?: string
}

const ofAgents =
  'agents publish it, so it stands in topics and the archive too; the fold writes it thousands of times a second. ' +
  'Rules, IAM and encryption at rest guard it'

/** Every collection; checks/data-classes compares. */
export const storage: Readonly<Partial<Record<keyof typeof collections, Storage>> & Record<string, Storage>> = {
  agentKeys: { schema: AgentKeysDocument },
  agents: { schema: AgentDocument, plain: ofAgents },
  alerts: { schema: AlertDocument },
  cells: { schema: CellDocument, plain: ofAgents },
  channels: { schema: ChannelDocument, plain: ofAgents },
  counts: { schema: CountsDocument },
  deadLetterReplays: { schema: DeadLetterReplay },
  deadLetters: { schema: DeadLetterDocument, plain: ofAgents },
  digests: { schema: DigestDocument },
  erasedAgents: { schema: ErasedAgent },
  erasures: { schema: Erasure },
  jobs: { schema: JobDocument, plain: 'it becomes the desired state of agents, and is as open as that' },
  keyRanges: { schema: KeyRangeDocument },
  leases: { schema: Lease },
  ledgerAnchors: { schema: LedgerAnchor },
  ledgerDisclosures: { schema: LedgerDisclosure },
  ledgerEntries: { schema: LedgerBundle },
  ledgerIntake: { schema: LedgerIntake },
  apiKeys: { schema: ApiKeyDocument },
  serviceAccounts: { schema: ServiceAccountDocument },
  members: { schema: Member },
  ledgerLog: { schema: z.union([LedgerTree, LedgerCheckpoint, LedgerExport]) },
  ledgerTiles: { schema: LedgerTile },
  ledgerWindows: { schema: LedgerWindow },
  pages: { schema: JobPage },
  parked: { schema: ParkedReport, plain: ofAgents },
  parts: { schema: DeadLetterPart, plain: ofAgents },
  passkeys: { schema: Passkey, plain: 'an account is of no tenant, under whose key it could stand' },
  pulses: { schema: PulseDocument, plain: ofAgents },
  revocations: { schema: Revocation },
  rollups: { schema: Rollup },
  quotas: { schema: QuotaDocument },
  reencryptions: { schema: Reencryption },
  rollupJournal: { schema: RollupJournal },
  shards: { schema: CountShard },
  signInChallenges: { schema: SignInChallenge },
  subscribedTenants: { schema: SubscribedTenants },
  tenantKeys: { schema: TenantKeys, plain: 'a data key is wrapped already, by a key that is not ours to read' },
  subscriptions: { schema: SubscriptionDocument },
}

/** The fields of a schema that are stored sealed, as paths; each is sealed whole, so none is named within another. */
export const sealedPathsOf = (schema: z.core.$ZodType): string[] => {
  const sealed = [...fieldsOf(schema)].filter(
    ({ dataClass }) => dataClass !== undefined && classRules[dataClass].stored === 'sealed',
  )
  const paths = [...new Set(sealed.map(({ path }) => path))]
  return paths.filter((path) => !paths.some((outer) => path.startsWith(`${outer}.`)))
}
