import type { z } from 'zod'
import { classRules, dataClassOf, type ClassRule, type DataClass } from './data-class.ts'

/** What may leave out fields: log lines and exports. */
const mayShow = {
  log: ({ isLogged }: ClassRule) => isLogged,
  export: ({ isExported }: ClassRule) => isExported,
} as const

/**
 * A value as it may stand in a log or an export: a field whose class forbids it says its class, such as `[confidential]`,
 * in place of what it holds. What the schema does not know is treated as restricted.
 *
 * @param schema of which `value` is an output; of a union, every option that has the field must let it through
 */
export const redacted = (schema: z.core.$ZodType, value: unknown, place: keyof typeof mayShow): unknown =>
  show(optionsOf(schema), value, place)

const show = (schemas: readonly z.core.$ZodType[], value: unknown, place: keyof typeof mayShow): unknown => {
  if (Array.isArray(value)) return value.map((item) => show(schemas.flatMap(elementsOf), item, place))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => {
      const known = schemas.flatMap((schema) => fieldOf(schema, name))
      const hiding = known.length === 0 ? 'restricted' : known.map(({ dataClass }) => dataClass).find(hides(place))
      return [
        name,
        hiding
          ? `[${hiding}]`
          : show(
              known.flatMap(({ field }) => optionsOf(field)),
              held,
              place,
            ),
      ]
    }),
  )
}

const hides = (place: keyof typeof mayShow) => (dataClass: DataClass | undefined) =>
  dataClass !== undefined && !mayShow[place](classRules[dataClass])

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
