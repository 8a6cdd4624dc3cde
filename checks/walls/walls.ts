// The walls of the house as one table and one function. Lint asks it about every import of every file.
import { placeOf, targetOf, type Place } from './places.ts'

/** The areas that each area may import, besides itself. An area that is not listed here is bound by no wall. */
const areaDoors: Partial<Record<string, string[]>> = {
  contracts: [],
  core: ['contracts'],
  functions: ['contracts', 'core', 'anchors'],
  embedded: ['contracts'],
  testing: ['contracts', 'core'],
  sdk: ['contracts'],
  archive: ['contracts', 'core'],
  verifier: ['contracts', 'core'],
  anchors: ['contracts', 'core'],
  cli: ['contracts', 'sdk', 'embedded', 'core', 'archive', 'verifier', 'anchors'],
  dashboard: ['contracts', 'sdk'],
  infra: ['contracts'],
}

/**
 * What tests of an area may import besides: builders everywhere, the local engines where Google's clients are used, and who
 * verifies what is anchored.
 */
const testDoors = (area: string) => ['testing', ...(moreTestDoors[area] ?? [])]
const moreTestDoors: Partial<Record<string, string[]>> = { functions: ['embedded'], anchors: ['verifier'] }

/** Areas that prove or measure the others from outside. Product code never imports them. */
const outside = ['emulator-tests', 'bench', 'checks']

/** Areas that know of core's rooms the ledger only. */
const knowTheLog = ['verifier', 'anchors']
const pureAreas = ['core', 'contracts']
const browserAreas = ['dashboard', 'sdk']

/** Packages that only some files may import: an area, or one file of an area that does not. */
const packageDoors = [
  {
    packages: /^(firebase-functions|firebase-admin|@google-cloud\/.+)$/,
    areas: ['functions'],
    // protos.ts reads the .proto definitions that ship as JSON; control-plane.ts is the CLI's one door to Google Cloud.
    files: ['packages/embedded/src/wire/protos.ts', 'packages/cli/src/control-plane.ts'],
  },
  { packages: /^@grpc\/.+$/, areas: ['embedded'], files: [] },
  { packages: /^@pulumi\/.+$/, areas: ['infra'], files: [] },
]

const packageFault = (from: Place, name: string) => {
  if (from.isTest || outside.includes(from.area)) return
  if (from.area === 'contracts' && name !== 'zod') return `contracts depends on zod only, not on ${name}`
  if (from.area === 'core') return `core imports contracts and nothing else, not ${name}`
  if (from.area === 'verifier' && from.path !== 'packages/verifier/src/evm-anchor.ts')
    return `verifier is small, to be read by others: it must not depend on ${name}`
  for (const door of packageDoors) {
    const open = !door.packages.test(name) || door.areas.includes(from.area) || door.files.includes(from.path)
    if (!open) return `only ${door.areas.join(', ')} may import ${name}, not ${from.area}`
  }
}

const logFile = 'functions/src/runtime/log.ts'

/** The runtime's wrappers declare functions, and hold their rows; its log shows what classes of data allow. */
const sdkFault = (from: Place, specifier: string) => {
  if (from.isTest || from.area !== 'functions' || from.room === undefined) return
  if (specifier === 'firebase-functions/logger' && from.path !== logFile)
    return `a line of the log goes through ${logFile}, which shows no more than classes of data allow`
  if (specifier.startsWith('firebase-functions') && from.room !== 'runtime')
    return `functions are declared by the wrappers of functions/runtime, which hold their rows, not by ${specifier}`
}

const nodeFault = (from: Place, specifier: string) => {
  if (from.isTest) return
  if (pureAreas.includes(from.area)) return `${from.area} is pure and runs anywhere: it must not import ${specifier}`
  if (browserAreas.includes(from.area)) return `${from.area} runs in a browser: it must not import ${specifier}`
}

const coreRoomFault = (from: Place, to: Place) => {
  if (to.room === from.room || to.room === 'shared') return
  const rule = 'core rooms meet through events in contracts; what two rooms share stands in core/src/shared'
  return `core/${from.room} must not import core/${to.room}: ${rule}`
}

const functionsRoomFault = (from: Place, to: Place) => {
  if (from.room === 'index' || to.room === from.room) return
  if (from.room === 'runtime') {
    // Who may do what is asked at every request and by every wrapper.
    return to.area === 'core' && (to.room === 'shared' || to.room === 'access')
      ? undefined
      : `functions/runtime serves every room and must not import ${to.area}/${to.room}`
  }
  if (to.area === 'core' ? to.room === 'shared' : to.room === 'runtime') return
  return `functions/${from.room} imports its own core room, contracts and ../runtime, not ${to.area}/${to.room}`
}

const roomFault = (from: Place, to: Place) => {
  if (from.area === 'core' && to.area === 'core') return coreRoomFault(from, to)
  if (from.area === 'functions' && (to.area === 'functions' || to.area === 'core')) return functionsRoomFault(from, to)
  return undefined
}

const areaFault = (from: Place, to: Place, specifier: string) => {
  if (to.area !== from.area) {
    const doors = areaDoors[from.area]
    const open = !doors || doors.includes(to.area) || (from.isTest && testDoors(from.area).includes(to.area))
    if (!open) return `${from.area} must not import ${to.area}`
    if (specifier.startsWith('.') && doors) return `${to.area} is imported by its package name, not by a path`
  }
  if (to.area === 'core' && from.area === 'cli' && to.room !== 'shared')
    return `cli must not import core/${to.room}, which decides for the server; core/src/shared is what both sides know`
  if (to.area === 'core' && knowTheLog.includes(from.area) && to.room !== 'shared' && to.room !== 'ledger')
    return `${from.area} knows the log and nothing else: it must not import core/${to.room}`
  // The source of functions that stands in a room; build.ts beside it, and other areas' files, know no rooms.
  return from.room === undefined ? undefined : roomFault(from, to)
}

/**
 * What is wrong with an import, or undefined.
 * @param path of the importing file, relative to the root, with forward slashes
 */
export const importFault = (path: string, specifier: string): string | undefined => {
  const from = placeOf(path)
  const target = targetOf(path, specifier)
  if (target.kind === 'unknown') return `${specifier} is not among the exports of its package`
  if (target.kind === 'node') return nodeFault(from, specifier)
  if (target.kind === 'package') return packageFault(from, target.name) ?? sdkFault(from, specifier)
  return areaFault(from, target.place, specifier)
}
