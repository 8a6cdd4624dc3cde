import type { OracleFile } from './case.ts'
import { cors, rest } from './http-files.ts'
import { limits } from './limits-file.ts'
import { listing } from './listing-file.ts'
import { valueOrder } from './order-file.ts'
import { aggregations, queries } from './query-files.ts'
import { documentWrites, transforms } from './rest-files.ts'
import { grpcSettings, unsupported } from './settings-files.ts'
import { transactions } from './transaction-file.ts'
import { writeStream } from './write-stream-file.ts'

/** Every recording that is played. */
export const oracleFiles: readonly OracleFile[] = [
  aggregations,
  cors,
  documentWrites,
  grpcSettings,
  limits,
  listing,
  queries,
  rest,
  transactions,
  transforms,
  unsupported,
  valueOrder,
  writeStream,
]
