import colors from 'picocolors'
import prettyMs from 'pretty-ms'
import type { Address } from '../suite/ports.ts'
import { tableOf } from '../table.ts'
import type { Sight } from './watch.ts'

const uptime = ({ uptimeSeconds }: Sight) => prettyMs(Math.round(uptimeSeconds) * 1000)
const present = ({ byStatus }: Sight) => Object.entries(byStatus).filter(([, count]) => count > 0)

/** Where everything listens. */
export const addressesTable = (addresses: readonly Address[]): string =>
  tableOf(
    ['emulator', 'listens on'],
    2,
    addresses.map(({ name, host, port }) => [name, `${host}:${port}`]),
  )

/** The live view of a terminal. */
export const liveView = (sight: Sight): string => {
  const { tally, eventsPerSecond, lagMs, deadLetters } = sight
  return [
    tableOf(
      ['agents', 'count'],
      1,
      present(sight).map(([status, count]) => [status, count]),
    ),
    `events/s    ${eventsPerSecond.toFixed(1)}   (${tally.applied} applied, ${tally.duplicates} duplicates)`,
    `lag         p50 ${lagMs.p50} ms · p95 ${lagMs.p95} ms · p99 ${lagMs.p99} ms   from publish to state`,
    `dead        ${deadLetters === 0 ? colors.green('0') : colors.red(deadLetters)} letters`,
    `up          ${uptime(sight)}   ${colors.dim('Ctrl-C stops everything')}`,
  ].join('\n')
}

/** The same in one line, for an output that is no terminal. */
export const plainLine = (sight: Sight): string => {
  const { eventsPerSecond, lagMs, deadLetters } = sight
  const { p50, p95, p99 } = lagMs
  const statuses = present(sight).map(([status, count]) => `${count} ${status}`)
  return [
    `up ${uptime(sight)}`,
    `${eventsPerSecond.toFixed(1)} events/s`,
    statuses.join(', ') || 'no agents yet',
    `lag p50 ${p50} p95 ${p95} p99 ${p99} ms`,
    `${deadLetters} dead letters`,
  ].join(' · ')
}
