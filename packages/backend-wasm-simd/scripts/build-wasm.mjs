// Compiles assembly/ and the worker to modules in src/generated: text that any bundler can carry. And to files of wasm,
// for those who want one.
//
//   node scripts/build-wasm.mjs [--force]
//
// Does nothing while the sources and this file are what they were. Also vitest's global setup.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { callsText, constantsText, exportedNames, partText, readFunctions } from './calls.mjs';
import { makeDelta } from './delta.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const generated = path.join(root, 'src/generated');

const run = promisify(execFile);

/** Each variant is the same source with the constant RELAXED set one way or the other. */
const variants = {
  simd: ['--enable', 'simd', '--use', 'RELAXED=0', '--use', 'EMULATED=0'],
  relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd', '--use', 'RELAXED=1', '--use', 'EMULATED=0'],
  // The relaxed one on engines of another kind than this: only for tests.
  unsigned: ['--enable', 'simd', '--enable', 'relaxed-simd', '--use', 'RELAXED=1', '--use', 'EMULATED=1'],
  signed: ['--enable', 'simd', '--enable', 'relaxed-simd', '--use', 'RELAXED=1', '--use', 'EMULATED=2'],
};

// The memory is imported, with a maximum: the loader turns one bit of that import to share it between threads.
const flags = [
  ...['-O3', '--runtime', 'stub', '--noAssert', '--use', 'abort='],
  ...['--importMemory', '--noExportMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  // Vectors may go from one file to another: none goes to JavaScript.
  ...['--disableWarning', '112'],
];

/** The entries that have a part of the functions, each by its index in assembly/ and its folder in src/generated. */
export const parts = ['int8', 'inference'];

const outputs = [
  ...['simd.ts', 'relaxed.ts', 'exports.ts', 'constants.ts', 'worker.ts'],
  ...parts.flatMap((part) => ['simd.ts', 'relaxed.ts', 'exports.ts'].map((file) => `${part}/${file}`)),
];

const scripts = ['scripts/build-wasm.mjs', 'scripts/calls.mjs', 'scripts/delta.mjs'];

const assemblyFiles = () =>
  readdirSync(path.join(root, 'assembly'), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .sort();

/** What the outputs are made of: the worker's sources are the two files it consists of. */
function sources() {
  return [...assemblyFiles().map((file) => `assembly/${file}`), 'src/worker.ts', 'src/job.ts', ...scripts];
}

/** The text of each file of assembly/. */
export function assemblySources() {
  const text = (file) => readFileSync(path.join(root, 'assembly', file), 'utf8');
  return Object.fromEntries(assemblyFiles().map((file) => [file, text(file)]));
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

/** Compiles a variant, in a process of its own. Not among the outputs, which are published: a compilation may be cut short. */
async function compile(variant) {
  const folder = mkdtempSync(path.join(tmpdir(), 'octet-asc-'));
  const outFile = path.join(folder, `${variant}.wasm`);
  const compiler = path.join(root, 'node_modules/assemblyscript/bin/asc.js');
  const args = [compiler, 'assembly/index.ts', '--outFile', path.relative(root, outFile), ...flags];
  try {
    const { stderr } = await run(process.execPath, [...args, ...variants[variant]], { cwd: root });
    if (stderr) console.warn(stderr);
    return readFileSync(outFile);
  } catch ({ stderr }) {
    throw new Error(`the ${variant} variant did not compile\n${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws Error if the wasm's functions don't take as many arguments as the sources say: then calls would be wrong. */
function checkCalls(bytes, assembly) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  for (const { name, args } of readFunctions(assembly)) {
    if (exports[name]?.length === args.length + 3) continue;
    throw new Error(
      `${name} takes ${exports[name]?.length} arguments in wasm, ${args.length + 3} in assembly/`,
    );
  }
}

/** What cuts unused functions from wasm: the compiler's own library. */
async function loadBinaryen() {
  const compiler = realpathSync(path.join(root, 'node_modules/assemblyscript/package.json'));
  const { default: binaryen } = await import(pathToFileURL(createRequire(compiler).resolve('binaryen')).href);
  return binaryen;
}

/** The same wasm without the exports that aren't among `names`, and without what only they call. */
function cut(binaryen, bytes, names) {
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.All);
  for (const { name } of WebAssembly.Module.exports(new WebAssembly.Module(bytes))) {
    if (!names.includes(name)) module.removeExport(name);
  }
  module.runPasses(['remove-unused-module-elements']);
  const rest = module.emitBinary();
  module.dispose();
  return rest;
}

/** A module that carries bytes, deflated, as base64. */
function asText(bytes, what) {
  const text = deflateRawSync(bytes, { level: 9 }).toString('base64');
  return `/** ${what}: ${bytes.length} bytes, deflated. */\nexport default '${text}';`;
}

async function bundleWorker() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'src/worker.ts')],
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
  });
  return outputFiles[0].text.trim();
}

/** Brings src/generated up to date. @returns whether there was anything to do. */
export async function buildWasm({ force = false } = {}) {
  const stamp = currentStamp();
  if (!force && builtStamp() === stamp) return false;
  const write = (file, contents) => {
    // Each file appears whole, so that two builds at once can't leave half of one.
    const partial = path.join(generated, `${file}.${process.pid}`);
    writeFileSync(partial, contents);
    renameSync(partial, path.join(generated, file));
  };
  const writeText = (file, text) => write(file, `${stamp}\n${text}\n`);
  for (const folder of ['wasm', ...parts]) mkdirSync(path.join(generated, folder), { recursive: true });
  const [simd, relaxed] = await Promise.all([compile('simd'), compile('relaxed')]);
  write('wasm/simd.wasm', simd);
  write('wasm/relaxed.wasm', relaxed);
  const writeVariants = (folder, plain, other) => {
    writeText(`${folder}simd.ts`, asText(plain, 'The wasm'));
    writeText(
      `${folder}relaxed.ts`,
      asText(makeDelta(plain, other), 'What makes the relaxed variant of the simd one'),
    );
  };
  writeVariants('', simd, relaxed);
  const assembly = assemblySources();
  const binaryen = await loadBinaryen();
  for (const part of parts) {
    const names = exportedNames(assembly, `${part}.ts`);
    writeVariants(`${part}/`, cut(binaryen, simd, names), cut(binaryen, relaxed, names));
    writeText(`${part}/exports.ts`, partText(assembly, `${part}.ts`));
  }
  checkCalls(simd, assembly);
  writeText('exports.ts', callsText(assembly));
  writeText('constants.ts', constantsText(assembly['constants.ts']));
  writeText('worker.ts', `export default ${JSON.stringify(await bundleWorker())};`);
  return true;
}

/** The wasm for an engine that takes activations as `kind` says, whatever this one does. */
export async function emulatedWasm(kind) {
  // Not in src, which is published.
  const folder = path.join(root, 'node_modules/.cache/wasm');
  const file = path.join(folder, `${kind}.wasm`);
  const stampFile = `${file}.stamp`;
  mkdirSync(folder, { recursive: true });
  const stamp = currentStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return readFileSync(file);
  const bytes = await compile(kind);
  for (const [name, contents] of [
    [file, bytes],
    [stampFile, stamp],
  ]) {
    // Whole or not at all: another process may be reading.
    const partial = `${name}.${process.pid}`;
    writeFileSync(partial, contents);
    renameSync(partial, name);
  }
  return bytes;
}

export default async function setup() {
  await buildWasm();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const start = performance.now();
  const built = await buildWasm({ force: process.argv.includes('--force') });
  if (built) console.log(`wasm built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
