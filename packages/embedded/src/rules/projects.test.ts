import { describe, expect, test } from 'vitest'
import { formatDenial } from './decision.ts'
import { projects } from './projects.ts'
import type { ListQuery, RulesRequest } from './request.ts'
import { ask, compiled, rulesMapOf, rulesValueOf, type Ask, type Plain } from './testing.ts'
import { resourceOf } from './query/symbolic-document.ts'
import { Timestamp } from './values/value.ts'

const now = Timestamp.fromMillis(Date.UTC(2024, 1, 29, 12))
const where = (field: string, operator: '==' | 'array-contains', value: Plain): Partial<ListQuery> => ({
  constraint: { kind: 'field', field: [field], operator, value: rulesValueOf(value) },
})

describe('a chat', () => {
  const rules = compiled(projects.chat)
  const documents = { 'rooms/r1': { members: ['ann', 'bob'] } }
  const allowed = (asked: Ask): boolean => ask(rules, { documents, ...asked }).allowed
  const ann = { name: 'Ann' }

  test.each<[string, Ask, boolean]>([
    ['whoever is signed in reads users', { path: 'users/bob', uid: 'ann' }, true],
    ['others do not', { path: 'users/bob' }, false],
    ['a user is created by itself', { path: 'users/ann', method: 'create', uid: 'ann', newData: ann }, true],
    ['and by nobody else', { path: 'users/ann', method: 'create', uid: 'bob', newData: ann }, false],
    ['with a name', { path: 'users/ann', method: 'create', uid: 'ann', newData: { photo: 'https://x' } }, false],
    ['that is a text', { path: 'users/ann', method: 'create', uid: 'ann', newData: { name: 1 } }, false],
    ['without more fields', { path: 'users/ann', method: 'create', uid: 'ann', newData: { ...ann, x: 1 } }, false],
    [
      'a photo has an address',
      { path: 'users/ann', method: 'create', uid: 'ann', newData: { ...ann, photo: 'x' } },
      false,
    ],
    [
      'a user changes what it may',
      { path: 'users/ann', method: 'update', uid: 'ann', data: ann, newData: { name: 'A', seen: now } },
      true,
    ],
    [
      'and only now',
      {
        path: 'users/ann',
        method: 'update',
        uid: 'ann',
        data: ann,
        newData: { name: 'A', seen: Timestamp.fromMillis(0) },
      },
      false,
    ],
    ['members read a room', { path: 'rooms/r1', uid: 'ann', data: {} }, true],
    ['others do not read it', { path: 'rooms/r1', uid: 'eve', data: {} }, false],
    ['nor one that is not there', { path: 'rooms/r2', uid: 'ann' }, false],
    [
      'rooms of oneself are listed',
      { path: 'rooms', method: 'list', uid: 'ann', query: { ...where('members', 'array-contains', 'ann'), limit: 50 } },
      true,
    ],
    [
      'not too many',
      { path: 'rooms', method: 'list', uid: 'ann', query: { ...where('members', 'array-contains', 'ann'), limit: 51 } },
      false,
    ],
    [
      'not of others',
      { path: 'rooms', method: 'list', uid: 'eve', query: { ...where('members', 'array-contains', 'ann'), limit: 1 } },
      false,
    ],
    [
      'one member comes at a time',
      {
        path: 'rooms/r1',
        method: 'update',
        uid: 'ann',
        data: { members: ['ann', 'bob'] },
        newData: { members: ['ann', 'bob', 'c'] },
      },
      true,
    ],
    [
      'not two',
      {
        path: 'rooms/r1',
        method: 'update',
        uid: 'ann',
        data: { members: ['ann'] },
        newData: { members: ['ann', 'b', 'c'] },
      },
      false,
    ],
    [
      'messages of a room are listed by its members',
      { path: 'rooms/r1/messages', method: 'list', uid: 'bob', query: {} },
      true,
    ],
    ['and by nobody else', { path: 'rooms/r1/messages', method: 'list', uid: 'eve', query: {} }, false],
    [
      'a member writes a message',
      { path: 'rooms/r1/messages/m', method: 'create', uid: 'ann', newData: { from: 'ann', at: now, text: 'hi' } },
      true,
    ],
    [
      'in its own name',
      { path: 'rooms/r1/messages/m', method: 'create', uid: 'ann', newData: { from: 'bob', at: now, text: 'hi' } },
      false,
    ],
    [
      'and takes it back within the hour',
      {
        path: 'rooms/r1/messages/m',
        method: 'delete',
        uid: 'ann',
        data: { from: 'ann', at: new Timestamp(now.nanos - 1n) },
      },
      true,
    ],
    [
      'not later',
      { path: 'rooms/r1/messages/m', method: 'delete', uid: 'ann', data: { from: 'ann', at: Timestamp.fromMillis(0) } },
      false,
    ],
  ])('%s', (_, asked, expected) => {
    expect(allowed(asked)).toBe(expected)
  })
})

describe('stories with roles', () => {
  const rules = compiled(projects.roles)
  const story = { title: 'T', content: 'C', roles: { ann: 'owner', bob: 'writer', cat: 'reader' } }
  const documents = { 'stories/s': story }

  test.each<[string, Ask, boolean]>([
    ['an owner is in the roles', { path: 'stories/s', method: 'create', uid: 'ann', newData: story }, true],
    ['a writer does not create', { path: 'stories/s', method: 'create', uid: 'bob', newData: story }, false],
    ['a reader reads', { path: 'stories/s', uid: 'cat', data: story }, true],
    ['others do not', { path: 'stories/s', uid: 'eve', data: story }, false],
    [
      'a writer changes content',
      { path: 'stories/s', method: 'update', uid: 'bob', data: story, newData: { ...story, content: 'D' } },
      true,
    ],
    [
      'not the title',
      { path: 'stories/s', method: 'update', uid: 'bob', data: story, newData: { ...story, title: 'D' } },
      false,
    ],
    [
      'an owner the title',
      { path: 'stories/s', method: 'update', uid: 'ann', data: story, newData: { ...story, title: 'D' } },
      true,
    ],
    [
      'comments are read by readers of the story',
      { path: 'stories/s/comments/c', uid: 'cat', documents, data: {} },
      true,
    ],
    ['and by no writers', { path: 'stories/s/comments/c', uid: 'bob', documents, data: {} }, false],
    [
      'own comments are found everywhere',
      { path: 'comments', method: 'list', uid: 'ann', query: { ...where('user', '==', 'ann'), allDescendants: true } },
      true,
    ],
    [
      'those of others are not',
      { path: 'comments', method: 'list', uid: 'eve', query: { ...where('user', '==', 'ann'), allDescendants: true } },
      false,
    ],
    [
      'a role in a map is found by its key',
      {
        path: 'stories',
        method: 'list',
        uid: 'cat',
        query: { constraint: { kind: 'field', field: ['roles', 'cat'], operator: 'in', value: ['reader', 'writer'] } },
      },
      true,
    ],
  ])('%s', (_, asked, expected) => {
    expect(ask(rules, asked).allowed).toBe(expected)
  })
})

describe('tenants', () => {
  const rules = compiled(projects.tenants)
  const token = { tenant: 't1', roles: { t1: 'user' } }
  const admin = { tenant: 't1', roles: { t1: 'admin' } }
  const order = { lines: [1], total: 10, state: 'new', tenant: 't1', version: 1 }
  const documents = { 'tenants/t1': { name: 'T', quota: 100 }, 'tenants/t1/orders/o': { version: 2 } }

  test.each<[string, Ask, boolean]>([
    ['its people read a tenant', { path: 'tenants/t1', uid: 'a', token, data: {} }, true],
    ['others do not', { path: 'tenants/t2', uid: 'a', token, data: {} }, false],
    ['orders are listed', { path: 'tenants/t1/orders', method: 'list', uid: 'a', token, query: {} }, true],
    [
      'an order within the quota',
      { path: 'tenants/t1/orders/o', method: 'create', uid: 'a', token, newData: order },
      true,
    ],
    [
      'not beyond',
      { path: 'tenants/t1/orders/o', method: 'create', uid: 'a', token, newData: { ...order, total: 101 } },
      false,
    ],
    [
      'nor for another',
      { path: 'tenants/t1/orders/o', method: 'create', uid: 'a', token, newData: { ...order, tenant: 't2' } },
      false,
    ],
    [
      'it is paid',
      {
        path: 'tenants/t1/orders/o',
        method: 'update',
        uid: 'a',
        token,
        data: order,
        newData: { ...order, state: 'paid', version: 2 },
      },
      true,
    ],
    [
      'not shipped at once',
      {
        path: 'tenants/t1/orders/o',
        method: 'update',
        uid: 'a',
        token,
        data: order,
        newData: { ...order, state: 'shipped', version: 2 },
      },
      false,
    ],
    [
      'the version counts',
      {
        path: 'tenants/t1/orders/o',
        method: 'update',
        uid: 'a',
        token,
        data: order,
        newData: { ...order, state: 'paid', version: 3 },
      },
      false,
    ],
    [
      'an administrator deletes',
      { path: 'tenants/t1/orders/o', method: 'delete', uid: 'a', token: admin, data: order },
      true,
    ],
    ['a user does not', { path: 'tenants/t1/orders/o', method: 'delete', uid: 'a', token, data: order }, false],
    ['an administrator reads all', { path: 'tenants/t1/x/y/z/w', uid: 'a', token: admin }, true],
    [
      'a counter goes with its order',
      { path: 'tenants/t1/counters/o', method: 'update', uid: 'a', token, data: {}, newData: { version: 2 } },
      true,
    ],
    [
      'not without',
      { path: 'tenants/t1/counters/p', method: 'update', uid: 'a', token, data: {}, newData: { version: 2 } },
      false,
    ],
    [
      'a name is changed',
      { path: 'tenants/t1', method: 'update', uid: 'a', token: admin, data: { name: 'A' }, newData: { name: 'B' } },
      true,
    ],
  ])('%s', (_, asked, expected) => {
    expect(ask(rules, { documents, ...asked }).allowed).toBe(expected)
  })
})

describe('payments', () => {
  const rules = compiled(projects.payments)
  const documents = { 'customers/ann/subscriptions/active': {} }

  test.each<[string, Ask, boolean]>([
    ['customers read themselves', { path: 'customers/ann', uid: 'ann' }, true],
    ['and no others', { path: 'customers/ann', uid: 'bob' }, false],
    ['they check out', { path: 'customers/ann/checkout_sessions/c', method: 'create', uid: 'ann', newData: {} }, true],
    [
      'they do not subscribe by themselves',
      { path: 'customers/ann/subscriptions/c', method: 'create', uid: 'ann', newData: {} },
      false,
    ],
    ['anybody lists prices', { path: 'products/p/prices', method: 'list', query: {} }, true],
    ['not those of all products at once', { path: 'prices', method: 'list', query: { allDescendants: true } }, false],
    ['a claim opens', { path: 'premium/x', uid: 'bob', token: { stripeRole: 'gold' } }, true],
    ['a document opens, though there is no claim', { path: 'premium/x', uid: 'ann' }, true],
    ['neither: closed', { path: 'premium/x', uid: 'bob' }, false],
  ])('%s', (_, asked, expected) => {
    expect(ask(rules, { documents, ...asked }).allowed).toBe(expected)
  })
})

describe('images', () => {
  const rules = compiled(projects.images)
  const decide = (below: string, uid: string | null, rest: Partial<RulesRequest>) =>
    rules.decide({
      service: 'firebase.storage',
      method: 'get',
      path: ['b', 'bucket', 'o', ...below.split('/')],
      auth: uid === null ? null : rulesMapOf({ uid, token: {} }),
      time: now,
      resource: null,
      requestResource: null,
      lookup: (path) =>
        path.join('/') === 'databases/(default)/documents/groups/g'
          ? resourceOf(path, rulesMapOf({ members: ['ann'] }))
          : null,
      ...rest,
    })
  const image = (of: { readonly [key: string]: Plain } = {}) =>
    rulesMapOf({ name: 'users/ann/a.png', contentType: 'image/png', size: 1000, ...of })

  test.each<[string, string, string | null, Partial<RulesRequest>, boolean]>([
    ['own files are read', 'users/ann/deep/x.png', 'ann', {}, true],
    ['others are not', 'users/ann/x.png', 'bob', {}, false],
    ['an image is stored', 'users/ann/a.png', 'ann', { method: 'create', requestResource: image() }, true],
    ['not a large one', 'users/ann/a.png', 'ann', { method: 'create', requestResource: image({ size: 6e6 }) }, false],
    [
      'nor a text',
      'users/ann/a.png',
      'ann',
      { method: 'create', requestResource: image({ contentType: 'text/html' }) },
      false,
    ],
    ['deleted unless locked', 'users/ann/a.png', 'ann', { method: 'delete', resource: image({ metadata: {} }) }, true],
    ['locked', 'users/ann/a.png', 'ann', { method: 'delete', resource: image({ metadata: { locked: 'yes' } }) }, false],
    ['a group shares', 'shared/g/x', 'ann', {}, true],
    ['with its members', 'shared/g/x', 'bob', {}, false],
    ['that exist', 'shared/h/x', 'ann', {}, false],
    ['a public file', 'public/x/y', null, {}, true],
    ['a public folder', 'public', null, { method: 'list', folder: 'descendants' }, true],
    ['a folder by its path', 'shared/g', 'ann', { method: 'list' }, false],
    ['a file that is listed like one', 'shared/g/x', 'ann', { method: 'list' }, true],
  ])('%s', (_, below, uid, rest, expected) => {
    expect(decide(below, uid, rest).allowed).toBe(expected)
  })

  test('a refusal says why', () => {
    const decision = decide('shared/h/x', 'ann', {})
    expect(formatDenial([decision])).toBe(
      "\nevaluation error at L14:21 for 'get' @ L14, Null value error. for 'get' @ L14",
    )
  })
})
