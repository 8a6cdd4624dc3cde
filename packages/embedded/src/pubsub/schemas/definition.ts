import { invalidArgument } from '../errors.ts'
import { DataError, DefinitionError } from './schema-errors.ts'
import { parseAvro } from './avro.ts'
import { parseProtobuf } from './protobuf.ts'

/** `Schema.Type` */
export const SchemaType = { PROTOCOL_BUFFER: 1, AVRO: 2 } as const
/** `Encoding` */
export const Encoding = { JSON: 1, BINARY: 2 } as const

/** A schema definition that was understood. */
export interface Definition {
  /** Throws when `data` does not fit. */
  checkJson(data: unknown): void
  /** Throws when `data` does not fit. */
  checkBinary(data: Uint8Array): void
  /** Why a later revision may not take the place of this one; undefined when it may. */
  refusalOf(next: Definition): string | undefined
}

const parsers: Record<number, (source: string) => Definition> = {
  [SchemaType.PROTOCOL_BUFFER]: parseProtobuf,
  [SchemaType.AVRO]: parseAvro,
}

/** Throws INVALID_ARGUMENT when the definition cannot be used. */
export const parseDefinition = (type: number, source: string): Definition => {
  const parse = parsers[type]
  if (!parse) throw invalidArgument('You have passed an invalid argument to the service (argument=schema.type).')
  try {
    return parse(source)
  } catch (error) {
    const reason = error instanceof DefinitionError ? error.message : 'Could not parse schema'
    throw invalidArgument(`Invalid schema definition: ${reason}.`)
  }
}

/** What is wrong with a message, or undefined. Never throws: whatever the data does to a parser, it does not fit. */
export const mismatch = (definition: Definition, encoding: number, data: Uint8Array): string | undefined => {
  try {
    if (encoding === Encoding.BINARY) definition.checkBinary(data)
    else definition.checkJson(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)))
    return undefined
  } catch (error) {
    return error instanceof DataError ? error.message : 'Could not parse data for schema'
  }
}
