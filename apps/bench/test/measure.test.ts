import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromiumPath } from '@octet/web/chromium';
import { describe, expect, test } from 'vitest';
import { gemmTables } from '../src/commands/gemm';
import { layerCases } from '../src/pytorch/cases';
import { fixture, runCli, temporaryFolder } from './run-cli';

const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
const positive = expect.toSatisfy((n: unknown) => typeof n === 'number' && n > 0);
const host = expect.objectContaining({ cpu: expect.any(String) });
const made = {
  date: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
  version: expect.stringMatching(/^\d+\./),
};

/** The command with its JSON. */
async function run(args: readonly string[], options?: Parameters<typeof runCli>[1]) {
  const json = path.join(await temporaryFolder(), `${args[0]}.json`);
  const { code, stdout, stderr } = await runCli([...args, '--json', json], options);
  expect(code, stderr).toBe(0);
  return { stdout, json, report: await readJson(json) };
}

describe('peers', () => {
  const tiny = ['peers', '--rounds', '1', '--ms', '1', '--batch', '1', '--size', '8'];

  test('every engine that is there runs the same network, in both dtypes', async () => {
    const { stdout, report } = await run([...tiny, '--models', 'seed,tutorial']);
    expect(report).toMatchObject({ command: 'peers', rounds: 1, qengine: 'onednn', host });
    const of = (engine: string) => report.rows.filter((row: { engine: string }) => row.engine === engine);
    expect(of('octet').map((row: { dtype: string }) => row.dtype)).toEqual(['float32', 'int8']);
    expect(of('octet')[0]).toEqual({
      model: 'tutorial',
      inputShape: [1, 3, 8, 8],
      engine: 'octet',
      version: expect.stringContaining('simd'),
      dtype: 'float32',
      threads: 1,
      medianMs: positive,
      minMs: positive,
      gmacs: positive,
      macs: positive,
      runs: positive,
      // Of three.
      roundsLeftOut: expect.toSatisfy((n: unknown) => n === 0 || n === 1 || n === 2),
      correlation: 1,
    });
    const peers = report.rows.filter((row: { engine: string }) => row.engine !== 'octet');
    for (const { engine, dtype, correlation } of peers) {
      expect(correlation, `${engine} ${dtype}`).toBeGreaterThan(0.99);
      expect(report.ratios).toContainEqual({
        model: 'tutorial',
        dtype,
        threads: 1,
        over: engine,
        ratio: positive,
      });
      expect(stdout).toMatch(
        new RegExp(`^tutorial \\[1, 3, 8, 8\\] +${engine} +${dtype} +1 .* × +[\\d.]+$`, 'm'),
      );
    }
    expect(report.ratios).toContainEqual({
      model: 'tutorial',
      dtype: 'int8',
      threads: 1,
      over: 'float32',
      ratio: positive,
    });
    // What isn't among the rows is reported.
    expect(peers.length + report.absent.length).toBe(9);
    expect(stdout).toContain('litert.js did not run tutorial in int8 on one thread: it runs in pages alone');
  });

  test('an engine that is not installed is reported; one without threads too', async () => {
    const { stdout, report } = await run(
      [...tiny, '--models', 'mlp', '--engines', 'octet,tfjs', '--threads', '1,2'],
      { env: { NODE_OPTIONS: `--import ${pathToFileURL(fixture('no-tfjs.mjs'))}` } },
    );
    expect(
      report.rows.map(({ engine, dtype, threads }: Record<string, unknown>) => [engine, dtype, threads]),
    ).toEqual([
      ['octet', 'float32', 1],
      ['octet', 'int8', 1],
      ['octet', 'float32', 2],
      ['octet', 'int8', 2],
    ]);
    expect(report.ratios).toContainEqual({
      model: 'mlp',
      dtype: 'int8',
      threads: 2,
      over: 'one thread',
      ratio: positive,
    });
    expect(stdout).toContain(
      "tfjs did not run mlp in float32 on one thread: Cannot find package '@tensorflow/tfjs-core'",
    );
    expect(stdout).toContain('tfjs did not run mlp in float32 on 2 threads: it takes one thread in Node');
  });

  test('engines that have no WebGPU are reported', async () => {
    const only = ['--models', 'mlp', '--engines', 'tfjs,onnxruntime-node', '--platform', 'webgpu'];
    const { stdout, report } = await run([...tiny, ...only]);
    expect(report).toMatchObject({ platform: 'webgpu', rows: [] });
    expect(report.absent).toHaveLength(3);
    expect(stdout).toContain('tfjs did not run mlp in float32 on one thread: it has no WebGPU in Node');
  });
});

describe('peers in pages', { timeout: 180_000 }, () => {
  const tiny = [
    'peers',
    '--platform',
    'browser',
    '--rounds',
    '1',
    '--ms',
    '1',
    '--batch',
    '1',
    '--size',
    '8',
  ];

  test.skipIf(chromiumPath === undefined)(
    'engines of one thread share a page; what did not run is said',
    async () => {
      const folder = await temporaryFolder();
      // No network, which LiteRT.js says once it has been loaded.
      await writeFile(path.join(folder, 'seed_b1_f32.tflite'), 'nothing');
      const { stdout, report } = await run([...tiny, '--models', 'tutorial', '--tflite', folder]);
      expect(report).toMatchObject({
        platform: 'browser',
        host: { browser: expect.stringMatching(/^Chromium \d/) },
      });
      const rows = report.rows.map(({ engine, dtype }: Record<string, unknown>) => `${engine} ${dtype}`);
      expect(rows).toEqual(
        expect.arrayContaining(['octet float32', 'octet int8', 'onnxruntime-web int8', 'tfjs float32']),
      );
      for (const { engine, dtype, correlation } of report.rows) {
        if (engine !== 'octet') expect(correlation, `${engine} ${dtype}`).toBeGreaterThan(0.99);
      }
      expect(stdout).toMatch(/^litert\.js did not run tutorial in float32 on one thread: .*model/im);
      expect(stdout).toMatch(
        /^litert\.js did not run tutorial in int8 .*: there is no file .*seed_b1_i8f\.tflite$/m,
      );
      expect(stdout).toContain(
        'onnxruntime-node did not run tutorial in float32 on one thread: it is native code',
      );
    },
  );

  test.skipIf(chromiumPath === undefined)('two threads, each engine in a page of its own', async () => {
    const args = [...tiny, '--models', 'mlp', '--threads', '2'];
    const { stdout, report } = await run(args);
    const rows = report.rows.map(
      ({ engine, dtype, threads }: Record<string, unknown>) => `${engine} ${dtype} ${threads}`,
    );
    expect(rows).toEqual(
      expect.arrayContaining(['octet int8 2', 'onnxruntime-web int8 2', 'tfjs float32 2']),
    );
    expect(stdout).toContain(
      'litert.js did not run mlp in int8 on 2 threads: litert.js: expected a folder of .tflite files',
    );
  });

  test('without Chromium it says what to install', async () => {
    const { code, stderr } = await runCli(tiny, { env: { CHROMIUM: '/nothing' } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/--platform browser: expected Chromium or Chrome, found none.*apt-get/);
  });
});

test('train: a step in float and one with quantization simulated', async () => {
  const args = ['train', '--model', 'digits', '--batch', '2', '--runs', '2', '--threads', '2'];
  const { stdout, report } = await run(args);
  const step = { medianMs: positive, minMs: positive };
  expect(report).toEqual({
    command: 'train',
    ...made,
    backend: 'wasm-simd',
    threads: 2,
    model: 'digits',
    batch: 2,
    size: 28,
    runs: 2,
    fp32: step,
    qat: step,
    ratio: report.qat.medianMs / report.fp32.medianMs,
    host,
  });
  expect(stdout).toMatch(/^QAT +[\d.]+ +[\d.]+ +[\d.]+$/m);
});

test('gemm: each kernel, and against the ceiling of its inner loop', async () => {
  const { stdout, report } = await run([
    'gemm',
    '--k',
    '16,24',
    '--side',
    '4',
    '--columns',
    '8',
    '--ms',
    '1',
  ]);
  expect(report).toMatchObject({ command: 'gemm', backend: 'wasm-simd', threads: 1, host });
  expect(report.rows).toHaveLength(22);
  expect(report.rows[0]).toEqual({
    kernel: 'matmul',
    input: 'float32',
    rows: 16,
    k: 16,
    columns: 8,
    medianMs: positive,
    minMs: positive,
    gmacs: positive,
    ceiling: positive,
  });
  const known = report.rows.map((row: object, i: number) => ({
    ...row,
    gmacs: 9,
    ceiling: i === 0 ? 45 : null,
  }));
  const [{ columns, rows }] = gemmTables({ ...report, rows: known });
  expect(columns.slice(-2).map(({ title }) => title)).toEqual(['ceiling', 'of it']);
  expect(rows[0].slice(-2)).toEqual(['45.0', '20 %']);
  expect(rows[1].slice(-2)).toEqual(['', '']);
  expect(stdout).toMatch(/^qconv2d 1×1 +8 bits +16 +24 +8 /m);
  expect(stdout).toMatch(/ %$/m);
  const depthwise = report.rows.filter(({ kernel }: { kernel: string }) => kernel.includes('depthwise'));
  for (const { ceiling } of depthwise) expect(ceiling).toBeNull();
});

test('recurrent: LSTM and GRU, in both dtypes', async () => {
  const sizes = ['--steps', '3', '--layers', '2', '--size', '4', '--batch', '2', '--runs', '2'];
  const { stdout, report } = await run(['recurrent', ...sizes]);
  expect(report).toMatchObject({
    ...{ command: 'recurrent', backend: 'wasm-simd', threads: 1, host },
    ...{ steps: 3, layers: 2, size: 4, batch: 2, runs: 2 },
  });
  const times = { medianMs: positive, minMs: positive };
  expect(report.rows).toEqual(
    ['LSTM', 'GRU'].flatMap((network) => ['float32', 'int8'].map((dtype) => ({ network, dtype, ...times }))),
  );
  expect(stdout).toMatch(/^3 steps, 2 layers of 4, batch 2 · wasm-simd, 1 thread /m);
  expect(stdout).toMatch(/^GRU +int8 +[\d.]+ +[\d.]+$/m);
});

test('pytorch: the layers asked for, in every dtype,', async () => {
  const only = ['--only', '^(relu|embedding|LSTM)', '--rounds', '1'];
  const alone = await run(['pytorch', ...only]);
  expect(alone.report).toMatchObject({ command: 'pytorch', backend: 'wasm-simd', pytorch: null, host });
  const rows = alone.report.rows.map(
    ({ layer, dtype }: Record<string, string>) => `${layer.split(' ')[0]} ${dtype}`,
  );
  expect(rows).toEqual([
    ...['relu float32', 'relu int8', 'relu6 float32', 'relu6 int8'],
    ...['embedding float32', 'embedding int8 weights', 'embedding int4 weights'],
    ...['LSTM float32', 'LSTM dynamic'],
  ]);
  for (const { octetMs, pytorchMs } of alone.report.rows)
    expect([octetMs, pytorchMs]).toEqual([positive, null]);
});

test('pytorch: both programs have the same layers', async () => {
  const program = await readFile(path.join(import.meta.dirname, '../scripts/pytorch-layers.py'), 'utf8');
  const [, list] = program.split('\nCASES = {\n');
  const names = [...list.split('\n}\n')[0].matchAll(/^ {4}'(.+?)': /gm)].map(([, name]) => name);
  expect(names).toEqual(Object.keys(layerCases()));
});

test('pytorch: a program without PyTorch is an error of usage', async () => {
  const { code, stderr } = await runCli([
    'pytorch',
    '--only',
    '^relu ',
    '--rounds',
    '1',
    '--python',
    'false',
  ]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--python: expected false with PyTorch/);
});

test('gemm: a GPU at sizes of its own, in operations a second', async ({ skip }) => {
  const args = ['gemm', '--backend', 'webgpu', '--size', '7', '--ms', '1'];
  const { code, stdout, stderr } = await runCli(args);
  if (stderr.includes('found no adapter') && !process.env.CI)
    skip('there is no GPU, not even a software one');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^kernel .* TOP\/s or TFLOP\/s$/m);
  expect(stdout.match(/^\S.* (8 bits|7 bits|float32) +7 +7 +7 +[\d.]+ +[\d.]+ +[\d.e-]+$/gm)).toHaveLength(9);
  if (stderr.includes('software')) expect(stderr).toContain('say nothing about a real one');
});

describe('cold', () => {
  test('each phase of a new process', async () => {
    const { stdout, report } = await run(['cold', '--runs', '1']);
    expect(report).toEqual({
      command: 'cold',
      ...made,
      threads: 1,
      runs: 1,
      ms: { node: positive, import: positive, instantiate: positive, load: positive, run: positive },
      totalMs: positive,
      host,
    });
    expect(stdout).toMatch(/^total +[\d.]+$/m);
  });

  test('a checkpoint that is none ends it with the reason', async () => {
    const { code, stderr } = await runCli(['cold', '--checkpoint', fixture('no-tfjs.mjs')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: safetensors: .*\n$/);
    const none = await runCli(['cold', '--checkpoint', 'nothing.safetensors']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("nothing.safetensors, which can't be read");
  });
});

describe('tables', () => {
  test('shows results as Markdown, puts them into a document, or makes a page', async () => {
    const { json, report } = await run(['train', '--model', 'digits', '--batch', '1', '--runs', '1']);
    const row = `| float32 | ${report.fp32.medianMs.toFixed(1)} | ${report.fp32.minMs.toFixed(1)} |  |`;
    const { stdout } = await runCli(['tables', json]);
    expect(stdout).toContain(`\n| --- | ---: | ---: | ---: |\n${row}\n`);
    expect(stdout).toContain(report.host.cpu);

    const document = path.join(path.dirname(json), 'figures.md');
    await writeFile(document, '# Figures\n\n<!-- bench train -->old<!-- /bench -->\n\nend\n');
    const { code, stderr } = await runCli(['tables', json, '--into', document]);
    expect(code, stderr).toBe(0);
    const text = await readFile(document, 'utf8');
    expect(text).toMatch(
      /^# Figures\n\n<!-- bench train -->\n\n\| a step [\s\S]*\.\n\n<!-- \/bench -->\n\nend\n$/,
    );
    expect(text).toContain(row);
    expect(text).not.toContain('old');

    const page = path.join(path.dirname(json), 'page.html');
    expect(await runCli(['tables', json, '--html', page])).toMatchObject({ code: 0, stdout: '' });
    const html = await readFile(page, 'utf8');
    expect(html).toContain(`<td>${report.fp32.medianMs.toFixed(1)}</td>`);
    expect(html).toContain(report.host.cpu);
  });

  test('refuses what it has no table or no place for', async () => {
    const folder = await temporaryFolder();
    const file = (name: string) => path.join(folder, name);
    await writeFile(file('tutorial.json'), '{ "command": "tutorial" }');
    await writeFile(
      file('cold.json'),
      JSON.stringify({
        command: 'cold',
        ms: { import: 1, instantiate: 1, load: 1, run: 1, node: 1 },
        totalMs: 4,
        host: {},
      }),
    );
    await writeFile(file('figures.md'), '<!-- bench train --><!-- /bench -->');
    for (const [args, message] of [
      [[file('tutorial.json')], 'tutorial.json: that of tutorial'],
      [[file('cold.json'), '--into', file('figures.md')], "expected a place for 'cold'"],
    ] as const) {
      const { code, stderr } = await runCli(['tables', ...args]);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
  });
});
