import { stat } from 'node:fs/promises'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import { importDocuments, readExport, writeExport } from '../export/index.ts'
import { parseDatabaseName } from '../names.ts'
import type { Response, Route } from './server.ts'

const DONE: Response = { status: 200, body: {} }

const invalidPayload = () => new StatusError(Code.INVALID_ARGUMENT, "Payload isn't valid for request.")

const camelCase = (key: string): string => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The strings of a JSON object, whose keys may be in either case of protobuf's JSON; no others than `keys` are allowed. */
const stringsIn = <K extends string>(body: string, keys: readonly K[]): Partial<Record<K, string>> => {
  let json: unknown
  try {
    json = JSON.parse(body === '' ? '{}' : body)
  } catch {
    throw invalidPayload()
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalidPayload()
  const strings: Partial<Record<K, string>> = {}
  for (const [name, value] of Object.entries(json)) {
    const key = keys.find((known) => known === camelCase(name))
    if (!key || (value !== null && typeof value === 'object')) throw invalidPayload()
    if (value !== null) strings[key] = String(value)
  }
  return strings
}

const requireFolder = async (folder: string | undefined): Promise<string> => {
  const isFolder = await stat(folder ?? '').then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (folder && isFolder) return folder
  throw new StatusError(Code.FAILED_PRECONDITION, 'export_directory must be a directory')
}

const requireName = (name: string): string => {
  if (name !== '' && !/[/\\]/.test(name) && name !== '..' && name !== '.') return name
  throw new StatusError(Code.INVALID_ARGUMENT, `export_name must be the name of a folder, not "${name}"`)
}

/** Export and import as the Firebase CLI asks for them (firebase-tools, `lib/emulator/hubExport.js`). */
export const exportRoutes = (engine: Engine): Route[] => [
  {
    method: 'POST',
    path: /^\/emulator\/v1\/projects\/[^:]+:export$/,
    handle: async ({ body }) => {
      const asked = stringsIn(body, ['database', 'exportDirectory', 'exportName'])
      const database = engine.database(parseDatabaseName(asked.database ?? ''))
      const folder = await requireFolder(asked.exportDirectory)
      const { timeline } = engine.store
      const name = requireName(asked.exportName || `firestore_export_${Math.floor(timeline.millis() / 1000)}`)
      try {
        await writeExport(database, { folder, name, now: () => timeline.read() })
      } catch (error) {
        throw new StatusError(Code.INTERNAL, `failed to write export: ${(error as Error).message}`)
      }
      return DONE
    },
  },
  {
    method: 'POST',
    path: /^\/emulator\/v1\/projects\/[^:]+:import$/,
    handle: async ({ body }) => {
      const asked = stringsIn(body, ['database', 'exportDirectory'])
      const database = engine.database(parseDatabaseName(asked.database ?? ''))
      importDocuments(engine.store, database, await readExport(asked.exportDirectory ?? ''))
      return DONE
    },
  },
]
