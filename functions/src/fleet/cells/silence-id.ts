import { hash } from 'node:crypto'
import type { SilenceEvent } from '@infinity-matrix/core/fleet'
import { v7 as uuidv7 } from 'uuid'

/** The id of a silence's event. Told again it has the same, so that whoever receives it can tell. */
export const silenceId = ({ agentId, atMs, said }: SilenceEvent): string =>
  uuidv7({ msecs: atMs, random: hash('sha256', JSON.stringify([agentId, said]), 'buffer') })
