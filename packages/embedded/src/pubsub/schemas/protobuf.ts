import protobuf from 'protobufjs'
import { fromJson } from '../../wire/proto-json.ts'
import type { Definition } from './definition.ts'
import { DataError, DefinitionError } from './schema-errors.ts'

/** What data depends on: a change of it would make earlier messages unreadable. */
const shapeOf = (field: protobuf.Field): string =>
  [field.id, field.name, field.type, field.repeated, field instanceof protobuf.MapField && field.keyType].join(' ')

const fieldNamed = ({ fields }: protobuf.Type, name: string): protobuf.Field | undefined =>
  Object.hasOwn(fields, name) ? fields[name] : undefined

const checkKept = (before: protobuf.Type, after: protobuf.Type): string | undefined => {
  for (const [one, other] of [
    [before, after],
    [after, before],
  ] as const) {
    for (const field of one.fieldsArray) {
      const same = other.fieldsById[field.id] ?? fieldNamed(other, field.name)
      if (same ? shapeOf(same) !== shapeOf(field) : field.required) {
        return `Only optional fields may be added or removed, and none changed (field ${field.name})`
      }
    }
  }
  for (const nested of before.nestedArray) {
    const same = after.get(nested.name)
    const refusal =
      nested instanceof protobuf.Type && same instanceof protobuf.Type ? checkKept(nested, same) : undefined
    if (refusal) return refusal
  }
  return undefined
}

/** Throws `DataError` when a required field is missing, however deep. */
const checkRequired = (type: protobuf.Type, message: object): void => {
  for (const field of type.fieldsArray) {
    const value = (message as Record<string, unknown>)[field.name]
    if (!Object.hasOwn(message, field.name)) {
      if (field.required) throw new DataError(`Required field ${field.name} is missing`)
    } else if (field.resolvedType instanceof protobuf.Type) {
      const values = field.map || field.repeated ? Object.values(value as object) : [value]
      for (const inner of values) checkRequired(field.resolvedType, inner as object)
    }
  }
}

class ProtobufDefinition implements Definition {
  readonly type: protobuf.Type

  constructor(type: protobuf.Type) {
    this.type = type
  }

  checkJson(data: unknown): void {
    checkRequired(this.type, fromJson(this.type, data))
  }

  checkBinary(data: Uint8Array): void {
    // Not the reader for Buffers: that one takes a text that ends before its length says.
    this.type.decode(new protobuf.Reader(data))
  }

  refusalOf(next: Definition): string | undefined {
    if (!(next instanceof ProtobufDefinition)) return 'The type of a schema cannot change'
    return checkKept(this.type, next.type)
  }
}

const isPlainNamespace = (object: protobuf.ReflectionObject): object is protobuf.Namespace =>
  object instanceof protobuf.Namespace && !(object instanceof protobuf.Type) && !(object instanceof protobuf.Service)

/** What stands at the top of the file, whatever its package. */
const topLevel = (namespace: protobuf.NamespaceBase): protobuf.ReflectionObject[] =>
  namespace.nestedArray.flatMap((object) => (isPlainNamespace(object) ? topLevel(object) : [object]))

const checkEnums = (object: protobuf.ReflectionObject, isProto3: boolean): void => {
  if (object instanceof protobuf.Enum && isProto3 && Object.values(object.values)[0] !== 0) {
    throw new DefinitionError(`The first value of the enum ${object.name} must be zero`)
  }
  if (object instanceof protobuf.Type) for (const nested of object.nestedArray) checkEnums(nested, isProto3)
}

/** Throws when `source` is not a file (proto2 or proto3) with one top-level message and no imports. */
export const parseProtobuf = (source: string): Definition => {
  const { root, imports, weakImports } = protobuf.parse(source, { keepCase: true })
  if ((imports?.length ?? 0) + (weakImports?.length ?? 0) > 0) throw new DefinitionError('Imports are not supported')
  const [message, ...more] = topLevel(root)
  if (!(message instanceof protobuf.Type) || more.length > 0) {
    throw new DefinitionError('A schema must have one top-level message')
  }
  root.resolveAll()
  checkEnums(message, /^\s*syntax\s*=\s*["']proto3["']/m.test(source))
  return new ProtobufDefinition(message)
}
