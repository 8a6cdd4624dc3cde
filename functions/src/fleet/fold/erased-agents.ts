import { AgentId } from '@infinity-matrix/contracts'
import { erasedAgent } from '@infinity-matrix/core/fleet'
import type { ErasedAgents } from '../../runtime/erased-agents.ts'
import type { AgentStore } from './store.ts'

/**
 * A store in which erased agents have reported everything there is: whatever comes of them late is a duplicate, and
 * nothing is written. It costs one read for an agent that is not known yet, and none for any other.
 */
export const withErasedAgents = (store: AgentStore, erasedAgents: ErasedAgents): AgentStore => ({
  ...store,
  async load(agentIds) {
    const loaded = await store.load(agentIds)
    const isUnknown = (index: number) => {
      const result = loaded[index]
      return result?.status === 'fulfilled' && result.value.stored === undefined
    }
    const unknown = agentIds.filter((_, index) => isUnknown(index))
    if (unknown.length === 0) return loaded
    const erased = await erasedAgents.find(unknown)
    return Promise.all(
      loaded.map(async (result, index) => {
        const agentId = agentIds[index] ?? ''
        const found = erased.get(agentId)
        if (!found) return result
        const id = AgentId.parse(agentId)
        await erasedAgents.noteLate(id, found)
        return { status: 'fulfilled', value: { stored: erasedAgent(id, found.tenant), updateTime: undefined } }
      }),
    )
  },
})
