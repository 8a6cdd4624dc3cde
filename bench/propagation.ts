import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { readSettings } from '../packages/cli/src/settings.ts'
import { startSuite } from '../packages/cli/src/suite/suite.ts'
import { row, type Row } from './measure.ts'
import { startPlatform } from './platform/platform.ts'
import { measurePropagation, type Propagation } from './propagation/measure.ts'

const rowsOf = (where: string, { state, subscriber }: Propagation): Row[] =>
  Object.entries({ state, subscriber }).flatMap(([to, { control, least }]) =>
    [0.5, 0.95, 0.99].map((share) =>
      row(`${where}, publish to ${to}, p${share * 100}`, control(share), 'ms', least(share)),
    ),
  )

const direct = async (): Promise<Row[]> => {
  const platform = await startPlatform({ instancesMax: 2, retryScale: 1 })
  try {
    const rows = rowsOf('direct', await measurePropagation(platform))
    const usage = await platform.usage()
    const memory = usage['fleet-onStateChange#1']?.memoryBytes ?? NaN
    return [...rows, row('direct, memory of fleet-onStateChange', memory / 2 ** 20, 'MiB')]
  } finally {
    await platform.stop()
  }
}

const suite = async (): Promise<Row[]> => {
  const started = await startSuite(readSettings(), {
    whenTaken: 'use-free-ports',
    signal: new AbortController().signal,
  })
  const { projectId, firestoreHost = '', pubsubHost = '' } = started.place
  const functions = started.addresses.find(({ name }) => name === 'functions')
  const url = (id: string) => `http://${functions?.host}:${functions?.port}/${projectId}/us-central1/${id}`
  const firestore = new Firestore({ projectId, host: firestoreHost, ssl: false })
  const pubsub = new PubSub({ projectId, apiEndpoint: pubsubHost, emulatorMode: true })
  try {
    return rowsOf('suite', await measurePropagation({ firestore, pubsub, url }))
  } finally {
    await Promise.all([firestore.terminate(), pubsub.close()])
    await started.stop()
  }
}

/**
 * From an agent's publish to what others see, at a low steady load: on the built functions as real processes behind push
 * subscriptions ("direct"), and through the emulator suite.
 */
export const propagation = async (): Promise<Row[]> => [...(await direct()), ...(await suite())]
