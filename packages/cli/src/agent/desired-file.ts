import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentRequest } from '../control-plane.ts'

export type Desired = Extract<AgentRequest, { type: 'agent.desired-changed.v1' }>['data']

/**
 * A file in which the process of an agent finds what is desired of it, whole at any time.
 *
 * @param before what is desired already; without it there is no file until something is
 */
export const openDesiredFile = async (before?: Desired) => {
  const folder = await mkdtemp(join(tmpdir(), 'imx-agent-'))
  const path = join(folder, 'desired.json')
  let written = 0
  let last = Promise.resolve()

  const replace = async (desired: Desired) => {
    await writeFile(`${path}.next`, JSON.stringify(desired))
    await rename(`${path}.next`, path)
  }
  /** Messages come in any order and again: an earlier version changes nothing. */
  const write = (desired: Desired): Promise<void> => {
    if (desired.desiredVersion <= written) return last
    written = desired.desiredVersion
    return (last = last.then(() => replace(desired)))
  }
  if (before) await write(before)
  return {
    path,
    write,
    close: () => rm(folder, { recursive: true }),
  }
}
