// How large the built packages are, minified and compressed. CI fails past a limit.
//
//   pnpm build && pnpm size

/** A package without the other ones it imports. Its limit is about 5 % above its size, so that growth is noticed. */
const alone = (name, limit) => ({
  name: `@octet/${name}`,
  path: `packages/${name}/dist/index.js`,
  ignore: ['@octet/*'],
  limit,
});

/** One function of onnx without files that are loaded later, if they are needed, by the names of their modules. */
const onnx = (name, what, limit, ...later) => ({
  ...alone('onnx', limit),
  name: `@octet/onnx, ${name}`,
  import: `{ ${what} }`,
  ignore: ['@octet/*', ...later.map((module) => `./${module}-*.js`)],
});

const checks = [
  alone('backend', '10.4 kB'),
  alone('backend-js-reference', '15.8 kB'),
  alone('tensor', '53.6 kB'),
  alone('nn', '28.7 kB'),
  alone('quantization', '51 kB'),
  alone('backend-wasm-simd', '80.2 kB'),
  {
    ...alone('backend-wasm-simd', '53 kB'),
    name: '@octet/backend-wasm-simd/int8',
    path: 'packages/backend-wasm-simd/dist/int8.js',
  },
  {
    ...alone('backend-wasm-simd', '68.7 kB'),
    name: '@octet/backend-wasm-simd/inference',
    path: 'packages/backend-wasm-simd/dist/inference.js',
  },
  alone('backend-webgpu', '49.8 kB'),
  onnx('importOnnx for most files', 'importOnnx', '41.6 kB', 'rare', 'model-proto'),
  onnx('importOnnx for all files', 'importOnnx', '55 kB', 'model-proto'),
  onnx('exportOnnx', 'exportOnnx', '46 kB', 'rare'),
  { name: 'all but backend-webgpu in one bundle', path: 'tooling/build/runtime.mjs', limit: '233.9 kB' },
  {
    name: 'an app that runs an int8 checkpoint, without its backend',
    path: 'tooling/build/int8-app.mjs',
    limit: '35.5 kB',
  },
  {
    name: 'the same app on backend-wasm-simd/int8',
    path: 'tooling/build/int8-wasm-app.mjs',
    limit: '89 kB',
  },
  {
    name: 'relu(tensor([1])), with the kernels it needs',
    path: 'tooling/build/relu-app.mjs',
    limit: '13.7 kB',
  },
];

export default checks.map((check) => ({
  ...check,
  gzip: true,
  // A library's module as a bundler makes it: what it exports keeps its names, what it loads later is a file of its own.
  modifyEsbuildConfig: (config) => ({ ...config, format: 'esm', splitting: true }),
}));
