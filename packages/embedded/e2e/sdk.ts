// The script of the page: Google's web SDK, unchanged, where the tests find it.
import { initializeApp } from 'firebase/app'
import * as firestore from 'firebase/firestore'
import * as lite from 'firebase/firestore/lite'

/** Where the engine is, and which project is asked for. */
export interface Target {
  port: number
  projectId: string
}

const connect = (
  { port, projectId }: Target,
  settings: firestore.FirestoreSettings = {},
  options: Parameters<typeof firestore.connectFirestoreEmulator>[3] = {},
): firestore.Firestore => {
  const db = firestore.initializeFirestore(initializeApp({ projectId, apiKey: 'none' }), settings)
  firestore.connectFirestoreEmulator(db, '127.0.0.1', port, options)
  return db
}

const connectLite = ({ port, projectId }: Target): lite.Firestore => {
  const db = lite.getFirestore(initializeApp({ projectId, apiKey: 'none' }))
  lite.connectFirestoreEmulator(db, '127.0.0.1', port)
  return db
}

/** What a listener has been told, and a way to wait until it has been told something. */
class Told<T> {
  readonly all: T[] = []
  #check = () => {}

  readonly tell = (one: T): void => {
    this.all.push(one)
    this.#check()
  }

  /** The last of what was told, as soon as it fits. */
  until(fits: (last: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      this.#check = () => {
        const last = this.all.at(-1)
        if (last !== undefined && fits(last)) resolve(last)
      }
      this.#check()
    })
  }
}

const told = <T>(): Told<T> => new Told()

const page = { firestore, lite, connect, connectLite, told }

declare global {
  var sdk: typeof page
}

globalThis.sdk = page
