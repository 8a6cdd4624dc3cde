import { ProblemDetails } from '@infinity-matrix/contracts'
import type { z } from 'zod'
import { NoSuiteError } from './command.ts'
import { localDeveloperToken } from './local-developer.ts'
import type { Settings } from './settings.ts'
import { findSuite } from './suite/suite.ts'

/** What a function answered when it did not do what was asked. */
export class ApiError extends Error {
  readonly code = 'api-refused'
  readonly problem: ProblemDetails

  constructor(problem: ProblemDetails) {
    const errors = (problem.errors ?? []).map(({ field, rule }) => `\n  ${field === '' ? 'the body' : field} ${rule}`)
    super(`${problem.title}${problem.detail === undefined ? '' : `: ${problem.detail}`}${errors.join('')}`)
    this.problem = problem
  }
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Record<string, string | number | boolean | undefined>
  headers?: Record<string, string>
  /** Sent as JSON; bytes as they are. */
  body?: object | Uint8Array<ArrayBuffer>
}

// Functions of the control plane are deployed where Firebase deploys by default.
const region = 'us-central1'

/** Where functions are, each under its name. @throws {NoSuiteError} */
export const functionsUrlOf = async (settings: Settings): Promise<string> => {
  if (settings.functionsUrl !== undefined) return settings.functionsUrl
  const suite = await findSuite(settings)
  const functions = suite?.addresses.find(({ name }) => name === 'functions')
  if (!functions) throw new NoSuiteError('no emulator suite runs: start one with npm start, or set IMX_FUNCTIONS_URL')
  return `http://${functions.host}:${functions.port}/${settings.projectId}/${region}`
}

// A suite of this machine takes the developer's word for who they are.
const tokenOf = ({ token, projectId }: Settings): string => token ?? localDeveloperToken(projectId, Date.now())

/**
 * An HTTP function of the control plane: of the suite that runs, or where the environment says.
 *
 * @param name as it is deployed, such as `events-api`
 * @param send how a request gets there
 */
export const openHttpApi = async (
  settings: Settings,
  name: string,
  send: (url: URL, request: RequestInit) => Response | Promise<Response> = fetch,
) => {
  const base = `${await functionsUrlOf(settings)}/${name}`

  const ask = async (path: string, { method = 'GET', query = {}, headers = {}, body }: Call): Promise<Response> => {
    const url = new URL(base + path)
    for (const [parameter, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(parameter, String(value))
    const request = {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(settings)}`,
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    }
    return Promise.resolve(send(url, request)).catch((error: unknown) => {
      throw new NoSuiteError(`nothing answers at ${url.origin}`, { cause: error })
    })
  }

  const errorOf = ({ status, statusText }: Response, answer: unknown): ApiError => {
    const problem = ProblemDetails.safeParse(answer)
    return new ApiError(problem.success ? problem.data : { type: 'about:blank', title: statusText, status })
  }

  /** @throws {ApiError} with what the function says is wrong */
  const call = async <T>(schema: z.ZodType<T>, path: string, how: Call = {}) => {
    const response = await ask(path, how)
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.ok) return schema.parse(answer)
    throw errorOf(response, answer)
  }

  /** What stands at a path, as it is; undefined where nothing does. @throws {ApiError} for what else is wrong */
  const bytes = async (path: string): Promise<Uint8Array | undefined> => {
    const response = await ask(path, {})
    if (response.ok) return new Uint8Array(await response.arrayBuffer())
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.status === 404) return undefined
    throw errorOf(response, answer)
  }

  return { call, bytes }
}

export type HttpApi = Awaited<ReturnType<typeof openHttpApi>>
