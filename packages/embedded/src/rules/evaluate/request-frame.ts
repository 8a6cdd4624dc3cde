import { branchesOf, type Branch } from '../query/branches.ts'
import { namedDocument, symbolicData } from '../query/symbolic-document.ts'
import type { ListQuery, RulesRequest } from '../request.ts'
import { nullValue, unbound } from '../values/failure.ts'
import { Path, Symbolic, type RulesMap, type RulesValue } from '../values/value.ts'
import type { Frame } from './frame.ts'
import { anySegment, type PathMatch, type Subject, type SubjectToken } from './match.ts'

/** What a request is about, in one of the cases that it has to be decided for. */
export interface Case {
  readonly subject: Subject
  readonly resource: RulesValue
}

const unknownId = new Symbolic({ types: ['string'] }, nullValue.message)
const unknownPath = new Symbolic({ types: ['path'] }, unbound.message)

/** The cases of a request: one, or the alternatives of a query. */
export const casesOf = (request: RulesRequest): readonly Case[] => {
  const { path, resource, query, folder } = request
  if (query) return branchesOf(query.constraint).map((branch) => queryCase(request, query, branch))
  if (!folder) return [{ subject: path, resource }]
  return [{ subject: [...path, folder === 'children' ? anySegment : { unknown: 'rest', min: 1 }], resource }]
}

const queryCase = ({ path, lookup }: RulesRequest, query: ListQuery, branch: Branch): Case => {
  const name = namedDocument(branch)
  // A query for one document is decided with that document, as in production.
  if (name) return { subject: name.segments, resource: lookup?.(name.segments, 'before') ?? null }
  const resource = new Map<string, RulesValue>([
    ['data', symbolicData(branch, query.orderBy)],
    ['id', unknownId],
    ['__name__', unknownPath],
  ])
  if (!query.allDescendants) return { subject: [...path, anySegment], resource }
  const parent: Subject = path.slice(0, -1)
  const collection = path.at(-1) ?? ''
  return { subject: [...parent, { unknown: 'rest', min: 0 }, collection, anySegment], resource }
}

/** As production has it: no limit is null, no offset 0, no order an empty map; the name, last in any order, is left out. */
const queryMap = ({ limit, offset, orderBy }: ListQuery): RulesMap => {
  const order = new Map<string, RulesValue>()
  for (const { field, direction } of orderBy) if (field !== '__name__') order.set(field.join('.'), direction)
  return new Map<string, RulesValue>([
    ['limit', limit === null ? null : BigInt(limit)],
    ['offset', BigInt(offset ?? 0)],
    ['orderBy', order],
  ])
}

/** `request` */
export const requestMap = (request: RulesRequest): RulesMap => {
  const { auth, method, path, time, requestResource, query } = request
  const map = new Map<string, RulesValue>([
    ['auth', auth],
    ['method', method],
    ['path', new Path(path)],
    ['time', time],
  ])
  if (requestResource !== undefined) map.set('resource', requestResource)
  if (query) map.set('query', queryMap(query))
  return map
}

const captured = (value: PathMatch['captures'][number]['value']): RulesValue => {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return unknownId
  const segments: string[] = []
  for (const token of value as readonly SubjectToken[]) {
    if (typeof token !== 'string') return unknownPath
    segments.push(token)
  }
  return new Path(segments)
}

export const bindCaptures = (frame: Frame, { captures }: PathMatch): void => {
  for (const { name, value } of captures) frame.bind(name, captured(value))
}
