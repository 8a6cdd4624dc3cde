import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SecretVersion } from '@infinity-matrix/core/secrets'
import { z } from 'zod'
import { isAbsence, isExisting } from './failure.ts'
import type { GoogleApi } from './google-api.ts'

/** A secret that is there. Ours are made here, of random bytes; the others are issued elsewhere, and added by people. */
export interface KnownSecret {
  name: string
  isOurs: boolean
}

/** Where secrets are kept, by their names (`[A-Za-z0-9_-]`, at most 255). */
export interface SecretStore {
  list: () => Promise<KnownSecret[]>
  /** Enabled versions, the newest first; none where there is no such secret. */
  versions: (name: string) => Promise<SecretVersion[]>
  read: (name: string, version: string) => Promise<Uint8Array>
  /** Adds a version, and the secret, as one of ours, where it is not there. */
  add: (name: string, value: Uint8Array) => Promise<SecretVersion>
  disable: (name: string, version: string) => Promise<void>
}

const ourLabel = { key: 'made-by', value: 'infinity-matrix' }

const Listed = z.object({
  secrets: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) })).default([]),
  nextPageToken: z.string().default(''),
})
const Version = z.object({ name: z.string(), createTime: z.string() })
const Versions = z.object({ versions: z.array(Version).default([]) })
const Payload = z.object({ payload: z.object({ data: z.base64() }) })
const Anything = z.unknown()

const lastOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const versionFrom = ({ name, createTime }: z.infer<typeof Version>): SecretVersion => ({
  version: lastOf(name),
  createdAt: new Date(Date.parse(createTime)).toISOString(),
})

/**
 * Secret Manager of a project.
 *
 * @see https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
 */
export const createSecretManager = (project: string, api: GoogleApi): SecretStore => {
  const pathOf = (name: string) => `projects/${project}/secrets/${name}`
  const list = async (pageToken = ''): Promise<KnownSecret[]> => {
    const page = await api('GET', `projects/${project}/secrets?pageSize=250&pageToken=${pageToken}`, Listed)
    const secrets = page.secrets.map(({ name, labels }) => ({
      name: lastOf(name),
      isOurs: labels[ourLabel.key] === ourLabel.value,
    }))
    return page.nextPageToken === '' ? secrets : [...secrets, ...(await list(encodeURIComponent(page.nextPageToken)))]
  }
  return {
    list: () => list(),
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
      const made = { replication: { automatic: {} }, labels: { [ourLabel.key]: ourLabel.value } }
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
const SecretsFile = z.record(z.string(), z.object({ isOurs: z.boolean(), versions: z.array(FileVersion) }))

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
  const find = async (name: string) => (await load())[name]?.versions ?? []
  return {
    list: async () => Object.entries(await load()).map(([name, { isOurs }]) => ({ name, isOurs })),
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
      const all = await load()
      const { isOurs, versions } = all[name] ?? { isOurs: true, versions: [] }
      const added = { version: String(versions.length + 1), createdAt: new Date(nowMs()).toISOString() }
      const kept = { ...added, value: Buffer.from(value).toString('base64'), isEnabled: true }
      await save({ ...all, [name]: { isOurs, versions: [...versions, kept] } })
      return added
    },
    disable: async (name, version) => {
      const all = await load()
      const { isOurs, versions } = all[name] ?? { isOurs: true, versions: [] }
      const after = versions.map((one) => (one.version === version ? { ...one, isEnabled: false } : one))
      await save({ ...all, [name]: { isOurs, versions: after } })
    },
  }
}
