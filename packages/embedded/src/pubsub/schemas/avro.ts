import type { Type } from 'avsc'
import { checkAvroBinary, checkAvroJson } from './avro-data.ts'
import { avsc } from './avsc.ts'
import type { Definition } from './definition.ts'
import { DefinitionError } from './schema-errors.ts'

/** Throws unless data written with one type can be read with the other, by Avro's rules of schema resolution. */
const checkReadable = (reader: Type, writer: Type): void => {
  reader.createResolver(writer)
}

class AvroDefinition implements Definition {
  readonly type: Type

  constructor(type: Type) {
    this.type = type
  }

  checkJson(data: unknown): void {
    checkAvroJson(this.type, data)
  }

  checkBinary(data: Uint8Array): void {
    checkAvroBinary(this.type, data)
  }

  refusalOf(next: Definition): string | undefined {
    if (!(next instanceof AvroDefinition)) return 'The type of a schema cannot change'
    try {
      checkReadable(next.type, this.type)
      checkReadable(this.type, next.type)
      return undefined
    } catch {
      return 'The revision is not compatible with the one before it'
    }
  }
}

/** Throws when `source` is not one Avro type. */
export const parseAvro = (source: string): Definition => {
  const schema: unknown = JSON.parse(source)
  if (Array.isArray(schema)) throw new DefinitionError('A schema must have one top-level type')
  return new AvroDefinition(
    avsc().Type.forSchema(schema as Parameters<typeof Type.forSchema>[0], { wrapUnions: 'always' }),
  )
}
