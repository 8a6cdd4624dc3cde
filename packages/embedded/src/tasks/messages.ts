// The messages of google/cloud/tasks/v2 as protobufjs decodes them, as far as the engine looks into them. Those of v2beta3
// have the same names.

/** An int64 field: a `Long` when decoded, a number when we write it. */
export type Int64 = number | { toNumber(): number }

/** google.protobuf.Timestamp and Duration. */
export interface Moment {
  seconds: Int64
  nanos: number
}

export const msOf = ({ seconds, nanos }: Moment): number =>
  // Google keeps microseconds.
  (typeof seconds === 'number' ? seconds : seconds.toNumber()) * 1000 + Math.floor(nanos / 1000) / 1000

export const fromMs = (ms: number): Moment => {
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1000) * 1000 }
}

export const QueueState = { RUNNING: 1, PAUSED: 2 } as const

export interface RateLimits {
  maxDispatchesPerSecond: number
  maxBurstSize: number
  maxConcurrentDispatches: number
}

export interface RetryConfig {
  maxAttempts: number
  maxRetryDuration: Moment | null
  minBackoff: Moment | null
  maxBackoff: Moment | null
  maxDoublings: number
}

export interface QueueMessage {
  name: string
  appEngineRoutingOverride?: AppEngineRouting | null
  /** Of v2beta3. */
  appEngineHttpQueue?: { appEngineRoutingOverride?: AppEngineRouting | null } | null
  rateLimits: RateLimits | null
  retryConfig: RetryConfig | null
}

/** `HttpMethod` by number. */
export const METHODS = ['POST', 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const

export interface HttpRequest {
  url: string
  httpMethod: number
  headers: Record<string, string>
  body: Uint8Array
  oauthToken?: { serviceAccountEmail: string; scope: string } | null
  oidcToken?: { serviceAccountEmail: string; audience: string } | null
}

export interface AppEngineRouting {
  service: string
  version: string
  instance: string
  host: string
}

export interface AppEngineHttpRequest {
  httpMethod: number
  appEngineRouting: AppEngineRouting | null
  relativeUri: string
  headers: Record<string, string>
  body: Uint8Array
}

export interface TaskMessage {
  name: string
  httpRequest: HttpRequest | null
  appEngineHttpRequest: AppEngineHttpRequest | null
  scheduleTime: Moment | null
  dispatchDeadline: Moment | null
}

/** What `CreateTask` gives back, with defaults filled in. */
export type Target = { httpRequest: HttpRequest } | { appEngineHttpRequest: AppEngineHttpRequest }

export interface Attempt {
  scheduleTime?: Moment
  dispatchTime: Moment
  responseTime?: Moment
  responseStatus?: { code: number; message: string }
}

/** `Task.View`. */
export const View = { BASIC: 1, FULL: 2 } as const
