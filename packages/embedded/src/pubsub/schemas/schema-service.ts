import type protobuf from 'protobufjs'
import { serviceDefinition } from '../../wire/grpc-service.ts'
import { invalidArgument } from '../errors.ts'
import { checkProject } from '../names.ts'
import type { ServiceHost } from '../service-host.ts'
import { page, unary, type PageRequest } from '../../wire/unary.ts'
import { parseDefinition } from './definition.ts'
import { splitRevision, type Revision, type Schema, type SchemaResource, type SchemaStore } from './schema-store.ts'
import { checkEncoding, matchRevision } from './topic-schema.ts'

/** `SchemaView` */
const BASIC = 1
const FULL = 2

type Named = { name: string }
type Viewed = { view: number }

const withoutDefinition = (resource: SchemaResource): SchemaResource => ({ ...resource, definition: '' })

/** Throws NOT_FOUND. Without a revision in the name, the latest. */
const revisionOf = (schemas: SchemaStore, name: string): Revision => {
  const [schemaName, revisionId] = splitRevision(name)
  const schema = schemas.get(schemaName)
  return revisionId === '' ? schema.latest : schema.revision(revisionId)
}

const inFull = (schemas: readonly SchemaResource[], { view }: Viewed): readonly SchemaResource[] =>
  view === FULL ? schemas : schemas.map(withoutDefinition)

interface MessageToValidate {
  parent: string
  name: string
  schema: SchemaResource | null
  message: Uint8Array
  encoding: number
}

const validateMessage = (schemas: SchemaStore, request: MessageToValidate): object => {
  const { parent, name, schema, message, encoding } = request
  checkProject(parent)
  checkEncoding('encoding', encoding)
  if (name !== '') matchRevision([revisionOf(schemas, name)], encoding, message)
  else if (schema) {
    const definition = parseDefinition(schema.type, schema.definition)
    matchRevision([{ resource: { ...schema, revisionId: '' }, definition, number: 0 }], encoding, message)
  } else throw invalidArgument('You have passed an invalid argument to the service (argument=schema_spec).')
  return {}
}

/** Serves google.pubsub.v1.SchemaService. */
export const addSchemaService = (host: ServiceHost, root: protobuf.Root, schemas: SchemaStore): void => {
  const schemaAt = ({ name }: Named): Schema => schemas.get(splitRevision(name)[0])
  host.addService(serviceDefinition(root, 'google.pubsub.v1.SchemaService'), {
    CreateSchema: unary((request: { parent: string; schemaId: string; schema: SchemaResource | null }) => {
      const { parent, schemaId, schema } = request
      checkProject(parent)
      return schemas.create(`${parent}/schemas/${schemaId}`, schema?.type ?? 0, schema?.definition ?? '').latest
        .resource
    }),
    GetSchema: unary(({ name, view }: Named & Viewed) => {
      const { resource } = revisionOf(schemas, name)
      return view === BASIC ? withoutDefinition(resource) : resource
    }),
    ListSchemas: unary((request: { parent: string } & Viewed & PageRequest) => {
      checkProject(request.parent)
      const { items, nextPageToken } = page(schemas.list(request.parent), request, ({ name }) => name)
      return {
        schemas: inFull(
          items.map(({ latest }) => latest.resource),
          request,
        ),
        nextPageToken,
      }
    }),
    ListSchemaRevisions: unary((request: Named & Viewed & PageRequest) => {
      const { revisions } = schemaAt(request)
      const { items, nextPageToken } = page(revisions, request, ({ number }) => String(1e9 - number))
      return {
        schemas: inFull(
          items.map(({ resource }) => resource),
          request,
        ),
        nextPageToken,
      }
    }),
    CommitSchema: unary(({ name, schema }: Named & { schema: SchemaResource | null }) => {
      const committed = schemaAt({ name })
      if (schema?.name && splitRevision(schema.name)[0] !== committed.name) {
        throw invalidArgument('You have passed an invalid argument to the service (argument=schema.name).')
      }
      return committed.commit(schema?.type ?? 0, schema?.definition ?? '').resource
    }),
    RollbackSchema: unary(
      ({ name, revisionId }: Named & { revisionId: string }) =>
        schemaAt({ name }).rollback(revisionId || splitRevision(name)[1]).resource,
    ),
    DeleteSchemaRevision: unary(({ name, revisionId }: Named & { revisionId: string }) => {
      const schema = schemaAt({ name })
      schema.deleteRevision(splitRevision(name)[1] || revisionId)
      return schema.latest.resource
    }),
    DeleteSchema: unary(({ name }: Named) => {
      schemas.delete(name)
      return {}
    }),
    ValidateSchema: unary(({ parent, schema }: { parent: string; schema: SchemaResource | null }) => {
      checkProject(parent)
      parseDefinition(schema?.type ?? 0, schema?.definition ?? '')
      return {}
    }),
    ValidateMessage: unary((request: MessageToValidate) => validateMessage(schemas, request)),
  })
}
