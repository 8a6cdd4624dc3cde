// `npm run access:matrix`: who may do what, as the rules and the API have it.
import { agreementOf, faultsIn, tryCollections, tryFunctions } from './matrix.ts'

// Google's clients look for a cloud to authenticate with unless told that there is none.
process.env['METADATA_SERVER_DETECTION'] = 'none'

const trials = [...(await tryCollections()), ...(await tryFunctions())]
const faults = faultsIn(trials)
const count = (outcome: string) => trials.filter((one) => one.outcome === outcome).length
const figures = {
  rows: new Set(trials.map(({ what }) => what)).size,
  allowed: count('allowed'),
  denied: count('denied'),
  untested: trials.length - count('allowed') - count('denied'),
}
if (!process.argv.includes('--json')) process.stdout.write(agreementOf(trials))
for (const fault of faults) process.stderr.write(`${fault}\n`)
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exitCode = faults.length > 0 ? 1 : 0
