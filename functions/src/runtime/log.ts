import { LogLine, redacted } from '@infinity-matrix/contracts'
import { logger } from 'firebase-functions/logger'

/** The log of a function, the one way to it: a line tells no more than the classes of its fields allow. */
export const log = {
  info: (message: string, line: LogLine = {}): void => logger.info(message, redacted(LogLine, line)),
  warn: (message: string, line: LogLine = {}): void => logger.warn(message, redacted(LogLine, line)),
  error: (message: string, line: LogLine = {}): void => logger.error(message, redacted(LogLine, line)),
}
