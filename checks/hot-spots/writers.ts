import type { Firestore } from '@google-cloud/firestore'
import type { Context } from '../../functions/src/runtime/context.ts'
import { originOf } from '../../functions/src/runtime/acting.ts'

interface Request {
  writes?: { update?: { name?: string }; delete?: string }[]
}
/** The client's own door for all that it asks, which it does not show: good enough to look through in a test. */
interface Door {
  request: (method: string, request: Request, ...rest: unknown[]) => Promise<unknown>
}

const collectionOf = (path: string) => path.split('/').at(-2) ?? ''

/** Which collections are written from now on as which function, through the clients of a context. */
export const recordWriters = ({ firestore, batches }: Pick<Context, 'firestore' | 'batches'>) => {
  const written = new Map<string, Set<string>>()
  const note = (paths: readonly string[]) => {
    const { kind, id } = originOf().actor
    if (kind !== 'control-plane') return
    const known = written.get(id) ?? new Set<string>()
    for (const path of paths) known.add(collectionOf(path))
    written.set(id, known)
  }

  const door = firestore as Firestore & Door
  const request = door.request.bind(firestore)
  door.request = (method, asked, ...rest) => {
    note((asked.writes ?? []).map((write) => write.update?.name ?? write.delete ?? ''))
    return request(method, asked, ...rest)
  }
  const writeAll = batches.writeAll
  batches.writeAll = (writes) => {
    note(writes.map(({ path }) => path))
    return writeAll(writes)
  }
  return (): ReadonlyMap<string, ReadonlySet<string>> => written
}
