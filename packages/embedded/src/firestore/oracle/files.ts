import type { OracleFile } from './case.ts'
import { limits } from './limits-file.ts'
import { listing } from './listing-file.ts'
import { valueOrder } from './order-file.ts'
import { aggregations, queries } from './query-files.ts'
import { documentWrites, transforms } from './rest-files.ts'
import { transactions } from './transaction-file.ts'

/** Every recording that is played. */
export const oracleFiles: readonly OracleFile[] = [
  aggregations,
  documentWrites,
  limits,
  listing,
  queries,
  transactions,
  transforms,
  valueOrder,
]
