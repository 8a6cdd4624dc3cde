import type { Engine } from '../engine.ts'

const TIME_BYTES = 8

/** The token with which a client comes back to the state at `time`, in microseconds. */
export const resumeTokenOf = ({ watches }: Engine, time: number): Uint8Array => {
  const token = Buffer.alloc(watches.epoch.length + TIME_BYTES)
  token.set(watches.epoch)
  token.writeDoubleBE(time, watches.epoch.length)
  return token
}

/** The time that a token stands for, in microseconds; NaN when this engine has not given it. */
export const timeOfToken = ({ watches }: Engine, token: Uint8Array): number => {
  const { epoch } = watches
  const bytes = Buffer.from(token.buffer, token.byteOffset, token.length)
  const isOurs = token.length === epoch.length + TIME_BYTES && bytes.subarray(0, epoch.length).equals(epoch)
  return isOurs ? bytes.readDoubleBE(epoch.length) : Number.NaN
}
