/** A package comes after those whose exports it has, too: an export is on the page of the first. */
const packages = [
  ...['backend', 'backend-js-reference', 'backend-wasm-simd', 'backend-webgpu', 'backend-testkit', 'tensor'],
  ...['nn', 'optim', 'data', 'graph', 'formats', 'quantization', 'inspect', 'onnx', 'vision', 'octet'],
];

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'Octet',
  plugin: ['./scripts/reference.mjs'],
  entryPoints: [
    ...packages.map((name) => `../../packages/${name}/src/index.ts`),
    '../../packages/octet/src/parts/worker.ts',
  ],
  tsconfig: 'tsconfig.json',
  out: 'dist/site/api',
  readme: 'none',
  favicon: '../../tooling/web/public/icon.svg',
  customJs: 'scripts/reference-search.js',
  customCss: 'scripts/reference.css',
  navigationLinks: { Documentation: process.env.SITE_BASE ?? '/' },
  navigation: { includeFolders: false, excludeReferences: true },
  skipErrorChecking: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  hideGenerator: true,
  useFirstParagraphOfCommentAsSummary: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  blockTags: [
    '@param',
    '@returns',
    '@throws',
    '@typeParam',
    '@example',
    '@deprecated',
    '@generated',
    '@module',
  ],
  logLevel: 'Warn',
};
