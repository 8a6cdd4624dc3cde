import { describe, expect, test } from 'vitest'
import {
  compareIds,
  parseDatabaseName,
  parseDocumentName,
  parseParentName,
  requireCollectionId,
  requireId,
} from './names.ts'

const D = 'projects/p/databases/(default)'

describe('names', () => {
  test('of documents and parents come apart', () => {
    expect(parseDocumentName(`${D}/documents/c/d/sub/x`)).toEqual({ database: D, segments: ['c', 'd', 'sub', 'x'] })
    expect(parseParentName(`${D}/documents`).segments).toEqual([])
    expect(parseDocumentName(`${D}/documents/c/__id5__`).segments).toEqual(['c', '__id5__'])
  })

  test.each([
    ['c', 'Document name "NAME" lacks "/" at index 42.'],
    ['c/.', 'Document name "NAME" contains a resource id "." at index 43.'],
    ['c/', 'Document name "NAME" has invalid trailing "/".'],
    ['c//x', 'Document name "NAME" lacks a resource id at index 43.'],
    ['é//x', 'Document name "NAME" lacks a resource id at index 44.'],
    ['c/__x__', 'Resource id "__x__" is invalid because it is reserved.'],
    ['c/__id5x__', /^A long document ID string must be formatted like '__id\{LONG\}__'/],
  ])('of documents are refused: %s', (path, message) => {
    const name = `${D}/documents/${path}`
    const expected = typeof message === 'string' ? message.replace('NAME', name) : message
    expect(() => parseDocumentName(name)).toThrow(expected)
  })

  test('of databases are refused with what is missing', () => {
    expect(() => parseDatabaseName('projects/p')).toThrow('Database name "projects/p" lacks "/" at index 10.')
    expect(() => parseDatabaseName(`${D}/x`)).toThrow('has unexpected trailing characters at index 30.')
  })

  test('given as ids are checked', () => {
    for (const id of ['', '.', '..', 'a/b', '__x__']) expect(() => requireId(id)).toThrow('is invalid')
    expect(() => requireCollectionId('a/b')).toThrow('contains "/"')
    expect(() => requireCollectionId('__all__')).toThrow('is reserved')
  })

  test('put numeric ids before all others, by number', () => {
    const ids = ['b', '__id10__', 'A', '__id-1__', 'a', '__id5__']
    expect(ids.toSorted(compareIds)).toEqual(['__id-1__', '__id5__', '__id10__', 'A', 'a', 'b'])
  })
})
