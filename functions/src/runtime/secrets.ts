import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { platformTenant } from '@infinity-matrix/contracts'
import { secretPlan, secretVersionsAccepted, type SecretVersion } from '@infinity-matrix/core/secrets'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { once, type Context } from './context.ts'
import { isAbsence, isExisting } from './failure.ts'
import { createGoogleApi, type GoogleApi } from './google-api.ts'
import { record, type Happening } from './ledger.ts'
import { isLocal, projectId, secretsFile } from './params.ts'

/** Where secrets are kept, by their names (`[A-Za-z0-9_-]`, at most 255). */
export interface SecretStore {
  /** Enabled versions, the newest first; none where there is no such secret. */
  versions: (name: string) => Promise<SecretVersion[]>
  read: (name: string, version: string) => Promise<Uint8Array>
  /** Adds a version, and the secret where it is not there. */
  add: (name: string, value: Uint8Array) => Promise<SecretVersion>
  disable: (name: string, version: string) => Promise<void>
}

const Version = z.object({ name: z.string(), createTime: z.string() })
const Versions = z.object({ versions: z.array(Version).default([]) })
const Payload = z.object({ payload: z.object({ data: z.base64() }) })
const Anything = z.unknown()

const versionFrom = ({ name, createTime }: z.infer<typeof Version>): SecretVersion => ({
  version: name.slice(name.lastIndexOf('/') + 1),
  createdAt: new Date(Date.parse(createTime)).toISOString(),
})

/**
 * Secret Manager of a project.
 *
 * @see https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
 */
export const createSecretManager = (project: string, api: GoogleApi): SecretStore => {
  const pathOf = (name: string) => `projects/${project}/secrets/${name}`
  return {
    versions: async (name) => {
      try {
        const { versions } = await api('GET', `${pathOf(name)}/versions?filter=state:ENABLED&pageSize=10`, Versions)
        return versions.map(versionFrom)
      } catch (error) {
        if (isAbsence(error)) return []
        throw error
      }
    },
    read: async (name, version) => {
      const { payload } = await api('GET', `${pathOf(name)}/versions/${version}:access`, Payload)
      return Buffer.from(payload.data, 'base64')
    },
    add: async (name, value) => {
      const made = { replication: { automatic: {} } }
      await api('POST', `projects/${project}/secrets?secretId=${name}`, Anything, made).catch((error: unknown) => {
        if (!isExisting(error)) throw error
      })
      const payload = { data: Buffer.from(value).toString('base64') }
      return versionFrom(await api('POST', `${pathOf(name)}:addVersion`, Version, { payload }))
    },
    disable: async (name, version) => {
      await api('POST', `${pathOf(name)}/versions/${version}:disable`, Anything, {})
    },
  }
}

const FileVersion = z.object({ version: z.string(), createdAt: z.string(), value: z.base64(), isEnabled: z.boolean() })
const SecretsFile = z.record(z.string(), z.array(FileVersion))

/** Secrets in a file, for development: written whole, readable by its owner only. */
export const createLocalSecrets = (path: string, nowMs: () => number): SecretStore => {
  const load = async (): Promise<z.infer<typeof SecretsFile>> => {
    try {
      return SecretsFile.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
      throw error
    }
  }
  const save = async (secrets: z.infer<typeof SecretsFile>): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const next = `${path}.${randomBytes(6).toString('hex')}`
    await writeFile(next, JSON.stringify(secrets), { mode: 0o600, flag: 'wx' })
    await rename(next, path)
  }
  const find = async (name: string) => (await load())[name] ?? []
  return {
    versions: async (name) =>
      (await find(name))
        .filter(({ isEnabled }) => isEnabled)
        .map(({ version, createdAt }) => ({ version, createdAt }))
        .toReversed(),
    read: async (name, version) => {
      const found = (await find(name)).find((one) => one.version === version && one.isEnabled)
      if (!found) throw Object.assign(new Error(`there is no version ${version} of the secret ${name}`), { code: 5 })
      return Buffer.from(found.value, 'base64')
    },
    add: async (name, value) => {
      const before = await find(name)
      const added = { version: String(before.length + 1), createdAt: new Date(nowMs()).toISOString() }
      const kept = { ...added, value: Buffer.from(value).toString('base64'), isEnabled: true }
      await save({ ...(await load()), [name]: [...before, kept] })
      return added
    },
    disable: async (name, version) => {
      const after = (await find(name)).map((one) => (one.version === version ? { ...one, isEnabled: false } : one))
      await save({ ...(await load()), [name]: after })
    },
  }
}

export interface Secret extends SecretVersion {
  value: Uint8Array
}

const knownSeconds = 300
const secretsMax = 100

/** Secrets as functions use them: each read of one from its store stands in the ledger, without what it says. */
export const createSecrets = (context: Context, store: () => SecretStore) => {
  const known = new LRUCache<string, Promise<Secret[]>>({
    max: secretsMax,
    ttl: knownSeconds * 1000,
    ttlResolution: 0,
    perf: { now: context.nowMs },
  })

  const happened = (name: string, version: string, action: string, kind: Happening['kind']): Happening => ({
    kind,
    action,
    tenant: platformTenant,
    subject: `secrets/${name}/versions/${version}`,
    outcome: 'done',
  })

  const read = async (name: string): Promise<Secret[]> => {
    const versions = (await store().versions(name)).slice(0, secretVersionsAccepted)
    // What is not recorded is not read.
    await record(
      context,
      versions.map(({ version }) => happened(name, version, 'secret-read', 'data-access')),
    )
    return Promise.all(versions.map(async (one) => ({ ...one, value: await store().read(name, one.version) })))
  }

  /** What a secret says: the first version is for use, each is accepted. At most five minutes old. */
  const accepted = (name: string): Promise<Secret[]> => {
    const held = known.get(name) ?? read(name)
    if (known.get(name) === undefined) {
      known.set(name, held)
      held.catch(() => known.delete(name))
    }
    return held
  }

  /**
   * Adds a version where one is due, and disables those that are not accepted any more. To be called by one at a time.
   *
   * @returns whether one was added
   */
  const rotate = async (name: string, make: () => Uint8Array): Promise<boolean> => {
    const { isNewDue, retired } = secretPlan(await store().versions(name), context.nowMs())
    const happenings: Happening[] = []
    if (isNewDue) {
      const { version } = await store().add(name, make())
      happenings.push(happened(name, version, 'secret-added', 'automation'))
    }
    for (const { version } of retired) {
      await store().disable(name, version)
      happenings.push(happened(name, version, 'secret-disabled', 'automation'))
    }
    await record(context, happenings)
    if (happenings.length > 0) known.delete(name)
    return isNewDue
  }

  return { accepted, rotate }
}

export type Secrets = ReturnType<typeof createSecrets>

const secretStore = once((nowMs: () => number): SecretStore => {
  if (isLocal()) return createLocalSecrets(secretsFile(), nowMs)
  return createSecretManager(projectId(), createGoogleApi({ origin: 'https://secretmanager.googleapis.com' }))
})

/** The secrets of this instance. */
export const secrets = once((context: Context) => createSecrets(context, () => secretStore(context.nowMs)))
