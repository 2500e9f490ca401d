import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { referenceBackend } from '@octet/backend-js-reference';
import { Interrupted, UsageError } from '@octet/cli/errors';
import { tensor, zeros } from '@octet/tensor';
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { loadBackend } from '../src/backends';
import { microKernelOf } from '../src/commands/gemm';
import { layersTables } from '../src/commands/layers';
import { digitsPerLine, drawDigits } from '../src/digits/draw';
import { formatBytes, formatMs, formatPercent, timeConsumption } from '../src/format';
import { measureCeiling, microKernel } from '../src/gemm/micro-kernels';
import { hostInfo } from '../src/host';
import { number, whole } from '../src/options';
import { startProgress, withProgress } from '../src/progress';
import { checkFilePath, writeJson } from '../src/result-file';
import { sqnrDb } from '../src/sqnr';
import { formatTable } from '../src/terminal-table';
import { median, timeInTurn, timeRuns } from '../src/timing';
import { temporaryFolder } from './run-cli';

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test('timeRuns leaves the first run out, and waits for the backend', async () => {
  const log: string[] = [];
  const backend = Object.assign(Object.create(referenceBackend), {
    async sync() {
      log.push('sync');
    },
  });
  const times = await timeRuns(() => log.push('run'), {
    runs: 2,
    backend,
    onRun: (done) => log.push(`done ${done}`),
  });
  expect(times).toHaveLength(2);
  expect(log).toEqual(['run', 'sync', 'run', 'sync', 'done 1', 'run', 'sync', 'done 2']);
});

test('numbers for people', () => {
  expect(formatBytes(42_584)).toBe('42.6 kB');
  expect(formatBytes(3_504_872)).toBe('3.50 MB');
  expect(formatMs(1.234)).toBe('1.23 ms');
  expect(formatMs(1234.5)).toBe('1,235 ms');
  expect(formatPercent(0.974)).toBe('97.40 %');
  expect(timeConsumption(3410, 1720, '10 x')).toBe(
    'Time consumption: fp32 3.41 s, int8 1.72 s, speedup 1.98     (10 x)',
  );
});

test('sqnrDb', async () => {
  expect(await sqnrDb(tensor([3, 4]), tensor([3, 4.5]))).toBeCloseTo(20, 10);
});

test('number options', () => {
  expect(whole({ min: 1 })('12')).toBe(12);
  expect(number({ min: 0.1, max: 8 })('0.5')).toBe(0.5);
  for (const text of ['', ' ', '1.5', '-1', 'x', '0x', 'Infinity', 'NaN']) {
    expect(() => whole()(text), text).toThrow(InvalidArgumentError);
  }
});

test('tables align and have no trailing spaces', () => {
  const text = formatTable(
    [{ title: 'a' }, { title: 'count', align: 'right' }],
    [
      ['x', '1'],
      ['long', ''],
    ],
  );
  // Colours depend on the environment: CI has them on.
  expect(stripVTControlCharacters(text)).toBe('a     count\nx         1\nlong');
});

test('tables leave spare columns out where the terminal is narrow, and say so', () => {
  const columns = [{ title: 'a' }, { title: 'bbbb', spare: 2 }, { title: 'cccc', spare: 1 }, { title: 'd' }];
  const table = (width?: number) =>
    stripVTControlCharacters(formatTable(columns, [['1', '2', '3', '4']], width));
  expect(table(80)).toBe('a  bbbb  cccc  d\n1  2     3     4');
  expect(table(16)).toBe(table(80));
  expect(table(15)).toBe('a  bbbb  d\n1  2     4\nnot shown, for the width: cccc');
  expect(table(9)).toBe('a  d\n1  4\nnot shown, for the width: bbbb, cccc');
});

test('layers of MobileNetV2 fit 80 columns', () => {
  const side = { medianMs: 123.456, kernels: [{ kernel: 'qconv2d', backend: 'wasm-simd', fallback: false }] };
  const layer = {
    path: 'features.17.conv.0.0',
    type: 'x',
    macs: 10_838_016,
    fp32: side,
    int8: side,
    ratio: 1,
  };
  const [{ columns, rows }] = layersTables({ layers: [layer] } as never);
  const lines = stripVTControlCharacters(formatTable(columns, rows, 80)).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.at(-1)).toMatch(/^not shown, for the width: .*fp32 kernels, int8 kernels$/);
});

test('ceilings are those of the loops that the backend runs', () => {
  expect(microKernelOf('float32', 'relaxed simd', 'seven')).toBe('float fma');
  expect(microKernelOf('float32', 'simd', 'exact')).toBe('float');
  for (const loop of ['int8', '7-bit'] as const) {
    expect(microKernelOf(loop, 'relaxed simd', 'unsigned')).toBe('one instruction');
    expect(microKernelOf(loop, 'relaxed simd', 'signed')).toBe('one instruction');
    expect(microKernelOf(loop, 'relaxed simd', 'exact')).toBe('exact');
    expect(microKernelOf(loop, 'relaxed simd', 'seven')).toBe(loop === 'int8' ? 'exact' : 'seven');
    expect(microKernelOf(loop, undefined, undefined)).toBeNull();
  }
  expect(microKernelOf('depthwise', 'relaxed simd', 'seven')).toBeNull();
});

test('bare loops multiply and add', () => {
  for (const kernel of ['float fma', 'float', 'exact', 'seven', 'one instruction'] as const) {
    expect(measureCeiling(kernel, 5), kernel).toBeGreaterThan(0.1);
    const loop = microKernel(kernel);
    if (!loop) throw new Error(`no ${kernel} here`);
    // Ones of the kind that it multiplies.
    const { buffer } = loop.memory;
    if (kernel.startsWith('float')) new Float32Array(buffer).fill(1);
    else if (kernel === 'exact') new Int16Array(buffer).fill(1);
    else new Int8Array(buffer).fill(1);
    loop.run(3);
    const sums = new (kernel.startsWith('float') ? Float32Array : Int32Array)(buffer, 0, loop.sums);
    expect([...sums], kernel).toEqual(new Array(loop.sums).fill(3 * loop.macs));
  }
});

test('timeInTurn runs all of them in turn', async () => {
  const log: string[] = [];
  const times = await timeInTurn([() => log.push('a'), () => log.push('b')], {
    runs: 2,
    backend: referenceBackend,
    onRun: (done) => log.push(`${done}`),
  });
  expect(log.join('')).toBe('abab1ab2');
  expect(times.map((ms) => ms.length)).toEqual([2, 2]);
});

test('digits are drawn side by side', async () => {
  const image = zeros([1, 28, 28]);
  image.slice(1, 10, 12).slice(2, 10, 12).fill_(1);
  const drawing = await drawDigits(
    [
      { image, label: 1 },
      { image, label: 2 },
    ],
    [1, 7],
  );
  expect(drawing).toContain('int8 says 1');
  expect(drawing).toContain('int8 says 7, not 2');
  expect(drawing.split('\n')).toHaveLength(13);
  expect(drawing.match(/▄▄/g)).toHaveLength(2);
  expect(drawing.match(/▀▀/g)).toHaveLength(2);
  expect([digitsPerLine(80), digitsPerLine(10)]).toEqual([3, 1]);
});

test('host', () => {
  expect(hostInfo()).toMatchObject({ cores: expect.any(Number), node: process.versions.node });
});

describe('progress', () => {
  const stream = () => {
    const written: string[] = [];
    return { written, isTTY: false, write: (text: string) => written.push(text) };
  };

  test('without a terminal: the last line at once, others seldom', () => {
    const to = stream();
    const progress = startProgress('Training  ', 1000, to as never);
    for (let i = 1; i <= 1000; i++) progress.update(i, `loss ${i}`);
    expect(to.written).toEqual(['Training 1,000/1,000  loss 1000\n']);
  });

  test('never shows more than all, also where the total changes', () => {
    const to = stream();
    const progress = startProgress('Sensitivity', 2, to as never);
    progress.update(3, 'a', 3);
    progress.update(5, 'b', 4);
    progress.update(4, '', 4);
    expect(to.written).toEqual(['Sensitivity 3/3  a\n', 'Sensitivity 4/4  b\n']);
  });

  test('on a terminal the bar follows the total', async () => {
    const written: string[] = [];
    const to = {
      isTTY: true,
      columns: 80,
      write: (text: string) => written.push(text),
      on() {},
      removeListener() {},
      emit() {},
    };
    const progress = startProgress('x', 2, to as never);
    progress.update(2, 'half', 4);
    progress.stop();
    expect(written.join('')).toMatch(/█{12}░{12} {2}half/);
    expect(written.join('')).not.toMatch(/█{24}/);
  });

  test('withProgress measures, and hands failures on', async () => {
    const { result, seconds } = await withProgress('x', async () => 7);
    expect(result).toBe(7);
    expect(seconds).toBeGreaterThanOrEqual(0);
    await expect(withProgress('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('JSON files', () => {
  test('appear whole, in folders that are made', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'a', 'b.json');
    await checkFilePath(file);
    await writeJson(file, { a: 1 });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ a: 1 });
    expect(await readdir(path.dirname(file))).toEqual(['b.json']);
  });

  test('leave nothing behind when they fail', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'taken'));
    await writeFile(path.join(folder, 'taken', 'x'), '');
    await expect(writeJson(path.join(folder, 'taken'), {})).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['taken']);
  });

  test('paths that cannot be are refused before the work', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'file'), '');
    await expect(checkFilePath(folder)).rejects.toThrow(UsageError);
    await expect(checkFilePath(path.join(folder, 'file', 'x.json'))).rejects.toThrow(UsageError);
    await checkFilePath(undefined);
  });
});

test('the js backend by its name', async () => {
  expect(await loadBackend('js', { threads: 1 })).toBe(referenceBackend);
  await expect(loadBackend('js', { threads: 4 })).rejects.toThrow(UsageError);
});

test('exit codes of signals', () => {
  expect(new Interrupted('SIGINT').exitCode).toBe(130);
  expect(new Interrupted('SIGTERM').exitCode).toBe(143);
});
