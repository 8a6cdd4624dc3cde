// Loaded into the Firebase CLI before its own code. Its Auth emulator compiles the validators of some 80 operations when it
// starts, which is 5 s of a core and more than all else together; most are never used. The library it does so with can
// compile each at its first use, but the CLI does not ask for it.
import { createRequire } from 'node:module'

type Middleware = (api: unknown, options: Record<string, unknown>) => Promise<unknown>

const ofCli = createRequire(createRequire(import.meta.url).resolve('firebase-tools/package.json'))
const exegesis = ofCli('exegesis-express') as { middleware: Middleware }
const { middleware } = exegesis
exegesis.middleware = (api, options) => middleware(api, { ...options, lazyCompileValidationSchemas: true })
