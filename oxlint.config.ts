import { defineConfig } from 'oxlint'
import { roomRules } from './scripts/check/room-rules.ts'

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import'],
  categories: { correctness: 'error', suspicious: 'off' },
  options: { typeAware: true },
  env: { node: true, es2024: true },
  ignorePatterns: ['node_modules', 'data', '.cache', 'coverage'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/consistent-type-imports': 'error',
    'import/consistent-type-specifier-style': ['error', 'prefer-top-level'],
    // no constants in capitals, but those that Node has
    'eslint/id-match': [
      'error',
      '[a-z]|^[A-Z_]$|^STATUS_CODES$',
      { onlyDeclarations: true, ignoreDestructuring: true },
    ],
    'typescript/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
    'import/no-cycle': 'error',
    // past this, there is a second concept in the file
    'eslint/max-lines': ['error', { max: 220 }],
    'eslint/eqeqeq': ['error', 'always', { null: 'ignore' }],
    'eslint/no-var': 'error',
    'eslint/prefer-const': 'error',
  },
  overrides: [
    ...roomRules,
    {
      files: ['apps/**', 'packages/**'],
      // what Redis' clock is compared with
      excludeFiles: [
        '**/*.test.ts',
        'packages/shared/src/redis/redis-clock.ts',
        'packages/shared/src/records/bullmq-time.ts',
      ],
      rules: {
        'eslint/no-restricted-properties': [
          'error',
          {
            object: 'Date',
            property: 'now',
            message:
              "A machine's clock may be wrong, and be set: what is kept is dated by Redis' clock (createRedisClock), and how long something takes is told by performance.now().",
          },
        ],
      },
    },
    { files: ['**/*.test.ts'], rules: { 'eslint/max-lines': 'off' } },
  ],
})
