// The one module that reads the environment. Values come from functions/.env* and are asked for by `firebase deploy`.
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { defineBoolean, defineInt, defineString } from 'firebase-functions/params'

/** Where BigQuery is: Google's own, or, beside a local Pub/Sub engine, what its BigQuery subscriptions wrote. */
export const bigQueryOptions = (): { projectId?: string; apiEndpoint?: string } => {
  const { PUBSUB_EMULATOR_HOST: host, GCLOUD_PROJECT: projectId } = process.env
  return { ...(projectId && { projectId }), ...(host && { apiEndpoint: `http://${host}` }) }
}

/** Sweepers that share the agents: one watches about a million. At most 16. */
export const sweepers = defineInt('SWEEPERS', { default: 1 })

/** A missing report is waited for this long before the agent is asked for a snapshot. */
export const gapBoundSeconds = defineInt('GAP_BOUND_SECONDS', { default: 60 })

/**
 * More writes a second than all instances together can make. A key range that has grown to take so much is not governed
 * any more; 0 governs none.
 */
export const governedWritesPerSecond = defineInt('GOVERNED_WRITES_PER_SECOND', { default: 35_000 })

/** Where the local Firestore is, as `host:port`; undefined in production. Google's own client reads it by itself. */
export const firestoreEmulatorHost = (): string | undefined => process.env['FIRESTORE_EMULATOR_HOST']
/** Where the Auth emulator is, as `host:port`: its tokens are not signed. Undefined in production. */
export const authEmulatorHost = (): string | undefined => process.env['FIREBASE_AUTH_EMULATOR_HOST']
/** The function that this instance runs, as it is deployed. */
export const functionName = (): string => process.env['K_SERVICE'] ?? process.env['FUNCTION_TARGET'] ?? 'unknown'

/** Whether engines on this machine stand in for Google's services. */
export const isLocal = (): boolean => process.env['PUBSUB_EMULATOR_HOST'] !== undefined

/** The key of Cloud KMS that wraps data keys, `projects/{p}/locations/{l}/keyRings/{r}/cryptoKeys/{k}`. */
export const kmsKey = defineString('KMS_KEY', { default: '' })

/** Where the key stands that does so beside local engines: outside the repository, and made where it is not. */
export const keyFile = (): string =>
  process.env['IMX_KEY_FILE'] ?? join(tmpdir(), `infinity-matrix-${userInfo().uid}`, 'keys.json')

/** Where secrets stand beside local engines: beside that key. */
export const secretsFile = (): string => join(dirname(keyFile()), 'secrets.json')

/**
 * How many requests a minute a principal, a tenant, and an address without credentials may make of each function; 0 counts
 * none.
 */
export const quotas = {
  principal: defineInt('QUOTA_PRINCIPAL_PER_MINUTE', { default: 6000 }),
  tenant: defineInt('QUOTA_TENANT_PER_MINUTE', { default: 60_000 }),
  address: defineInt('QUOTA_ADDRESS_PER_MINUTE', { default: 600 }),
}

/** Origins of pages that may call the API from a browser, separated by commas. */
export const corsOrigins = defineString('CORS_ORIGINS', { default: '' })

/** Origins of pages on which people sign in by passkey or wallet, separated by commas; neither is there where none is set. */
export const signInOrigins = defineString('SIGN_IN_ORIGINS', { default: '' })

/**
 * The domain that passkeys are for: the host of those origins, or what they are beneath. Passkeys are good for no other, so
 * it cannot be changed later. Empty: the host of the first.
 */
export const passkeyDomain = defineString('PASSKEY_DOMAIN', { default: '' })

/** Chains whose wallets may sign in, by their ids and with commas between, such as `1`; empty: none. */
export const walletChainIds = defineString('WALLET_CHAIN_IDS', { default: '' })

/** Where contracts of a chain are asked whether they signed, such as `1=https://rpc.example`, with commas between. */
export const walletRpcUrls = defineString('WALLET_RPC_URLS', { default: '' })

/** Whether endpoints of subscribers may be on this machine, over plain http: for engines on this machine only. */
export const localEndpoints = defineBoolean('LOCAL_ENDPOINTS', { default: false })

/** Where `events-deliver` is called; empty where `firebase deploy` put it, or the functions emulator. */
export const deliverUrl = defineString('DELIVER_URL', { default: '' })

/** The service account that Pub/Sub calls `events-deliver` as; deliveries carry the identity that function runs as. */
export const deliverServiceAccount = defineString('DELIVER_SERVICE_ACCOUNT', { default: '' })

/**
 * What identity tokens of Google must be made for, before a slash and the tenant: `https://api.example.com` for
 * `https://api.example.com/acme`. Without it they are refused.
 */
export const apiAudience = defineString('API_AUDIENCE', { default: '' })

/** As the platform tells its functions. */
export const projectId = (): string => process.env['GCLOUD_PROJECT'] ?? ''
/** Where the functions emulator's hub is, as `host:port`; undefined elsewhere. */
export const emulatorHub = (): string | undefined => process.env['FIREBASE_EMULATOR_HUB']

/** What the log of the ledger is called by all who verify it: where it is served, without `https://`. It cannot be changed later. */
export const ledgerOrigin = defineString('LEDGER_ORIGIN', { default: 'infinity-matrix.local/ledger' })

/** The versions of Cloud KMS keys that sign it, with commas between: one of Ed25519, and one of ML-DSA-44. */
export const ledgerKeys = defineString('LEDGER_KEYS', { default: '' })

/** Where they stand beside local engines: outside the repository, and made where they are not. */
export const ledgerKeyFile = (): string =>
  process.env['IMX_LEDGER_KEY_FILE'] ?? join(tmpdir(), `infinity-matrix-${userInfo().uid}`, 'ledger-keys.json')

/** Keys of witnesses whose signatures of it are kept, as c2sp.org/signed-note writes them, with commas between. */
export const ledgerWitnesses = defineString('LEDGER_WITNESSES', { default: '' })

/** Whether there is object storage: beside local engines, only where the Storage emulator is. Google's client finds it by itself. */
export const hasObjectStorage = (): boolean => !isLocal() || process.env['STORAGE_EMULATOR_HOST'] !== undefined

/** Where the ledger is kept for years: a bucket of Cloud Storage; empty for none. How often, and how long at least. */
export const coldExport = {
  bucket: defineString('LEDGER_BUCKET', { default: '' }),
  everyHours: defineInt('LEDGER_EXPORT_HOURS', { default: 24 }),
  retentionDays: defineInt('LEDGER_RETENTION_DAYS', { default: 2555 }),
}

/**
 * The EVM chain that checkpoints are anchored in: a node of it, empty for none; the name of the secret that has the private
 * key of the account that pays; how often one is anchored, and how many blocks are waited for.
 */
export const anchorSettings = {
  rpcUrl: defineString('LEDGER_ANCHOR_RPC_URL', { default: '' }),
  chainId: defineInt('LEDGER_ANCHOR_CHAIN_ID', { default: 1 }),
  keySecret: defineString('LEDGER_ANCHOR_KEY_SECRET', { default: 'ledger-anchor-key' }),
  everyHours: defineInt('LEDGER_ANCHOR_HOURS', { default: 24 }),
  confirmations: defineInt('LEDGER_ANCHOR_CONFIRMATIONS', { default: 12 }),
}
