import { createRequire } from 'node:module'
import type * as Avsc from 'avsc'

const require = createRequire(import.meta.url)

let loaded: typeof Avsc | undefined

/** The library for Avro, loaded when it is first used: it would take a tenth of the time in which the engine is ready. */
export const avsc = (): typeof Avsc => (loaded ??= require('avsc') as typeof Avsc)
