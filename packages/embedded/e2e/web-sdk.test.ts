import { Firestore } from '@google-cloud/firestore'
import type { Bytes, DocumentReference, GeoPoint, Timestamp, VectorValue } from 'firebase/firestore'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../src/firestore/index.ts'
import { JsonClient } from '../src/firestore/oracle/client.ts'
import { findChromium, launchChromium, servePage, type PageServer } from './chromium.ts'
import type { Target } from './sdk.ts'

const chromium = findChromium(process.env['CHROMIUM_PATH'])

let engine: FirestoreEngine
let server: PageServer
let browser: Browser
let owner: JsonClient
let projects = 0
const faults: string[] = []

beforeAll(async () => {
  if (chromium === undefined) return
  engine = await startFirestoreEngine({ log: (message) => faults.push(message) })
  owner = new JsonClient(`127.0.0.1:${engine.port}`)
  server = await servePage()
  browser = await launchChromium(chromium)
})
afterAll(async () => {
  if (chromium === undefined) return
  await browser.close()
  await server.close()
  owner.close()
  await engine.close()
  expect(faults).toEqual([])
})

/** A project of its own, so that tests do not see each other's documents. */
const newTarget = (): Target => ({ port: engine.port, projectId: `e2e-${++projects}` })

const openContext = async (): Promise<BrowserContext> => {
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  return context
}

const openPage = async (context?: BrowserContext): Promise<Page> => {
  const page = await (context ?? (await openContext())).newPage()
  await page.goto(server.url)
  await page.waitForFunction(() => 'sdk' in globalThis)
  return page
}

/** Another client, which sets a field of a document over gRPC. */
const setElsewhere = ({ projectId }: Target, path: string, n: number) => {
  const database = `projects/${projectId}/databases/(default)`
  const update = { name: `${database}/documents/${path}`, fields: { n: { integerValue: String(n) } } }
  return owner.ask('Commit', { database, writes: [{ update }] })
}

describe.skipIf(chromium === undefined)('the web SDK in a browser', () => {
  test('writes, reads, updates and deletes documents of all types', async () => {
    const page = await openPage()
    const result = await page.evaluate(async (target) => {
      const { firestore: f } = sdk
      const db = sdk.connect(target)
      const ref = f.doc(db, 'c/é😀')
      await f.setDoc(ref, {
        text: 'é😀\u2028"\\',
        whole: 9_007_199_254_740_991,
        fraction: -0.5,
        negativeZero: -0,
        notANumber: Number.NaN,
        infinite: -Infinity,
        nothing: null,
        yes: true,
        when: f.Timestamp.fromMillis(1_234_567_890_123),
        where: new f.GeoPoint(1.5, -2),
        bytes: f.Bytes.fromUint8Array(new Uint8Array([0, 255, 62])),
        other: f.doc(db, 'c/b'),
        list: [1, 'a', { deep: [] }],
        map: { '10': 1, '2': 2, __proto: { x: 1 } },
        vector: f.vector([1, 2.5]),
        server: f.serverTimestamp(),
      })
      const stored = await f.getDocFromServer(ref)
      const at = (field: string): unknown => stored.get(field)
      await f.updateDoc(ref, { 'map.2': f.deleteField(), whole: f.increment(-1), list: f.arrayUnion('b') })
      const updated = (await f.getDocFromServer(ref)).data() ?? {}
      await f.deleteDoc(ref)
      const gone = await f.getDocFromServer(ref)
      return {
        isZeroNegative: Object.is(at('negativeZero'), -0),
        plain: ['text', 'whole', 'fraction', 'nothing', 'yes', 'list', 'map'].map(at),
        odd: [String(at('notANumber')), String(at('infinite'))],
        when: (at('when') as Timestamp).toMillis(),
        where: (at('where') as GeoPoint).isEqual(new f.GeoPoint(1.5, -2)),
        bytes: (at('bytes') as Bytes).toBase64(),
        other: (at('other') as DocumentReference).path,
        vector: (at('vector') as VectorValue).toArray(),
        isServerTime: Math.abs((at('server') as Timestamp).toMillis() - Date.now()) < 60_000,
        updated: [updated['map'], updated['whole'], updated['list']] as unknown[],
        gone: gone.exists(),
      }
    }, newTarget())
    expect(result).toEqual({
      isZeroNegative: true,
      plain: ['é😀\u2028"\\', 9_007_199_254_740_991, -0.5, null, true, [1, 'a', { deep: [] }], expect.anything()],
      odd: ['NaN', '-Infinity'],
      when: 1_234_567_890_123,
      where: true,
      bytes: 'AP8+',
      other: 'c/b',
      vector: [1, 2.5],
      isServerTime: true,
      updated: [{ '10': 1, __proto: { x: 1 } }, 9_007_199_254_740_990, [1, 'a', { deep: [] }, 'b']],
      gone: false,
    })
  })

  test('runs batches, transactions, queries and aggregations', async () => {
    const page = await openPage()
    const result = await page.evaluate(async (target) => {
      const { firestore: f } = sdk
      const db = sdk.connect(target)
      const places = f.collection(db, 'places')
      const batch = f.writeBatch(db)
      for (let n = 0; n < 20; n++)
        batch.set(f.doc(places, `p${n}`), { n, tags: [n % 2 ? 'odd' : 'even'], group: n % 3 })
      await batch.commit()
      const increment = () =>
        f.runTransaction(db, async (transaction) => {
          const counter = f.doc(db, 'counters/c')
          const count = ((await transaction.get(counter)).get('count') as number | undefined) ?? 0
          transaction.set(counter, { count: count + 1 })
        })
      await Promise.all([increment(), increment(), increment()])
      const ids = async (...by: Parameters<typeof f.query> extends [unknown, ...infer Rest] ? Rest : never) =>
        (await f.getDocs(f.query(places, ...by))).docs.map((one) => one.id)
      const aggregate = await f.getAggregateFromServer(f.query(places, f.where('group', '==', 0)), {
        count: f.count(),
        sum: f.sum('n'),
        average: f.average('n'),
      })
      const failed = await f
        .updateDoc(f.doc(db, 'places/none'), { n: 1 })
        .then(() => 'updated')
        .catch((error: { code: string }) => error.code)
      return {
        counter: (await f.getDoc(f.doc(db, 'counters/c'))).get('count') as number,
        odd: await ids(f.where('tags', 'array-contains', 'odd'), f.where('n', '>', 14), f.orderBy('n', 'desc')),
        either: await ids(f.or(f.where('n', '==', 3), f.where('n', 'in', [5, 7])) as never),
        page: await ids(f.orderBy('n'), f.startAfter(3), f.limit(2)),
        last: await ids(f.orderBy('n'), f.limitToLast(2)),
        count: (await f.getCountFromServer(places)).data().count,
        aggregate: aggregate.data(),
        failed,
      }
    }, newTarget())
    expect(result).toEqual({
      counter: 3,
      odd: ['p19', 'p17', 'p15'],
      either: ['p3', 'p5', 'p7'],
      page: ['p4', 'p5'],
      last: ['p18', 'p19'],
      count: 20,
      aggregate: { count: 7, sum: 63, average: 9 },
      failed: 'not-found',
    })
  })

  // How the page is connected; the SDK finds out by itself whether a proxy holds streams back.
  const channels = {
    'a stream': {},
    'long polling': { experimentalForceLongPolling: true, experimentalLongPollingOptions: { timeoutSeconds: 5 } },
    'a stream that is not watched for proxies': { experimentalAutoDetectLongPolling: false },
  }
  test.each(Object.keys(channels) as (keyof typeof channels)[])('hears of changes over %s', async (kind) => {
    const page = await openPage()
    const target = newTarget()
    const backChannels: string[] = []
    page.on('request', (request) => {
      const channel = new URL(request.url()).searchParams
      if (channel.get('RID') === 'rpc') backChannels.push(channel.get('CI') ?? '')
    })
    await setElsewhere(target, 'c/a', 0)
    await page.evaluate(
      ([to, settings]) => {
        const { firestore: f } = sdk
        const heard = sdk.told<number[]>()
        const counts = (s: { docs: { get(field: string): unknown }[] }) => s.docs.map((d) => d.get('n') as number)
        f.onSnapshot(f.collection(sdk.connect(to, settings), 'c'), (snapshot) => heard.tell(counts(snapshot)))
        Object.assign(globalThis, { heard })
        return heard.until((last) => last[0] === 0)
      },
      [target, channels[kind]] as const,
    )
    for (let n = 1; n <= 5; n++) {
      await setElsewhere(target, 'c/a', n)
      await page.evaluate((wanted) => {
        const { heard } = globalThis as unknown as { heard: ReturnType<typeof sdk.told<number[]>> }
        return heard.until((last) => last[0] === wanted)
      }, n)
    }
    expect([...new Set(backChannels)]).toEqual([kind === 'long polling' ? '1' : '0'])
  })

  test('hears of many changes at once, more than one back channel carries', async () => {
    const page = await openPage()
    const target = newTarget()
    const database = `projects/${target.projectId}/databases/(default)`
    const fields = { text: { stringValue: 'é'.repeat(50_000) } }
    for (let i = 0; i < 60; i++) {
      await owner.ask('Commit', { database, writes: [{ update: { name: `${database}/documents/c/d${i}`, fields } }] })
    }
    const lengths = await page.evaluate(async (to) => {
      const { firestore: f } = sdk
      const documents = await f.getDocs(f.collection(sdk.connect(to), 'c'))
      return documents.docs.map((one) => (one.get('text') as string).length)
    }, target)
    expect(lengths).toEqual(Array.from({ length: 60 }, () => 50_000))
  })

  test('writes as much at once as a request may hold', async () => {
    const page = await openPage()
    const lengths = await page.evaluate(async (to) => {
      const { firestore: f } = sdk
      const db = sdk.connect(to)
      const batch = f.writeBatch(db)
      for (let i = 0; i < 9; i++) batch.set(f.doc(db, `c/d${i}`), { text: '文'.repeat(340_000) })
      await batch.commit()
      const documents = await f.getDocsFromServer(f.collection(db, 'c'))
      return documents.docs.map((one) => (one.get('text') as string).length)
    }, newTarget())
    expect(lengths).toEqual(Array.from({ length: 9 }, () => 340_000))
  })

  test('goes on after the network was switched off, and when it was really gone', async () => {
    const context = await openContext()
    const page = await openPage(context)
    const target = newTarget()
    await page.evaluate(async (to) => {
      const { firestore: f } = sdk
      const db = sdk.connect(to)
      const heard = sdk.told<{ n: unknown; fromCache: boolean }>()
      f.onSnapshot(f.doc(db, 'c/a'), { includeMetadataChanges: true }, (snapshot) =>
        heard.tell({ n: snapshot.get('n'), fromCache: snapshot.metadata.fromCache }),
      )
      await f.setDoc(f.doc(db, 'c/a'), { n: 1 })
      await heard.until(({ n, fromCache }) => n === 1 && !fromCache)
      await f.disableNetwork(db)
      await heard.until(({ fromCache }) => fromCache)
      const written = f.setDoc(f.doc(db, 'c/mine'), { n: 1 })
      Object.assign(globalThis, { heard, db, written })
    }, target)
    await setElsewhere(target, 'c/a', 2)
    type Globals = { heard: ReturnType<typeof sdk.told<{ n: unknown; fromCache: boolean }>>; written: Promise<void> }
    await page.evaluate(async () => {
      const { heard, db, written } = globalThis as unknown as Globals & {
        db: Parameters<typeof sdk.firestore.enableNetwork>[0]
      }
      await sdk.firestore.enableNetwork(db)
      await heard.until(({ n, fromCache }) => n === 2 && !fromCache)
      await written
    })
    await context.setOffline(true)
    await page.evaluate(() => {
      const { heard } = globalThis as unknown as Globals
      return heard.until(({ fromCache }) => fromCache)
    })
    await setElsewhere(target, 'c/a', 3)
    await context.setOffline(false)
    const last = await page.evaluate(() => {
      const { heard } = globalThis as unknown as Globals
      return heard.until(({ n, fromCache }) => n === 3 && !fromCache)
    })
    expect(last).toEqual({ n: 3, fromCache: false })
  })

  // The SDK waits 5 to 15 seconds before it tries again.
  test('goes on with an engine that was started anew', async () => {
    const page = await openPage()
    const first = await startFirestoreEngine()
    const target = { port: first.port, projectId: 'restarted' }
    const write = async (n: number) => {
      const client = new JsonClient(`127.0.0.1:${target.port}`)
      const database = 'projects/restarted/databases/(default)'
      const fields = { n: { integerValue: String(n) } }
      await client.ask('Commit', { database, writes: [{ update: { name: `${database}/documents/c/a`, fields } }] })
      client.close()
    }
    await write(1)
    await page.evaluate(async (to) => {
      const { firestore: f } = sdk
      const heard = sdk.told<{ n: unknown; fromCache: boolean }>()
      f.onSnapshot(f.doc(sdk.connect(to), 'c/a'), { includeMetadataChanges: true }, (snapshot) =>
        heard.tell({ n: snapshot.get('n'), fromCache: snapshot.metadata.fromCache }),
      )
      Object.assign(globalThis, { heard })
      await heard.until(({ n, fromCache }) => n === 1 && !fromCache)
    }, target)
    await first.close()
    const second = await startFirestoreEngine({ port: target.port })
    onTestFinished(() => second.close())
    await write(2)
    const last = await page.evaluate(() => {
      const { heard } = globalThis as unknown as {
        heard: ReturnType<typeof sdk.told<{ n: unknown; fromCache: boolean }>>
      }
      return heard.until(({ n, fromCache }) => n === 2 && !fromCache)
    })
    expect(last).toEqual({ n: 2, fromCache: false })
  })

  test('loads a bundle that a server has made, and its named query', async () => {
    const target = newTarget()
    const admin = new Firestore({ projectId: target.projectId, host: `127.0.0.1:${engine.port}`, ssl: false })
    onTestFinished(() => admin.terminate())
    await admin.doc('c/a').set({ n: 1 })
    const query = admin.collection('c').where('n', '>', 0)
    const bundle = admin
      .bundle('b')
      .add('positive', await query.get())
      .build()
      .toString()
    const page = await openPage()
    const result = await page.evaluate(
      async ([to, text]) => {
        const { firestore: f } = sdk
        const db = sdk.connect(to)
        await f.loadBundle(db, text)
        const named = await f.namedQuery(db, 'positive')
        if (!named) return null
        const [cached, served] = [await f.getDocsFromCache(named), await f.getDocsFromServer(named)]
        return [cached, served].map((found) => found.docs.map((one) => one.data()))
      },
      [target, bundle] as const,
    )
    expect(result).toEqual([[{ n: 1 }], [{ n: 1 }]])
  })

  test('keeps documents in the browser, shared by its tabs', async () => {
    const context = await openContext()
    const target = newTarget()
    const connected = async () => {
      const page = await openPage(context)
      await page.evaluate((to) => {
        const { firestore: f } = sdk
        const localCache = f.persistentLocalCache({ tabManager: f.persistentMultipleTabManager() })
        Object.assign(globalThis, { db: sdk.connect(to, { localCache }) })
      }, target)
      return page
    }
    type Globals = { db: Parameters<typeof sdk.firestore.enableNetwork>[0] }
    const first = await connected()
    const second = await connected()
    const heard = second.evaluate(() => {
      const { db } = globalThis as unknown as Globals
      const told = sdk.told<unknown>()
      sdk.firestore.onSnapshot(sdk.firestore.doc(db, 'c/a'), (snapshot) => told.tell(snapshot.get('n')))
      return told.until((n) => n === 7)
    })
    await first.evaluate(() => {
      const { db } = globalThis as unknown as Globals
      return sdk.firestore.setDoc(sdk.firestore.doc(db, 'c/a'), { n: 7 })
    })
    expect(await heard).toBe(7)
    await first.close()
    await second.close()
    const third = await connected()
    const cached = await third.evaluate(async () => {
      const { db } = globalThis as unknown as Globals
      return (await sdk.firestore.getDocFromCache(sdk.firestore.doc(db, 'c/a'))).get('n') as unknown
    })
    expect(cached).toBe(7)
  })

  test('is refused what the rules do not allow', async () => {
    const page = await openPage()
    const target = newTarget()
    const content = `service cloud.firestore { match /databases/{d}/documents {
      match /open/{id} { allow read, write; }
      match /own/{id} { allow read, write: if request.auth.uid == id; }
    } }`
    const put = await fetch(`http://127.0.0.1:${engine.port}/emulator/v1/projects/${target.projectId}:securityRules`, {
      method: 'PUT',
      body: JSON.stringify({ rules: { files: [{ name: 'firestore.rules', content }] } }),
    })
    expect(put.status).toBe(200)
    const codes = await page.evaluate(async (to) => {
      const { firestore: f } = sdk
      const db = sdk.connect(to, {}, { mockUserToken: { sub: 'alice' } })
      const codeOf = (work: Promise<unknown>) =>
        work.then(
          () => 'ok',
          (error: { code: string }) => error.code,
        )
      const listening = (path: string) =>
        new Promise<void>((resolve, reject) => {
          // What the page wrote itself it hears of in any case.
          const next = (snapshot: { metadata: { fromCache: boolean } }) => {
            if (!snapshot.metadata.fromCache) resolve()
          }
          f.onSnapshot(f.collection(db, path), { includeMetadataChanges: true }, { next, error: reject })
        })
      return Promise.all([
        codeOf(f.setDoc(f.doc(db, 'open/a'), { n: 1 })),
        codeOf(f.setDoc(f.doc(db, 'own/alice'), { n: 1 })),
        codeOf(f.setDoc(f.doc(db, 'own/bob'), { n: 1 })),
        codeOf(f.getDoc(f.doc(db, 'own/bob'))),
        codeOf(f.getDocs(f.collection(db, 'own'))),
        codeOf(f.getCountFromServer(f.collection(db, 'own'))),
        codeOf(listening('own')),
        codeOf(listening('open')),
      ])
    }, target)
    const denied = 'permission-denied'
    expect(codes).toEqual(['ok', 'ok', denied, denied, denied, denied, denied, 'ok'])
  })

  test('asks over REST as the Lite SDK', async () => {
    const page = await openPage()
    const result = await page.evaluate(async (target) => {
      const { lite: f } = sdk
      const db = sdk.connectLite(target)
      const ref = await f.addDoc(f.collection(db, 'c'), { n: 1, text: 'é😀' })
      await f.updateDoc(ref, { n: f.increment(1) })
      await f.runTransaction(db, async (transaction) => {
        const found = await transaction.get(ref)
        transaction.update(ref, { n: (found.get('n') as number) * 10 })
      })
      const missing = await f.getDoc(f.doc(db, 'c/none'))
      const found = await f.getDocs(f.query(f.collection(db, 'c'), f.where('n', '>=', 20)))
      const count = (await f.getCount(f.collection(db, 'c'))).data().count
      return [found.docs.map((one) => one.data()), missing.exists(), count]
    }, newTarget())
    expect(result).toEqual([[{ n: 20, text: 'é😀' }], false, 1])
  })
})
