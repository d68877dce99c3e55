import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import js from '@eslint/js'
import { createProjectGraphAsync } from '@nx/devkit'
import nx from '@nx/eslint-plugin'
import prettier from 'eslint-config-prettier'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { listenerCatches } from './tools/tidy/src/listener-catches.ts'

// Without the graph, Nx's boundary rule would skip every file with no more than a warning.
await createProjectGraphAsync({ exitOnError: true, resetDaemonClient: true })

/** The apps that are made of other apps: they say so by a tag. */
const composers = globSync('apps/*/package.json', { cwd: import.meta.dirname })
  .filter((path) => readFileSync(join(import.meta.dirname, path), 'utf8').includes('"composes:apps"'))
  .map((path) => basename(dirname(path)))

const tests = ['**/*.test.ts', '**/test/**/*.ts']

const ground = ['lib:async', 'lib:durable-files', 'lib:config', 'lib:telemetry']
const forDrivers = [...ground, 'lib:messaging', 'lib:messaging-kit']
const drivers = '/^lib:messaging-(?!kit$|drivers$|commands$)/'

/** The projects that each project may use: the arrows of ARCHITECTURE.md. Only tests may use tools/servers, so it is not among the libs. */
const arrows = [
  { sourceTag: '/^lib:(async|durable-files)$/', onlyDependOnLibsWithTags: [] },
  { sourceTag: '/^lib:(config|event-bus)$/', onlyDependOnLibsWithTags: ['lib:async'] },
  { sourceTag: 'lib:telemetry', onlyDependOnLibsWithTags: ['lib:async', 'lib:config'] },
  { sourceTag: 'lib:messaging-kit', onlyDependOnLibsWithTags: [...ground, 'lib:messaging'] },
  { sourceTag: drivers, onlyDependOnLibsWithTags: forDrivers },
  { sourceTag: 'lib:messaging-drivers', onlyDependOnLibsWithTags: [...forDrivers, drivers] },
  {
    sourceTag:
      '/^lib:(?!async$|durable-files$|config$|event-bus$|telemetry$|consumer$|messaging-|outbox$|search-api$)/',
    onlyDependOnLibsWithTags: ground,
  },
  { sourceTag: 'lib:search-api', onlyDependOnLibsWithTags: ['lib:service'] },
  { sourceTag: 'lib:outbox', onlyDependOnLibsWithTags: [...ground, 'lib:messaging', 'lib:database'] },
  {
    // The memory driver for its tests only.
    sourceTag: 'lib:consumer',
    onlyDependOnLibsWithTags: [...ground, 'lib:messaging', 'lib:service', 'lib:messaging-memory'],
  },
  {
    sourceTag: 'lib:messaging-commands',
    // Drivers for its tests only.
    onlyDependOnLibsWithTags: [
      'lib:async',
      'lib:config',
      'lib:messaging',
      'lib:service',
      'lib:messaging-drivers',
      'lib:messaging-memory',
    ],
  },
  { sourceTag: `/^app:(?!(?:${composers.join('|')})$)/`, onlyDependOnLibsWithTags: ['type:lib'] },
  ...composers.map((name) => ({ sourceTag: `app:${name}`, onlyDependOnLibsWithTags: ['type:lib', 'type:app'] })),
  { sourceTag: 'tool:servers', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'tool:search', onlyDependOnLibsWithTags: ['type:lib', 'type:tool', 'app:search-service'] },
  { sourceTag: '/^tool:(?!servers$|search$)/', onlyDependOnLibsWithTags: ['type:lib', 'type:tool'] },
  { sourceTag: 'type:example', onlyDependOnLibsWithTags: ['type:lib'] },
]

const boundaries = (constraints) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      depConstraints: constraints,
      banTransitiveDependencies: true,
      checkDynamicDependenciesExceptions: ['.*'],
      allow: [],
    },
  ],
})

const withServers = (arrow) => ({
  ...arrow,
  onlyDependOnLibsWithTags: [...arrow.onlyDependOnLibsWithTags, 'tool:servers'],
})

/** The name of the plugin with the rules of this workspace. */
const ownPlugin = 'armature'

/** One package, one owner: what each library alone may import. */
const owned = {
  'libs/messaging-amqp': '(amqplib|rabbitmq-client)',
  'libs/messaging-kafka': '(kafkajs|@platformatic/kafka)',
  'libs/messaging-nats': '(nats|@nats-io/.+)',
  'libs/messaging-redis': '(ioredis|redis|@redis/.+)',
  'libs/discovery': 'consul',
  'libs/telemetry': '(pino|hot-shots|@opentelemetry/(?!api$).+)',
  'libs/database': '(@electric-sql/.+|pg|pg-.+|postgres)',
}

const environment = [
  {
    selector: "MemberExpression[object.name='process'][property.name=/^(env|argv)$/]",
    message: 'The environment and the arguments are read in libs/config only: take the value from the config.',
  },
  {
    selector: "VariableDeclarator[init.name='process'] > ObjectPattern > Property[key.name=/^(env|argv)$/]",
    message: 'The environment and the arguments are read in libs/config only: take the value from the config.',
  },
  {
    selector:
      'ImportDeclaration[source.value=/^(node:)?process$/] > :matches(ImportDefaultSpecifier, ImportNamespaceSpecifier, ImportSpecifier[imported.name=/^(env|argv)$/])',
    message: 'The environment and the arguments are read in libs/config only: take the value from the config.',
  },
]

const unstrippable = [
  { selector: 'TSEnumDeclaration', message: 'Type stripping cannot run an enum: use a union of literals.' },
  { selector: 'TSParameterProperty', message: 'Type stripping cannot run a parameter property: use a factory.' },
  { selector: 'TSModuleDeclaration[kind!="global"][declare!=true]', message: 'Use a file, not a namespace.' },
  { selector: 'Decorator', message: 'Type stripping cannot run a decorator: use a function around it.' },
]

const indivisible = [
  {
    selector:
      "ImportDeclaration[source.value='zod'][importKind!='type'] > ImportSpecifier[imported.name='z'][importKind!='type']",
    message: "Write `import * as z from 'zod'`: its export z holds all of it, so that a bundle can leave nothing out.",
  },
]

const randomCall = ":matches(CallExpression[callee.name='random'], CallExpression[callee.property.name='random'])"

/** Names that libs/async has once for all. A random index, in Math.floor, is no random time. */
const inAsync = [
  {
    selector: `BinaryExpression[operator=/^[*\\u002F]$/]:has(> ${randomCall}.left, > ${randomCall}.right):not(CallExpression[callee.property.name='floor'] > BinaryExpression)`,
    message: 'A random time is that of `backoffMs` or `jitterMs` of libs/async.',
  },
  {
    selector:
      "TemplateLiteral:has(> TemplateElement[value.raw=/^(\\u005D)?:$/]):has(> Identifier[name='host']):has(> Identifier[name='port'])",
    message: 'IPv6 needs brackets: use `formatHostPort` of libs/async.',
  },
  {
    selector: "CallExpression[callee.object.name='host'][callee.property.name='includes'][arguments.0.value=':']",
    message: 'IPv6 needs brackets: use `formatHostPort` of libs/async.',
  },
]

/** Every import form (static, re-export, dynamic, type) of a package that another library owns. */
const foreign = (folder) =>
  Object.entries(owned)
    .filter(([owner]) => owner !== folder)
    .flatMap(([owner, names]) => {
      // A slash in an attribute regex would end it.
      const source = `/^${names.replaceAll('/', '\\u002F')}(\\u002F.*)?$/`
      const message = `Only ${owner} imports this package: use what ${owner} exports.`
      return [
        {
          selector: `:matches(ImportDeclaration, ExportNamedDeclaration, ExportAllDeclaration)[source.value=${source}]`,
          message,
        },
        { selector: `ImportExpression[source.value=${source}]`, message },
        { selector: `TSImportType[source.value=${source}]`, message },
      ]
    })

const ownership = (folder) => ({
  files: [folder === undefined ? '{apps,libs,examples}/**/*.ts' : `${folder}/**/*.ts`],
  rules: {
    'no-restricted-syntax': [
      'error',
      ...unstrippable,
      ...indivisible,
      ...foreign(folder),
      ...(folder === 'libs/config' ? [] : environment),
      ...(folder === 'libs/async' ? [] : inAsync),
    ],
  },
})

const ownershipInTests = (folder) => ({
  files:
    folder === undefined
      ? tests.map((glob) => `{apps,libs,examples}/${glob}`)
      : tests.map((glob) => `${folder}/${glob}`),
  rules: { 'no-restricted-syntax': ['error', ...unstrippable, ...indivisible, ...foreign(folder)] },
})

const owners = [undefined, 'libs/async', 'libs/config', ...Object.keys(owned)]

export default defineConfig(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/*.generated.*', '.nx/**', '**/.vite/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx, [ownPlugin]: { rules: { 'listener-catches': listenerCatches } } },
    rules: {
      ...boundaries(arrows),
      'no-restricted-syntax': ['error', ...unstrippable],
      [`${ownPlugin}/listener-catches`]: 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-template': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // A function that answers a promise is no listener: the emitter drops its rejection.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // Ports are closures without `this`: their methods may be taken out.
      '@typescript-eslint/unbound-method': 'off',
      // A port's method is async whether or not this implementation of it waits.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: tests,
    rules: {
      ...boundaries(arrows.map(withServers)),
      // expect's matchers (`expect.any`, `expect.objectContaining`) are of type any.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
      // A rejection fails the test.
      [`${ownPlugin}/listener-catches`]: 'off',
    },
  },
  { files: ['tools/**/*.ts'], rules: { 'no-console': 'off' } },
  ...owners.map(ownership),
  ...owners.map(ownershipInTests),
  prettier,
)
