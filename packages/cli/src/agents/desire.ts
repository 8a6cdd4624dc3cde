import { DesiredView, type Properties } from '@infinity-matrix/contracts'
import { isOverlapping } from '@infinity-matrix/core/properties'
import { ApiError, type HttpApi } from '../http-api.ts'

/** What a change of desired state came to. */
export interface Desired {
  view: DesiredView
  /** How often somebody else was first. */
  conflicts: number
}

const isConflict = (error: unknown): error is ApiError => error instanceof ApiError && error.problem.status === 412

/**
 * Merges a patch into what is desired of an agent, under the version that was read. Where somebody else was first, and
 * changed other properties than these, it is merged into theirs, once.
 *
 * @throws {ApiError} the conflict, where they changed the same, or were first twice
 */
export const desire = async (api: Pick<HttpApi, 'call'>, agentId: string, patch: Properties): Promise<Desired> => {
  const path = `/v1/agents/${encodeURIComponent(agentId)}/desired`
  const read = () => api.call(DesiredView, path)
  const write = ({ desired }: DesiredView) =>
    api.call(DesiredView, path, { method: 'PATCH', headers: { 'if-match': `"${desired.version}"` }, body: patch })
  const before = await read()
  try {
    return { view: await write(before), conflicts: 0 }
  } catch (error) {
    if (!isConflict(error)) throw error
    const now = await read()
    if (isOverlapping(patch, before.desired.properties, now.desired.properties)) throw error
    return { view: await write(now), conflicts: 1 }
  }
}
