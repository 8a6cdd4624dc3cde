// Sums the JSON reports that vitest wrote to a folder (TEST_REPORTS) into one plain line.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Report = {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: unknown[] }[]
}

const [folder] = process.argv.slice(2)
if (!folder) throw new Error('usage: node checks/count-tests.ts <folder with JSON reports>')

let passed = 0
let failed = 0
let skipped = 0
for (const file of globSync('*.json', { cwd: folder })) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report
  passed += report.numPassedTests
  failed += report.numFailedTests
  skipped += report.numPendingTests + report.numTodoTests
  // A file that does not load has no tests to count, and is a failure all the same.
  failed += report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.length,
  ).length
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
if (failed > 0 || passed === 0) process.exitCode = 1
