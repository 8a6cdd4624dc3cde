import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const outputs = ['**/node_modules/**', '**/dist/**']

/** Where to leave a JSON report of each run beside what is printed: .ci/run counts them. */
const reports = process.env['TEST_REPORTS']

/** Layers of tests, told by place: each runs alone with `vitest run --project <name>`. */
export default defineConfig({
  test: {
    // Google's clients look for a cloud to authenticate with unless told that there is none.
    env: { METADATA_SERVER_DETECTION: 'none' },
    reporters: reports ? ['default', ['json', { outputFile: join(reports, `${process.pid}.json`) }]] : ['default'],
    // Tests wait for engines and processes more than they compute: a small machine has room for two at once.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/{src,test}/**/*.test.ts', 'functions/{*,src/**/*}.test.ts', 'bench/**/*.test.ts'],
          exclude: outputs,
          // A machine that does other work is slow, not wrong.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // In a real browser, where there is one: the tests say so when there is none.
        test: {
          name: 'browser',
          include: ['packages/*/e2e/**/*.test.ts'],
          exclude: outputs,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The repository about itself: walls, and the manifest of what would be deployed.
        test: {
          name: 'house',
          include: ['checks/**/*.test.ts', 'emulator-tests/manifest.test.ts'],
          exclude: outputs,
          testTimeout: 60_000,
        },
      },
      {
        // On the running suite: start it with `npm run test:emulator`.
        test: {
          name: 'emulator',
          include: ['emulator-tests/**/*.test.ts'],
          exclude: [...outputs, 'emulator-tests/manifest.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
