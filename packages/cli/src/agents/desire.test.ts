import type { DesiredView, Properties } from '@infinity-matrix/contracts'
import { mergePatch } from '@infinity-matrix/core/properties'
import { describe, expect, it } from 'vitest'
import { ApiError, type HttpApi } from '../http-api.ts'
import { desire } from './desire.ts'

/** The API of one agent; somebody else writes each of `others` after another read of ours. */
const agentWith = (others: Properties[]) => {
  let [version, properties]: [number, Properties] = [3, { level: 'info', limit: 1 }]
  const view = (): DesiredView => ({
    agentId: 'a',
    desired: { version, properties, changedAt: null, changedBy: null, jobId: null },
    reported: { properties: {}, seenDesiredVersion: 0 },
    delta: properties,
    inSync: false,
  })
  const write = (patch: Properties) => {
    version += 1
    properties = mergePatch(properties, patch)
  }
  const call: HttpApi['call'] = async (schema, _path, asked) => {
    const { method = 'GET', headers = {}, body = {} } = asked ?? {}
    if (method === 'GET') {
      const read = schema.parse(view())
      const other = others.shift()
      if (other) write(other)
      return read
    }
    if (headers['if-match'] !== `"${version}"`)
      throw new ApiError({
        type: 'about:blank',
        title: 'Precondition Failed',
        status: 412,
        detail: 'somebody was first',
      })
    write(body as Properties)
    return schema.parse(view())
  }
  return { call, desired: () => properties }
}
const patch = { level: 'debug' }

describe('a change of what is desired', () => {
  it.each([
    ['alone is made', [], 0, { level: 'debug', limit: 1 }],
    ['after one of other properties is merged into it', [{ limit: 2 }], 1, { level: 'debug', limit: 2 }],
  ])('%s', async (_what, others: Properties[], conflicts, expected) => {
    const agent = agentWith(others)
    expect((await desire(agent, 'a', patch)).conflicts).toBe(conflicts)
    expect(agent.desired()).toEqual(expected)
  })

  it.each([
    ['after one of the same property', [{ level: 'warn' }], { level: 'warn', limit: 1 }],
    ['after two others', [{ limit: 2 }, { limit: 3 }], { level: 'info', limit: 3 }],
  ])('%s is refused, and theirs stays', async (_what, others: Properties[], expected) => {
    const agent = agentWith(others)
    await expect(desire(agent, 'a', patch)).rejects.toThrow('somebody was first')
    expect(agent.desired()).toEqual(expected)
  })
})
