import tseslint from 'typescript-eslint';

/**
 * The folders of `services`, and which others each may import. What carries rows imports no other; `wiring` puts
 * connectors and services together, and the command line may have everything.
 */
const services = {
  'source-reader': [],
  transformer: [],
  'target-writer': [],
  stats: [],
  control: [],
  'connector-server': [],
  verifier: [],
  supervisor: ['stats'],
  wiring: ['source-reader', 'transformer', 'target-writer', 'stats', 'verifier', 'supervisor'],
  preflight: ['source-reader', 'transformer', 'wiring'],
};

const outside = (folder) =>
  [...Object.keys(services), 'cli']
    .filter((name) => name !== folder && !services[folder].includes(name))
    .map((name) => ({
      regex: `^(\\.\\./)+(services/)?${name}/`,
      message: 'Services meet in NATS; who may import whom is at the top of eslint.config.js.',
    }));

const connectors = {
  regex: '/connectors/[a-z]+/|^(pg|pg-.*|mysql2|mongodb)$',
  message: 'The core knows no store; only connectors and the command line name one.',
};

/** What NATS' client promises may never come: each such call is the argument of `inTime`, and no list is iterated. */
const brokerCallsEnd = {
  meta: { type: 'problem' },
  create(context) {
    const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices;
    const checker = program.getTypeChecker();
    const isOfClient = (call) => {
      const signature = checker.getResolvedSignature(esTreeNodeToTSNodeMap.get(call));
      const file = signature?.declaration?.getSourceFile().fileName ?? '';
      return file.includes('/node_modules/nats/');
    };
    const promises = (node) => {
      const type = checker.getTypeAtLocation(esTreeNodeToTSNodeMap.get(node));
      return type.getProperty('then') !== undefined;
    };
    const isBounded = (call) =>
      context.sourceCode.getAncestors(call).some(({ type, callee }) => {
        if (type !== 'CallExpression') return false;
        const name = callee.type === 'MemberExpression' ? callee.property.name : callee.name;
        return name === 'inTime';
      });
    const message = 'A call of the NATS client may never end: give it to inTime.';
    return {
      CallExpression(node) {
        if (isOfClient(node) && promises(node) && !isBounded(node))
          context.report({ node, message });
      },
      'ForOfStatement[await=true] > CallExpression.right'(node) {
        if (isOfClient(node)) context.report({ node, message });
      },
    };
  },
};

export default tseslint.config(
  { ignores: ['**/dist/**', 'node_modules/**', 'proto/gen/**', '.weir/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'max-lines': ['error', { max: 500 }],
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      // A rejection that nobody handles ends the process: `detach` says what a failure means.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['shared/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^(\\.\\./)+services/', message: 'proto <- shared <- services' },
            connectors,
          ],
        },
      ],
    },
  },
  {
    files: ['shared/hub/*.ts', 'shared/datasync/nats/*.ts'],
    plugins: { weir: { rules: { 'broker-calls-end': brokerCallsEnd } } },
    rules: { 'weir/broker-calls-end': 'error' },
  },
  ...Object.keys(services).map((name) => ({
    files: [`services/${name}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [...outside(name), connectors] }],
    },
  })),
  {
    files: ['services/connectors/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [...Object.keys(services), 'cli'].map((name) => ({
            regex: `^(\\.\\./)+${name}/`,
            message: 'A connector imports shared only.',
          })),
        },
      ],
    },
  },
  {
    files: ['services/**/*.ts', 'shared/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          'Literal[value=/pg_partition_tree/]',
          'TemplateElement[value.raw=/pg_partition_tree/]',
        ].map((selector) => ({
          selector,
          message:
            'It locks the partitions and keeps the locks: take partitionTree, which locks nothing.',
        })),
      ],
    },
  },
  { files: ['*.config.ts'], rules: { 'no-restricted-exports': 'off' } },
  {
    files: ['services/cli/**/*.ts', 'infra/demo/**/*.ts', 'test/bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts', '**/*.test.ts', 'services/control/console/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }] },
  },
);
