import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { serializeSafetensors } from '@octet/formats';
import { Conv2d, Flatten, Linear, LogSoftmax, ReLU, Sequential } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import { measure } from '../src/onnx/measure';
import { runCli, temporaryFolder } from './run-cli';

test('measure: signal to noise, and the task of a model of a known name', () => {
  const out = (...values: number[]) => ({ y: { shape: [1, 3], data: Float32Array.from(values) } });
  const ref = [out(1, 2, 3), out(9, 0, 0)];
  expect(measure('digits', ref, [out(1, 2, 3), out(0, 9, 0)])).toEqual({
    sqnrDb: { y: Number((10 * Math.log10(95 / 162)).toFixed(2)) },
    task: { 'same label': 0.5 },
  });
  expect(measure('unknown', ref, ref)).toEqual({ sqnrDb: { y: Number.POSITIVE_INFINITY }, task: {} });
});

test('onnx: a folder of models, in float and int8, beside onnxruntime', async () => {
  manualSeed(1);
  const dir = await temporaryFolder();
  mkdirSync(path.join(dir, 'models'));
  mkdirSync(path.join(dir, 'data'));
  const model = new Sequential(
    new Conv2d(1, 4, 3),
    new ReLU(),
    new Flatten(),
    new Linear(16, 3),
    new LogSoftmax(1),
  ).eval();
  const x = randn([2, 1, 4, 4]);
  writeFileSync(path.join(dir, 'models/digits.onnx'), await exportOnnx(model, x));
  const set = (which: string, tensors: Record<string, Tensor>) =>
    writeFileSync(
      path.join(dir, `data/digits.${which}.safetensors.gz`),
      gzipSync(serializeSafetensors(tensors)),
    );
  set('calibration', { '0.in.input': x });
  set('evaluation', { '0.in.input': x, '0.out.output': noGrad(() => model.call(x)) });
  const json = path.join(dir, 'onnx.json');
  const { code, stdout, stderr } = await runCli(
    ['onnx', '--dir', dir, '--runs', '1', '--json', json].concat([
      '--quantize',
      '--target',
      '99',
      '--budget',
      '2',
    ]),
  );
  expect(code, stderr).toBe(0);
  const report = JSON.parse(readFileSync(json, 'utf8'));
  expect(report).toMatchObject({
    command: 'onnx',
    backend: 'wasm-simd',
    runs: 1,
    host: { cpu: expect.any(String) },
  });
  const row = (variant: string, engine: string) =>
    report.rows.find(
      (r: { variant: string; engine: string }) => r.variant === variant && r.engine === engine,
    );
  expect(report.failures).toEqual([]);
  expect(row('quantized', 'octet').cures.map(({ cure }: { cure: string }) => cure)).toContain('ranges');
  expect(row('int8', 'octet').cures.map(({ cure }: { cure: string }) => cure)).toEqual([
    'ranges',
    'equalize',
  ]);
  expect(stdout).toContain('digits, with a target in');
  for (const variant of ['float', 'int8', 'dynamic', 'quantized']) {
    for (const engine of ['octet', 'octet-plan']) {
      expect(row(variant, engine)).toMatchObject({
        model: 'digits',
        medianMs: expect.any(Number),
        bytes: expect.any(Number),
        task: { 'same label': 1 },
      });
    }
  }
  const summary = await runCli(['tables', json]);
  expect(summary.stdout).toMatch(/^\| by default \|.*\n.*\n\| digits \| [\d.]+ \| [\d.]+ \| [\d.]+ × \| /m);
  expect(summary.stdout).toMatch(/^\| with a target \|/m);
  expect(row('float', 'octet').sqnrDb.output).toBeGreaterThan(100);
  expect(row('int8', 'octet').sqnrDb.output).toBeGreaterThan(20);
  expect(row('int8', 'octet').leftInFloat).toEqual([expect.stringContaining('LogSoftmax')]);
  expect(row('float', 'onnxruntime-web') ?? report.failures).toBeTruthy();
  expect(stdout).toMatch(/digits +int8 +octet-plan/);
}, 60_000);

test('onnx: a folder without models', async () => {
  const { code, stderr } = await runCli(['onnx', '--dir', await temporaryFolder()]);
  expect(code).toBe(2);
  expect(stderr).toContain('models/NAME.onnx');
});
