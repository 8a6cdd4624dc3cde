// A consumer in a process of its own, for tests that kill it: tells its parent each message, and acknowledges none.
import { PubSub } from '@google-cloud/pubsub'

const [address = '', subscription = ''] = process.argv.slice(2)
const client = new PubSub({ projectId: 'demo-test', emulatorMode: true, apiEndpoint: address })
client.subscription(subscription).on('message', ({ id }: { id: string }) => process.send?.(id))
