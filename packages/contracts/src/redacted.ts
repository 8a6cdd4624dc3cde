import type { z } from 'zod'
import { classRules, dataClassOf, type DataClass } from './data-class.ts'

/**
 * A value as it may stand in a log: a field whose class forbids it says its class, such as `[confidential]`, in place of what
 * it holds. What the schema does not know is treated as restricted.
 *
 * @param schema of which `value` is an output; of a union, every option that has the field must let it through
 */
export const redacted = (schema: z.core.$ZodType, value: unknown): unknown => show(optionsOf(schema), value)

const show = (schemas: readonly z.core.$ZodType[], value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => show(schemas.flatMap(elementsOf), item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => {
      const known = schemas.flatMap((schema) => fieldOf(schema, name))
      const hiding = known.length === 0 ? 'restricted' : known.map(({ dataClass }) => dataClass).find(isHidden)
      return [
        name,
        hiding
          ? `[${hiding}]`
          : show(
              known.flatMap(({ field }) => optionsOf(field)),
              held,
            ),
      ]
    }),
  )
}

const isHidden = (dataClass: DataClass | undefined) => dataClass !== undefined && !classRules[dataClass].isLogged

/** A schema without what only wraps it; all of them where it is a union. */
const optionsOf = (schema: z.core.$ZodType): z.core.$ZodType[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if ('innerType' in def) return optionsOf(def.innerType)
  return def.type === 'union' ? def.options.flatMap(optionsOf) : [schema]
}

const elementsOf = (schema: z.core.$ZodType): z.core.$ZodType[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if (def.type === 'array') return optionsOf(def.element)
  return def.type === 'tuple' ? def.items.flatMap(optionsOf) : []
}

const fieldOf = (schema: z.core.$ZodType, name: string) => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if (def.type === 'record') return [{ field: def.valueType, dataClass: undefined }]
  if (def.type !== 'object' || !Object.hasOwn(def.shape, name)) return []
  const field = def.shape[name]
  return field ? [{ field, dataClass: dataClassOf(field) }] : []
}
