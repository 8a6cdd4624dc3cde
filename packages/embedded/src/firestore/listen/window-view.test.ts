import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Engine } from '../engine.ts'
import { parseQuery } from '../query/parse.ts'
import { runQuery } from '../query/run.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import { DATABASE, DOCUMENTS, commitNow, deleteWrite, orderBy, queryMessage, setWrite, where } from './testing.ts'
import { WindowView } from './window-view.ts'

const IDS = Array.from('abcdefghijkl')

test('a window is what its query finds, after any changes, however few rows are kept to spare', async () => {
  const change = fc.record({ id: fc.constantFrom(...IDS), n: fc.nat(6) })
  const batches = fc.array(fc.uniqueArray(change, { selector: ({ id }) => id, minLength: 1, maxLength: 6 }))
  const shape = fc.record({
    limit: fc.option(fc.nat(4)),
    offset: fc.nat(3),
    descending: fc.boolean(),
    filtered: fc.boolean(),
    ordered: fc.boolean(),
    spare: fc.nat(3),
  })
  let told = 0
  await fc.assert(
    fc.asyncProperty(shape, batches, async ({ limit, offset, descending, filtered, ordered, spare }, changes) => {
      const engine = new Engine(Date.now)
      const database = engine.database(DATABASE)
      const message = queryMessage({
        where: filtered ? where('n', '>', 1n) : null,
        orderBy: ordered ? orderBy('n', descending) : [],
        limit: limit === null ? null : { value: limit },
        offset,
      })
      const query = parseQuery(DOCUMENTS, message)
      for (const [n, id] of IDS.entries())
        if (n % 2 === 0) await commitNow(engine, [setWrite(`c/${id}`, { n: BigInt(n % 6) })])
      const view = new WindowView(query, database, spare)
      const shown = new Map(view.open().map(({ node, version }) => [node, version]))
      const pending = new Map<DocumentNode, LiveVersion | null>()
      engine.store.onCommit((event) => {
        for (const { node, before } of event.changes) if (!pending.has(node)) pending.set(node, before)
      })
      for (const batch of changes) {
        await commitNow(
          engine,
          batch.map(({ id, n }) => (n === 6 ? deleteWrite(`c/${id}`) : setWrite(`c/${id}`, { n: BigInt(n) }))),
        )
        for (const [node, isShown] of view.apply(pending)) {
          told++
          // Who is told of a document it has, or of the going of one it has not, has been told in vain.
          const version = node.at()
          if (isShown) expect(shown.get(node)).not.toBe(version)
          else expect(shown.has(node)).toBe(true)
          if (isShown && version) shown.set(node, version)
          else shown.delete(node)
        }
        pending.clear()
        const found = runQuery(query, database).rows
        expect(shown).toEqual(new Map(found.map(({ node, version }) => [node, version])))
      }
    }),
    { numRuns: 500, seed: 7 },
  )
  expect(told).toBeGreaterThan(1000)
})
