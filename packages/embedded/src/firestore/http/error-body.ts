import { httpErrorBody } from '../../wire/http-error.ts'
import type { Code } from '../../wire/status-error.ts'

/** An error as Google's REST APIs have it in JSON. */
export const errorObject = (code: Code, message: string): object =>
  httpErrorBody({ code, details: message, info: undefined })

/** The body of an error, with slashes escaped, as Google's emulator has them. */
export const errorText = (code: Code, message: string): string =>
  JSON.stringify(errorObject(code, message)).replaceAll('/', '\\/')
