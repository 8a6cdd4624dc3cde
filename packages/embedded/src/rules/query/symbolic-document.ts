import type { ListQuery } from '../request.ts'
import { undefinedProperty } from '../values/failure.ts'
import {
  Path,
  RulesSet,
  Symbolic,
  isList,
  isMap,
  typeOf,
  type Bound,
  type Facts,
  type RulesMap,
  type RulesValue,
  type TypeName,
} from '../values/value.ts'
import type { Branch, Term } from './branches.ts'

/** What is known of a field: terms on it, and on fields below it. */
interface FieldNode {
  readonly terms: Term[]
  readonly below: Map<string, FieldNode>
}

const emptyNode = (): FieldNode => ({ terms: [], below: new Map() })

/** `resource.data` of whatever document fulfils a branch of a query and has the fields in which it is ordered. */
export const symbolicData = (branch: Branch, orderBy: ListQuery['orderBy']): RulesValue => {
  const root = emptyNode()
  for (const term of branch) if (term.field !== '__name__') nodeAt(root, term.field).terms.push(term)
  for (const { field } of orderBy) if (field !== '__name__') nodeAt(root, field)
  return openMap(root, nullMessage)
}

/** The document's path if a branch names it: it stands in databases/{database}/documents. */
export const namedDocument = (branch: Branch): Path | null => {
  for (const { field, operator, value } of branch) {
    if (field === '__name__' && operator === '==' && value instanceof Path) return value
  }
  return null
}

const nullMessage = 'Null value error.'

const nodeAt = (root: FieldNode, field: readonly string[]): FieldNode => {
  let node = root
  for (const name of field) {
    let next = node.below.get(name)
    if (!next) node.below.set(name, (next = emptyNode()))
    node = next
  }
  return node
}

const openMap = (node: FieldNode, message: string): Symbolic => {
  const entries = new Map<string, RulesValue>()
  for (const [name, inner] of node.below) entries.set(name, symbolicField(inner, undefinedProperty(name).message))
  return new Symbolic({ types: ['map'], entries }, message)
}

const symbolicField = (node: FieldNode, message: string): RulesValue => {
  const equal = node.terms.find(({ operator }) => operator === '==')
  if (equal) return equalTo(equal.value, message)
  if (node.below.size > 0) return openMap(node, message)
  return new Symbolic(factsOf(node.terms), message)
}

/**
 * A value that Firestore finds equal to this one. It tells no int from a float of the same worth, so a number is known
 * but for its type.
 */
const equalTo = (value: RulesValue, message: string): RulesValue => {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isNaN(value))) {
    const bound: Bound = { value, inclusive: true }
    return new Symbolic({ types: ['int', 'float'], lower: bound, upper: bound }, message)
  }
  if (isList(value)) return value.map((item) => equalTo(item, message))
  if (value instanceof RulesSet) return new Symbolic({ types: ['set'] }, message)
  if (isMap(value)) return new Map([...value].map(([key, item]) => [key, equalTo(item, message)]))
  return value
}

/** The types of values that Firestore orders together with this one, if rules can order them as well. */
const typesLike = (value: RulesValue): readonly TypeName[] | null => {
  const type = typeOf(value)
  if (type === 'int' || type === 'float') return ['int', 'float']
  return type === 'string' || type === 'timestamp' ? [type] : null
}

const factsOf = (terms: readonly Term[]): Facts => {
  let types: readonly TypeName[] | null = null
  let lower: Bound | null = null
  let upper: Bound | null = null
  const excluded: RulesValue[] = []
  const contains: RulesValue[] = []
  for (const { operator, value } of terms) {
    switch (operator) {
      case '!=':
        excluded.push(null, value)
        break
      case 'not-in':
        excluded.push(null, ...(isList(value) ? value : []))
        break
      case 'array-contains':
        types = ['list']
        contains.push(equalTo(value, nullMessage))
        break
      case '<':
      case '<=':
      case '>':
      case '>=': {
        const like = typesLike(value)
        if (!like || (typeof value === 'number' && Number.isNaN(value))) break
        types = like
        const bound = { value, inclusive: operator.length === 2 }
        if (operator.startsWith('<')) upper ??= bound
        else lower ??= bound
        break
      }
      default:
    }
  }
  return {
    types,
    ...(lower && { lower }),
    ...(upper && { upper }),
    excluded,
    // Known elements make it a list.
    ...(contains.length > 0 && { types: ['list'], contains }),
  }
}

/** `resource` as rules see it: a document's data, its id and its path. */
export const resourceOf = (path: readonly string[], data: RulesMap): RulesMap =>
  new Map<string, RulesValue>([
    ['data', data],
    ['id', path.at(-1) ?? ''],
    ['__name__', new Path(path)],
  ])
