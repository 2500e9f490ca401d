import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { load, save } from '@octet/formats';
import { zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { fixture, runCli, temporaryFolder } from './run-cli';

const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
const tinyTutorial = ['tutorial', '--iterations', '1', '--batch', '1', '--size', '8', '--runs', '1'];
const tinyLayers = ['layers', '--model', 'digits', '--runs', '1'];
const tinyDigits = ['digits', '--train', '128', '--test', '20', '--epochs', '1', '--width', '0.25'];

test('tutorial: the tutorial’s line, and its numbers as JSON', async () => {
  const json = path.join(await temporaryFolder(), 'results', 'tutorial.json');
  const { code, stdout, stderr } = await runCli([...tinyTutorial, '--json', json]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /^Time consumption: fp32 [\d.]+ s, int8 [\d.]+ s, speedup [\d.]+ +\(1 x \[1, 3, 8, 8\]\)$/m,
  );
  expect(stderr.match(/plain observers/g)).toHaveLength(1);
  const positive = expect.toSatisfy((n: unknown) => typeof n === 'number' && n > 0);
  expect(await readJson(json)).toEqual({
    command: 'tutorial',
    date: expect.any(String),
    version: expect.any(String),
    backend: 'wasm-simd',
    threads: 1,
    fp32: { medianMs: positive },
    int8: { medianMs: positive },
    speedup: positive,
    bytes: { fp32: positive, fp32Prepared: positive, int8: positive },
    sqnrDb: positive,
    host: expect.objectContaining({ cpu: expect.any(String), cores: positive, node: expect.any(String) }),
  });
});

test.each([tinyTutorial, tinyLayers, tinyDigits])(
  '%s runs on a backend that can’t be read at once',
  async (...args) => {
    const backend = ['--backend', fixture('async-backend.mjs')];
    const { code, stderr } = await runCli([...args, ...backend], { cwd: await temporaryFolder() });
    expect(code, stderr).toBe(0);
  },
);

test('digits: a table, digits with their predictions, checkpoints and JSON; the same again for the same seed', async () => {
  const folder = await temporaryFolder();
  const run = async (name: string) => {
    const out = path.join(folder, name);
    const result = await runCli([...tinyDigits, '--out', out, '--json', `${out}.json`]);
    return { ...result, out, json: await readJson(`${out}.json`) };
  };
  const { code, stdout, stderr, out, json } = await run('a');
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^Training 2\/2 {2}epoch 1\/1 {2}loss [\d.]+ {2}[\d,]+ images\/s$/m);
  expect(stderr).not.toContain('\x1b');
  for (const label of ['float32', 'int8 \\(PTQ\\)', 'int8 \\(QAT\\)']) {
    expect(stdout).toMatch(new RegExp(`^${label} +[\\d.]+ % +[\\d.]+ kB +[\\d.,]+ ms$`, 'm'));
  }
  expect(stdout).toMatch(/^Time consumption: fp32 .*\(1,000 digits\)$/m);
  expect(stdout).toMatch(/[▀▄█]/);
  expect(stdout).toMatch(/int8 says \d/);
  const three = (value: unknown) => ({ fp32: value, ptqInt8: value, qatInt8: value });
  expect(json).toMatchObject({
    command: 'digits',
    backend: 'wasm-simd',
    accuracy: three(expect.any(Number)),
    bytes: three(expect.any(Number)),
    msPer1000: three(expect.any(Number)),
    trainSeconds: expect.any(Number),
    qatSeconds: expect.any(Number),
    train: 128,
    test: 20,
    width: 0.25,
    seed: 0,
    host: expect.any(Object),
  });
  const files = ['digits-fp32.safetensors', 'digits-int8-ptq.safetensors', 'digits-int8-qat.safetensors'];
  expect((await readdir(out)).sort()).toEqual(files);
  expect((await load(path.join(out, files[2])))['layers.0.0.weight'].dtype).toBe('qint8');

  const again = await run('b');
  expect(again.json.accuracy).toEqual(json.accuracy);
  for (const file of files) {
    expect(await readFile(path.join(again.out, file)), file).toEqual(await readFile(path.join(out, file)));
  }
});

describe('layers', () => {
  test('times every layer, and names its kernels', async () => {
    const json = path.join(await temporaryFolder(), 'layers.json');
    const { code, stdout, stderr } = await runCli([...tinyLayers, '--backend', 'js', '--json', json]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^layers\.0\.0 +78,400 .* conv2d · js +qconv2d · js$/m);
    expect(stdout).toMatch(/^layers\.4 .* add · js +qadd · js$/m);
    expect(stdout).toMatch(/^total +[\d,]+ /m);
    const { layers, ...rest } = await readJson(json);
    expect(rest).toMatchObject({
      command: 'layers',
      backend: 'js',
      model: 'digits',
      batch: 1,
      size: 28,
      runs: 1,
    });
    expect(layers[1]).toEqual({
      path: 'layers.0.0',
      type: 'QuantizedConvReLU2d',
      macs: 78_400,
      fp32: {
        medianMs: expect.any(Number),
        kernels: [{ kernel: 'conv2d', backend: 'js', fallback: false }],
      },
      int8: {
        medianMs: expect.any(Number),
        kernels: [{ kernel: 'qconv2d', backend: 'js', fallback: false }],
      },
      ratio: expect.any(Number),
    });
    const macs = layers.reduce((sum: number, layer: { macs: number }) => sum + layer.macs, 0);
    expect(macs).toBe(625_808);
  });

  test.each([
    ['m5', '8000', /^conv1 .* conv2d · js +qconv2d · js$/m],
    ['bert-tiny', '2', /^pooler\.dense .* linear · js +qlinearDynamic · js$/m],
  ])('times %s, which takes no images', async (model, size, row) => {
    const args = ['layers', '--model', model, '--size', size, '--runs', '1', '--backend', 'js'];
    const { code, stdout, stderr } = await runCli(args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(row);
  });

  test('runs on a backend from a TypeScript file, and shows its name', async () => {
    const { code, stdout, stderr } = await runCli([
      ...tinyLayers,
      '--backend',
      fixture('swapped-backend.ts'),
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^layers\.4 .* qadd · swapped$/m);
  });

  test('marks what fell back', async () => {
    const { code, stdout, stderr } = await runCli(
      [...tinyLayers, '--backend', './partial-backend.mjs', '--threads', '2'],
      { cwd: fixture('') },
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^layers\.0\.0 .* conv2d · partial-2 +qconv2d · partial-2$/m);
    expect(stdout).toMatch(/^layers\.4 .* add → js \(fallback\) +qadd → js \(fallback\)$/m);
  });

  test('skips float32 on a backend that has the int8 kernels only', async () => {
    const { code, stdout, stderr } = await runCli([...tinyLayers, '--backend', './int8-backend.mjs'], {
      cwd: fixture(''),
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^float32 was skipped on int8-only: it has no kernel '\w+'\.$/m);
    expect(stdout).toMatch(/^layers\.4 .* qadd · int8-only$/m);
  });

  test('runs on a backend from an installed package', async () => {
    const folder = await temporaryFolder();
    const installed = path.join(folder, 'node_modules', 'my-backend');
    await mkdir(installed, { recursive: true });
    await writeFile(
      path.join(installed, 'package.json'),
      '{ "name": "my-backend", "type": "module", "exports": { "import": "./index.js" } }',
    );
    await writeFile(
      path.join(installed, 'index.js'),
      `import { extendBackend } from '@octet/backend';
       import { referenceBackend } from '@octet/backend-js-reference';
       export default extendBackend(referenceBackend, { name: 'mine', kernels: {} });`,
    );
    const { code, stdout, stderr } = await runCli([...tinyLayers, '--backend', 'my-backend'], {
      cwd: folder,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/qconv2d · mine$/m);
  });
});

test('report: a page, and the same as JSON', async () => {
  const folder = await temporaryFolder();
  const [html, json] = ['page.html', 'page.json'].map((name) => path.join(folder, name));
  const { code, stdout, stderr } = await runCli([
    ...['report', '--model', 'tutorial', '--images', '1', '--no-sensitivity', '--backend', 'js'],
    ...['--size', '16', '--html', html, '--json', json],
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /^No verdict: the weights and data are random\.\nThe output has [\d.]+ dB\..* nothing is advised\.$/m,
  );
  expect(stdout).not.toMatch(/Not tried|prepareQat/);
  const page = await readFile(html, 'utf8');
  const { analysis, sensitivity, ...rest } = await readJson(json);
  expect(rest).toMatchObject({
    command: 'report',
    backend: 'js',
    model: 'tutorial',
    qengine: 'onednn',
    images: 1,
  });
  expect(sensitivity).toBeNull();
  expect(analysis.layers[0]).toMatchObject({ path: 'quant', int8Type: 'Quantize' });
  for (const { path: layer } of analysis.layers) expect(page).toContain(`id="layer-${layer}"`);
  expect((await readdir(folder)).sort()).toEqual(['page.html', 'page.json']);
});

const noMemory = /expected at most 67,108,864 numbers at once, found [\d,]+ ×/;

describe('a wrong command line ends with 2 and says what is allowed', () => {
  test.each([
    ['no command', [], /Usage: pnpm bench .*Commands:\n +tutorial\|seed .*\n.* digits .*\n.* layers /s],
    [
      'an unknown command',
      ['digit'],
      /unknown command 'digit'\n\(Did you mean digits\?\)\nSee pnpm bench --help\.\n$/,
    ],
    [
      'an unknown flag',
      ['digits', '--epoch', '1'],
      /^error: unknown option '--epoch'\n\(Did you mean --epochs\?\)\nSee pnpm bench digits --help\.\n$/,
    ],
    [
      'a number out of range',
      ['tutorial', '--batch', '0'],
      /'--batch <n>' argument '0' is invalid\. .*whole number >= 1/,
    ],
    [
      'no number',
      ['digits', '--width', 'wide'],
      /argument 'wide' is invalid\. It must be a number from 0\.1 to 8/,
    ],
    ['too many digits', ['digits', '--train', '9000'], /--train and --test: expected at most 10000 together/],
    [
      'an unknown model',
      ['layers', '--model', 'vgg'],
      /Allowed are tutorial, mobilenetv2, resnet18, resnet34, .*digits/,
    ],
    [
      'an unknown network among several',
      ['peers', '--models', 'tutorial,vgg'],
      /Allowed are tutorial, mobilenetv2, resnet18, mlp/,
    ],
    [
      'an unknown backend',
      ['tutorial', '--backend', 'cuda'],
      /--backend: expected wasm, webgpu, js, or the path or package name of a module/,
    ],
    [
      'a path to nothing',
      ['tutorial', '--backend', './nothing.js'],
      /found '\.\/nothing\.js': Cannot find module/,
    ],
    [
      'a module without a backend',
      ['tutorial', '--backend', fixture('no-backend.mjs')],
      /expected one backend, .* found version/,
    ],
    [
      'threads that are not there',
      ['tutorial', '--backend', 'js', '--threads', '2'],
      /backend 'js' has one thread, found 2/,
    ],
    [
      'a folder for the page',
      ['report', '--model', 'tutorial', '--html', '.'],
      /--html: expected the path of a file/,
    ],
    [
      'weights that are not there',
      ['report', '--model', 'digits', '--checkpoint', 'nothing.safetensors'],
      /nothing\.safetensors, which can't be read/,
    ],
    [
      'more threads than any machine has',
      ['tutorial', '--threads', '1000000000'],
      /whole number from 1 to 64/,
    ],
    ['images that no memory holds', ['tutorial', '--batch', '1000000000'], noMemory],
    ['the same of layers', ['layers', '--model', 'digits', '--size', '1000000'], noMemory],
    ['the same of train', ['train', '--batch', '1000000000'], noMemory],
    ['the same of report', ['report', '--model', 'tutorial', '--size', '1000000'], noMemory],
    ['the same of peers', ['peers', '--models', 'tutorial', '--batch', '1000000000'], noMemory],
    ['matrices that no memory holds', ['gemm', '--k', '1000000000'], noMemory],
    [
      'weights that are not there, for cold',
      ['cold', '--checkpoint', 'nothing.safetensors'],
      /nothing\.safetensors, which can't be read/,
    ],
    ['a folder for weights', ['cold', '--checkpoint', '.'], /\., which can't be read/],
    [
      'remedies for random weights',
      ['report', '--model', 'mobilenetv2', '--try'],
      /--try: expected a trained network and real data, found random weights/,
    ],
    ['a folder for the JSON', ['tutorial', '--json', '.'], /--json: expected the path of a file/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });
});

test('--help is no error', async () => {
  const { code, stdout } = await runCli(['digits', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('--epochs <n>');
});

test('Ctrl-C ends with 130 and leaves no file', async () => {
  const folder = await temporaryFolder();
  const files = ['--out', path.join(folder, 'checkpoints'), '--json', path.join(folder, 'digits.json')];
  let pressed = 0;
  const { code, stdout } = await runCli(['digits', '--train', '640', '--epochs', '500', ...files], {
    onOutput(_, child) {
      if (pressed++ === 0) setTimeout(() => child.kill('SIGINT'), 1000);
    },
  });
  expect(code).toBe(130);
  expect(stdout).toMatch(/^Digits .*\n$/);
  expect(await readdir(folder)).toEqual([]);
});

describe('what went wrong is said in one line, without a stack', () => {
  const wrongFile = path.join(import.meta.dirname, 'cli.test.ts');

  test.each([
    ['cold', ['cold', '--runs', '1', '--checkpoint', wrongFile], /^error: safetensors: /],
    ['report', ['report', '--model', 'digits', '--checkpoint', wrongFile], /^error: safetensors: /m],
    [
      'a document that is not there',
      ['tables', '--into', path.join('nowhere', 'page.md'), fixture('gemm.json')],
      /^error: ENOENT: no such file or directory.*page\.md/m,
    ],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: await temporaryFolder() });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('a checkpoint of another network', async () => {
    const file = path.join(await temporaryFolder(), 'other.safetensors');
    await save({ a: zeros([1]) }, file);
    const { code, stderr } = await runCli(['cold', '--runs', '1', '--checkpoint', file]);
    expect(stderr).toMatch(/^error: \S*loadStateDict/);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(1);
  });
});

test('--version', async () => {
  const { code, stdout } = await runCli(['--version']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test('compare ends with 1 if a backend did not run, unless that is allowed', async () => {
  const args = [
    'compare',
    '--model',
    'digits',
    '--runs',
    '1',
    '--backends',
    `wasm,${fixture('failing-backend.mjs')}`,
  ];
  const { code, stdout, stderr } = await runCli(args);
  expect(stdout).toMatch(/failing-backend\.mjs did not run: no such device/);
  expect(stderr).toMatch(
    /^error: compare: expected all of wasm, .* to run, found that .*failing-backend\.mjs did not/m,
  );
  expect(code).toBe(1);
  expect((await runCli([...args, '--allow-absent'])).code).toBe(0);
});

test('Ctrl-C in peers while it writes its files ends with 130, and they are gone', async () => {
  const folder = await temporaryFolder();
  let press = () => {};
  const watcher = setInterval(async () => {
    // What was listed may be gone when it is read.
    const [made] = await readdir(folder);
    const files = made ? await readdir(path.join(folder, made)).catch(() => []) : [];
    if (files.length === 0) return;
    press();
    // A second time would end it at once.
    press = () => {};
  }, 5);
  const { code, stdout, stderr } = await runCli(['peers', '--models', 'tutorial', '--engines', 'octet'], {
    env: { TMPDIR: folder },
    onStart(child) {
      press = () => child.kill('SIGINT');
    },
  });
  clearInterval(watcher);
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  expect(stderr).not.toMatch(/AbortError|^ +at /m);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ['layers', tinyLayers],
  ['gemm', ['gemm', '--k', '8', '--side', '4', '--columns', '8', '--ms', '1']],
  ['recurrent', ['recurrent', '--steps', '2', '--size', '4', '--runs', '1']],
  ['pytorch', ['pytorch', '--only', '^relu ', '--rounds', '1']],
])('%s says in its JSON when, and with which version', async (_, args) => {
  const json = path.join(await temporaryFolder(), 'a.json');
  await runCli([...args, '--json', json]);
  const { date, version } = await readJson(json);
  expect(new Date(date).toISOString()).toBe(date);
  expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(600_000);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
  const { stdout } = await runCli(['tables', json]);
  expect(stdout).toContain(`Octet ${version}, ${date.slice(0, 10)}.`);
});
