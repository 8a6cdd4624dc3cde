import { join } from 'node:path'
import { defineConfig } from 'oxlint'

const pure = ['packages/core/src/**/*.ts', 'packages/contracts/src/**/*.ts']
const tests = [
  '**/*.test.ts',
  '**/testing.ts',
  'packages/embedded/src/*/oracle/**',
  'packages/*/test/**',
  'emulator-tests/**',
  'bench/**',
  'checks/**',
]

const impureGlobals = [
  'process',
  'crypto',
  'performance',
  'fetch',
  'console',
  'Buffer',
  'global',
  'globalThis',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]

export default defineConfig({
  options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'vitest'],
  jsPlugins: [join(import.meta.dirname, 'checks/walls/plugin.ts')],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['**/dist/**', '**/node_modules/**'],
  rules: {
    'walls/imports': 'error',

    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'no-var': 'error',
    'prefer-const': 'error',
    'no-param-reassign': 'error',
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
    'max-lines': ['error', { max: 500, skipBlankLines: false, skipComments: false }],
    'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'] }],
    'import/no-cycle': 'error',
    'import/no-duplicates': 'error',
    'import/no-named-as-default': 'off',
    'import/no-named-as-default-member': 'off',
    // Loops here wait on what callbacks and other requests change, which this rule does not see.
    'no-unmodified-loop-condition': 'off',
    'no-underscore-dangle': 'off',
    'promise/always-return': 'off',
    // Properties and recorded cases expect in functions of their own.
    'vitest/no-standalone-expect': 'off',
    'vitest/no-conditional-expect': 'off',
    'vitest/require-to-throw-message': 'off',
    'vitest/valid-title': ['error', { ignoreTypeOfTestName: true }],
    'vitest/valid-expect': ['error', { maxArgs: 2 }],
    'vitest/expect-expect': ['error', { assertFunctionNames: ['expect', 'expect*', 'assert*', 'fc.assert', 'play'] }],
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/no-useless-spread': 'off',
    'walls/no-environment': 'error',

    'typescript/consistent-type-imports': [
      'error',
      { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
    ],
    // Type-checked already, by noImplicitReturns and by the declared return types.
    'typescript/consistent-return': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-explicit-any': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/ban-ts-comment': 'error',
  },
  overrides: [
    {
      files: pure,
      rules: {
        'no-console': 'error',
        'no-restricted-globals': ['error', ...impureGlobals],
        'no-restricted-properties': [
          'error',
          { object: 'Date', property: 'now', message: 'Time is an argument.' },
          { object: 'Math', property: 'random', message: 'Randomness is an argument.' },
        ],
        'walls/no-current-date': 'error',
        'node/no-top-level-await': 'error',
      },
    },
    {
      files: ['functions/src/**/*.ts'],
      rules: {
        // What is read from Firestore is parsed, not asserted.
        'typescript/no-unsafe-type-assertion': 'error',
        'no-console': 'error',
        'node/no-top-level-await': 'error',
        'walls/no-work-at-import': 'error',
      },
    },
    {
      // The one module of each program that reads the environment.
      files: [
        'vitest.config.ts',
        'functions/src/runtime/params.ts',
        'packages/cli/src/settings.ts',
        'packages/embedded/src/launcher/**',
      ],
      rules: { 'walls/no-environment': 'off' },
    },
    {
      files: tests,
      rules: {
        'no-console': 'off',
        'walls/no-environment': 'off',
        'no-restricted-globals': 'off',
        'no-restricted-properties': 'off',
        'walls/no-current-date': 'off',
        'walls/no-work-at-import': 'off',
        // expect.stringContaining(), JSON.parse() of an answer and test doubles are `any` or narrowed on purpose.
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-return': 'off',
        'typescript/no-unsafe-type-assertion': 'off',
        'typescript/no-base-to-string': 'off',
      },
    },
  ],
})
