import { z } from 'zod'

/**
 * Who may know what stands in a field, from anybody to nobody but whom it is for. What each class decides about
 * encryption, logs, the ledger, export and erasure is a table in docs/rooms/access.md (requirement SE6).
 */
export const dataClasses = ['public', 'internal', 'confidential', 'restricted'] as const
export type DataClass = (typeof dataClasses)[number]

/** What each class of data decides (requirement SE6). */
export interface ClassRule {
  /** How a field of a document is stored, where `storage` does not say why it is not. */
  stored: 'plain' | 'sealed'
  /** Whether it may stand in a log line, or in what an error says. */
  isLogged: boolean
  /** How the ledger tells of it. */
  recorded: 'as it is' | 'as a commitment' | 'never'
  /** Whether it leaves in an export that its tenant asks for. */
  isExported: boolean
}

export const classRules: Readonly<Record<DataClass, ClassRule>> = {
  public: { stored: 'plain', isLogged: true, recorded: 'as it is', isExported: true },
  internal: { stored: 'plain', isLogged: true, recorded: 'as it is', isExported: true },
  confidential: { stored: 'sealed', isLogged: false, recorded: 'as a commitment', isExported: true },
  restricted: { stored: 'sealed', isLogged: false, recorded: 'never', isExported: false },
}

const classes = z.registry<{ dataClass: DataClass }>()

// A copy of each schema, since one schema is the form of many fields.
const declare =
  (dataClass: DataClass) =>
  <Shape extends z.core.$ZodShape>(shape: Shape): Shape => {
    const declared: Record<string, z.core.$ZodType> = {}
    for (const [name, schema] of Object.entries(shape)) {
      const copy = z.core.clone(schema)
      classes.add(copy, { dataClass })
      declared[name] = copy
    }
    return declared as Shape
  }

/** Fields of an object, by their class: `z.object({ ...fields.internal({ id }), ...fields.confidential({ task }) })`. */
export const fields = {
  /** For anybody. */
  public: declare('public'),
  /** How the work goes: ids, times, counts, states. Nothing of a person, and nothing of what the work is about. */
  internal: declare('internal'),
  /** What a tenant's work is about, and what is of a person. */
  confidential: declare('confidential'),
  /** Secrets: who has it can do something with it. */
  restricted: declare('restricted'),
} as const satisfies Record<DataClass, unknown>

/** The class that a field was declared with; undefined for a schema that is not a field of its own. */
export const dataClassOf = (schema: z.core.$ZodType): DataClass | undefined => {
  const declared = classes.get(schema)?.dataClass
  if (declared !== undefined) return declared
  const inner = wrapped(schema)
  return inner && dataClassOf(inner)
}

// A field that is made optional, or given a default, later on is the same field.
const wrapped = (schema: z.core.$ZodType): z.core.$ZodType | undefined => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
      return def.innerType
    default:
      return undefined
  }
}

/** A field of a schema: its path, `*` for what a list or a record holds, and its class or, without one, its parent's. */
export interface ClassedField {
  path: string
  schema: z.core.$ZodType
  dataClass: DataClass | undefined
}

/** Every field of a schema, and of those within it. */
export function* fieldsOf(
  schema: z.core.$ZodType,
  path: readonly string[] = [],
  outer?: DataClass,
): Generator<ClassedField, void> {
  const inner = wrapped(schema)
  if (inner) return yield* fieldsOf(inner, path, outer)
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'object':
      for (const [name, field] of Object.entries(def.shape)) {
        const dataClass = dataClassOf(field) ?? outer
        const at = [...path, name]
        yield { path: at.join('.'), schema: field, dataClass }
        yield* fieldsOf(field, at, dataClass)
      }
      return
    case 'union':
      for (const option of def.options) yield* fieldsOf(option, path, outer)
      return
    case 'array':
      return yield* fieldsOf(def.element, [...path, '*'], outer)
    case 'record':
      return yield* fieldsOf(def.valueType, [...path, '*'], outer)
    case 'tuple':
      for (const item of def.items) yield* fieldsOf(item, [...path, '*'], outer)
      return
    case 'pipe':
      return yield* fieldsOf(def.in, path, outer)
    default:
  }
}
