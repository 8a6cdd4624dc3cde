import { randomBytes } from 'node:crypto'
import { Code, StatusError } from '../../wire/status-error.ts'
import { authoriseGet, authoriseGets } from '../access/authorise.ts'
import type { Principal } from '../access/principal.ts'
import { writeGate } from '../access/write-gate.ts'
import type { Engine } from '../engine.ts'
import { parseFieldPath, project, type FieldPath } from '../field-path.ts'
import { parseDatabaseName, parseDocumentName, parseParentName, requireId, requireCollectionId } from '../names.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import type { DocumentMessage } from '../values/codec.ts'
import { MapValue } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'
import { readContext, readTimeOf } from './consistency.ts'
import {
  EMPTY_WRITE,
  type BatchGetDocumentsRequest,
  type CreateDocumentRequest,
  type DeleteDocumentRequest,
  type DocumentMask,
  type GetDocumentRequest,
  type UpdateDocumentRequest,
  type Write,
} from './messages.ts'

export const parseMask = (mask: DocumentMask | null): FieldPath[] | null =>
  mask ? mask.fieldPaths.filter((path) => path !== '__name__').map(parseFieldPath) : null

export const masked = (node: DocumentNode, version: LiveVersion, mask: readonly FieldPath[] | null): DocumentMessage =>
  node.toMessage(version, mask ? project(version.fields, mask) : version.fields)

export const getDocument = async (
  engine: Engine,
  request: GetDocumentRequest,
  principal: Principal,
): Promise<DocumentMessage> => {
  const { database: databaseName, segments } = parseDocumentName(request.name)
  const mask = parseMask(request.mask)
  const context = readContext(engine, databaseName, request)
  if (context.locker) await context.coordinator.lockDocuments(context.locker, [segments.join('/')])
  const node = context.database.find(segments)
  const version = node?.at(context.at) ?? null
  authoriseGet(engine, principal, context.database, segments, version)
  if (!node || !version) throw new StatusError(Code.NOT_FOUND, `Document (${request.name}) not found.`)
  return masked(node, version, mask)
}

export async function* batchGetDocuments(
  engine: Engine,
  request: BatchGetDocumentsRequest,
  principal: Principal,
): AsyncGenerator<object> {
  const databaseName = parseDatabaseName(request.database)
  const mask = parseMask(request.mask)
  const paths = request.documents.map((name) => {
    const parsed = parseDocumentName(name)
    if (parsed.database === databaseName) return parsed.segments
    throw new StatusError(Code.INVALID_ARGUMENT, `Document "${name}" is not in database "${databaseName}".`)
  })
  const context = readContext(engine, databaseName, request)
  if (context.locker) {
    await context.coordinator.lockDocuments(
      context.locker,
      paths.map((segments) => segments.join('/')),
    )
  }
  const readTime = readTimeOf(engine, context)
  const reads = paths.map((segments) => {
    const node = context.database.find(segments)
    return { segments, node, version: node?.at(context.at) ?? null }
  })
  authoriseGets(engine, principal, context.database, reads)
  if (context.started) yield { transaction: context.started }
  // All are looked up before the first is sent, since the state may change while they are.
  const answers = reads.map(({ node, version }, i) =>
    node && version
      ? { found: masked(node, version, mask), readTime }
      : { missing: request.documents[i] as string, readTime },
  )
  yield* answers
}

const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ID_LENGTH = 20

const newId = (): string => {
  const id = [...randomBytes(ID_LENGTH)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length])
  return id.join('')
}

const writeOne = async (
  engine: Engine,
  principal: Principal,
  databaseName: string,
  write: Partial<Write>,
): Promise<void> => {
  const complete: Write = { ...EMPTY_WRITE, ...write }
  const database = engine.database(databaseName)
  const writes = prepareWrites(databaseName, [complete])
  await engine.coordinator(database).commit(writes, null, writeGate(engine, principal, database), principal)
}

const stored = (engine: Engine, name: string, mask: readonly FieldPath[] | null): DocumentMessage => {
  const { database, segments } = parseDocumentName(name)
  const node = engine.database(database).find(segments)
  const version = node?.at()
  if (!node || !version) throw new StatusError(Code.NOT_FOUND, `Document (${name}) not found.`)
  return masked(node, version, mask)
}

export const createDocument = async (
  engine: Engine,
  request: CreateDocumentRequest,
  principal: Principal,
): Promise<DocumentMessage> => {
  const { database } = parseParentName(request.parent)
  const mask = parseMask(request.mask)
  requireId(request.collectionId)
  requireCollectionId(request.collectionId)
  if (request.documentId !== '') requireId(request.documentId)
  const name = `${request.parent}/${request.collectionId}/${request.documentId || newId()}`
  const update = { name, fields: request.document?.fields ?? MapValue.EMPTY }
  const currentDocument = { conditionType: 'exists', exists: false, updateTime: null } as const
  await writeOne(engine, principal, database, { operation: 'update', update, currentDocument })
  return stored(engine, name, mask)
}

export const updateDocument = async (
  engine: Engine,
  request: UpdateDocumentRequest,
  principal: Principal,
): Promise<DocumentMessage> => {
  const { document, updateMask, currentDocument } = request
  if (!document) throw new StatusError(Code.INVALID_ARGUMENT, 'A document is required.')
  const { database } = parseDocumentName(document.name)
  const mask = parseMask(request.mask)
  await writeOne(engine, principal, database, { operation: 'update', update: document, updateMask, currentDocument })
  return stored(engine, document.name, mask)
}

export const deleteDocument = async (
  engine: Engine,
  request: DeleteDocumentRequest,
  principal: Principal,
): Promise<object> => {
  const { database } = parseDocumentName(request.name)
  const { currentDocument } = request
  await writeOne(engine, principal, database, { operation: 'delete', delete: request.name, currentDocument })
  return {}
}
