import { pubsub } from './suite.ts'

/** Fires a schedule at once, as the clock of the local engines does when its time has come. */
export const fireSchedule = async (functionId: string): Promise<void> => {
  await pubsub.topic(`firebase-schedule-${functionId}`).publishMessage({ data: Buffer.from('{}') })
}
