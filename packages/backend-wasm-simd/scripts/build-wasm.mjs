// Compiles assembly/ and the worker to modules in src/generated: text that any bundler can carry.
//
//   node scripts/build-wasm.mjs [--force]
//
// Does nothing while the sources and this file are what they were. Also vitest's global setup.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const generated = path.join(root, 'src/generated');

/** Each variant is the same source with the constant RELAXED set one way or the other. */
const variants = {
  simd: ['--enable', 'simd', '--use', 'RELAXED=0'],
  relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd', '--use', 'RELAXED=1'],
};

// The memory is imported, with a maximum: the loader turns one bit of that import to share it between threads.
const flags = [
  ...['-O3', '--converge', '--runtime', 'stub', '--noAssert', '--use', 'abort='],
  ...['--importMemory', '--noExportMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
];

const outputs = ['simd.ts', 'relaxed.ts', 'exports.ts', 'worker.ts'];

/** What the outputs are made of: the worker's sources are the two files it consists of. */
function sources() {
  const assembly = readdirSync(path.join(root, 'assembly'), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `assembly/${file}`)
    .sort();
  return [...assembly, 'src/worker.ts', 'src/job.ts', 'scripts/build-wasm.mjs'];
}

function currentStamp() {
  const hash = createHash('sha256');
  for (const file of sources()) hash.update(`${file}\n`).update(readFileSync(path.join(root, file)));
  return `// ${hash.digest('hex')}`;
}

/** The stamp that all outputs carry, if they agree. */
function builtStamp() {
  try {
    const stamps = outputs.map((file) => readFileSync(path.join(generated, file), 'utf8').split('\n', 1)[0]);
    return stamps.every((stamp) => stamp === stamps[0]) ? stamps[0] : undefined;
  } catch {
    return undefined;
  }
}

async function compile(asc, variant) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    ['assembly/index.ts', '--baseDir', root, '--outFile', `${variant}.wasm`, ...flags, ...variants[variant]],
    { writeFile: (name, contents) => void files.set(name, contents) },
  );
  if (error) throw new Error(`the ${variant} variant did not compile\n${stderr}`, { cause: error });
  const warnings = stderr.toString();
  if (warnings) console.warn(warnings);
  return files.get(`${variant}.wasm`);
}

async function bundleWorker() {
  const { build, stop } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'src/worker.ts')],
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
  });
  await stop();
  return outputFiles[0].text.trim();
}

/** Brings src/generated up to date. @returns whether there was anything to do. */
export async function buildWasm({ force = false } = {}) {
  const stamp = currentStamp();
  if (!force && builtStamp() === stamp) return false;
  const { default: asc } = await import('assemblyscript/asc');
  const write = (file, text) => {
    // Each file appears whole, so that two builds at once can't leave half of one.
    const partial = path.join(generated, `${file}.${process.pid}`);
    writeFileSync(partial, `${stamp}\n${text}\n`);
    renameSync(partial, path.join(generated, file));
  };
  mkdirSync(generated, { recursive: true });
  let functions;
  for (const variant of Object.keys(variants)) {
    const bytes = await compile(asc, variant);
    functions = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name);
    const packed = deflateRawSync(bytes, { level: 9 });
    write(
      `${variant}.ts`,
      `/** ${bytes.length} bytes of wasm, deflated. */\nexport default '${packed.toString('base64')}';`,
    );
  }
  const names = functions.map((name) => `  | '${name}'`).join('\n');
  write(
    'exports.ts',
    `/** The functions that assembly/index.ts exports. */\nexport type WasmFunction =\n${names};`,
  );
  write('worker.ts', `export default ${JSON.stringify(await bundleWorker())};`);
  return true;
}

export default async function setup() {
  await buildWasm();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const start = performance.now();
  const built = await buildWasm({ force: process.argv.includes('--force') });
  if (built) console.log(`wasm built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
