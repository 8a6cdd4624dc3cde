/**
 * Whether a page's origin is one of those that are declared. `http://localhost:*` declares each port of this machine: for
 * development, where ports are chosen as they are free.
 */
export const isDeclaredOrigin = (declared: readonly string[], origin: string): boolean =>
  declared.includes(origin) || (declared.includes(anyLocalPort) && /^http:\/\/localhost(?::\d{1,5})?$/.test(origin))

const anyLocalPort = 'http://localhost:*'

/** Origins as a setting lists them, with commas between. */
export const originsIn = (setting: string): string[] =>
  setting
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')

/** The name of an origin's host, without its port; undefined for what is no origin. */
export const hostOf = (origin: string): string | undefined => /^https?:\/\/([^/:]+)/.exec(origin)?.[1]
