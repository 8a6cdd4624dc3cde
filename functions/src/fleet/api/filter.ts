import { AgentFilter } from '@infinity-matrix/contracts'
import { z } from 'zod'

/** A filter as a query string says it: `?status=failed&inSync=false&label.team=a`. */
const filterOf = ({ pageSize: _, pageToken: __, ...query }: Record<string, string>): unknown => {
  const labels: Record<string, string> = {}
  const fields: Record<string, string | boolean> = {}
  for (const [name, value] of Object.entries(query)) {
    if (name.startsWith('label.')) labels[name.slice('label.'.length)] = value
    else fields[name] = name === 'inSync' && (value === 'true' || value === 'false') ? value === 'true' : value
  }
  return Object.keys(labels).length === 0 ? fields : { ...fields, labels }
}
export const FilterQuery = z.record(z.string(), z.string()).transform(filterOf).pipe(AgentFilter)
