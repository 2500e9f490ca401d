import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseSafetensors, serializeSafetensors } from '@octet/formats';
import { Conv2d, Linear, ReLU, Sequential } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { manualSeed, rand } from '@octet/tensor';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../src/cli/main';

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'octet-'));
  manualSeed(0);
  const model = new Sequential(new Conv2d(3, 4, 3, { padding: 1 }), new ReLU()).eval();
  await writeFile(at('conv.onnx'), await exportOnnx(model, rand([1, 3, 8, 8])));
  const other = new Sequential(new Linear(4, 2)).eval();
  await writeFile(at('linear.onnx'), await exportOnnx(other, rand([1, 4])));
  await writeFile(at('data.safetensors'), serializeSafetensors({ input: rand([3, 3, 8, 8]) }));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs the command line. */
async function octet(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: '', err: '' };
  const into = (side: 'out' | 'err') => (text: unknown) => {
    texts[side] += `${String(text)}\n`;
    return true;
  };
  vi.spyOn(console, 'log').mockImplementation(into('out'));
  vi.spyOn(console, 'error').mockImplementation(into('err'));
  vi.spyOn(process.stdout, 'write').mockImplementation(into('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(into('err'));
  const code = await main(args);
  vi.restoreAllMocks();
  return { code, ...texts };
}

describe('info', () => {
  test('inputs, outputs, layers and multiplications', async () => {
    const { code, out } = await octet('info', at('conv.onnx'), '--graph');
    expect(code).toBe(0);
    expect(out).toMatch(/input +input: float32 \[1, 3, 8, 8\]/);
    expect(out).toMatch(/parameters +112/);
    expect(out).toMatch(/Conv2d +\[1, 4, 8, 8\] +112 +6,912/);
  });

  test('as JSON', async () => {
    const { out } = await octet('info', at('conv.onnx'), '--json');
    expect(JSON.parse(out)).toMatchObject({ parameters: 112, macs: 6912, outputs: ['output'] });
  });
});

describe('quantize', () => {
  test('writes an int8 file that computes nearly the same', async () => {
    const data = ['--data', at('data.safetensors')];
    const made = await octet(
      'quantize',
      at('conv.onnx'),
      ...data,
      '-o',
      at('int8.onnx'),
      '--json',
      '--target',
      '20dB',
    );
    expect(made.code).toBe(0);
    expect(made.err).toContain('calibrate');
    expect(JSON.parse(made.out)).toMatchObject({ report: { reached: true, inputs: { calibration: 2 } } });
    const { out } = await octet('compare', at('conv.onnx'), at('int8.onnx'), ...data, '--json');
    expect(JSON.parse(out).rows[0].sqnrDb).toBeGreaterThan(20);
  });

  test('tries the cures that it is told, and refuses what is none', async () => {
    const start = ['quantize', at('conv.onnx'), '--data', at('data.safetensors'), '-o', at('cured.onnx')];
    const made = await octet(...start, '--json', '--target', '200dB', '--cures', 'ranges, equalize');
    const { cures } = JSON.parse(made.out).report;
    expect(cures.map(({ cure }: { cure: string }) => cure)).toEqual(['ranges', 'equalize']);
    const bad = await octet(...start, '--cures', 'vinegar');
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('It must be of ranges, ')]);
  });

  test('says which convolutions take long elsewhere', async () => {
    const start = ['quantize', at('conv.onnx'), '--data', at('data.safetensors'), '-o', at('dynamic.onnx')];
    const made = await octet(...start, '--target', '52dB', '--cures', 'ranges,dynamic');
    expect(made.err).toContain('convolutions that quantize their inputs at every call: 1.');
    expect(made.err).toContain('--cures ranges.');
    const other = await octet(...start, '--target', '52dB', '--cures', 'ranges');
    expect(other.err).not.toContain('every call');
  });

  test('writes a page that says what was done', async () => {
    const page = at('report.html');
    const output = ['-o', at('reported.onnx'), '--report', page];
    const { code } = await octet('quantize', at('conv.onnx'), '--data', at('data.safetensors'), ...output);
    expect(code).toBe(0);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('<h1>conv.onnx in int8</h1>');
    expect(html).toMatch(/Conv2d|ConvReLU2d/);
    const refused = await octet(
      'quantize',
      at('conv.onnx'),
      '--data',
      'random',
      '-o',
      at('x.onnx'),
      '--report',
      folder,
    );
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(folder);
  });

  test('says that random data says nothing, and refuses a bad target', async () => {
    const made = await octet('quantize', at('linear.onnx'), '--data', 'random', '-o', at('linear.int8.onnx'));
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('random data')]);
    const bad = await octet('quantize', at('linear.onnx'), '--data', 'random', '--target', 'good');
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('decibels')]);
    const nowhere = await octet('quantize', at('linear.onnx'), '--data', 'random', '-o', folder);
    expect(nowhere.code).not.toBe(0);
  });

  test('states are named on the command line', async () => {
    await writeFile(
      at('square.onnx'),
      await exportOnnx(new Sequential(new Linear(4, 4)).eval(), rand([1, 4])),
    );
    const quantize = (states: string) =>
      octet(
        ...['quantize', at('square.onnx'), '--data', 'random', '-o', at('square.int8.onnx')],
        ...['--json', '--states', states],
      );
    const { code, out } = await quantize('input=output');
    expect(code).toBe(0);
    expect(JSON.parse(out).report.states).toEqual([['input', 'output']]);
    expect(JSON.parse((await quantize('none')).out).report.states).toEqual([]);
    expect((await quantize('input')).err).toContain('INPUT=OUTPUT');
    expect((await quantize('input=none')).err).toContain('states to name outputs of the model');
  });
});

describe('run', () => {
  test('writes what the model gives for each sample', async () => {
    const { code } = await octet(
      'run',
      at('conv.onnx'),
      '--data',
      at('data.safetensors'),
      '-o',
      at('out.safetensors'),
    );
    expect(code).toBe(0);
    const file = parseSafetensors(new Uint8Array(await readFile(at('out.safetensors'))));
    expect(file.names()).toEqual(['0.out.output', '1.out.output', '2.out.output']);
    expect(file.tensor('2.out.output').shape).toEqual([1, 4, 8, 8]);
  });

  test('shows the first numbers', async () => {
    const { out } = await octet('run', at('linear.onnx'), '--data', 'random', '--limit', '1');
    expect(out).toMatch(/0 +output +\[1, 2\] +[\d.]+ +-?[\d.]+, -?[\d.]+/);
  });
});

describe('compare', () => {
  test('a model with itself', async () => {
    const { code, out } = await octet(
      'compare',
      at('conv.onnx'),
      at('conv.onnx'),
      '--data',
      at('data.safetensors'),
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      samples: 3,
      rows: [{ output: 'output', sqnrDb: null, maxAbs: 0, cosine: expect.closeTo(1, 9) }],
    });
  });
});

describe('bench', () => {
  test('float and int8, by calls and planned, and what other engines are missing', async () => {
    const { code, out, err } = await octet('bench', at('conv.onnx'), '--runs', '3', '--json');
    expect(code).toBe(0);
    const { rows } = JSON.parse(out);
    const own = rows.filter((r: { engine: string }) => r.engine.startsWith('octet'));
    expect(own.map((r: { model: string; engine: string }) => [r.model, r.engine])).toEqual([
      ['conv.onnx', 'octet'],
      ['conv.onnx', 'octet, planned'],
      ['int8', 'octet'],
      ['int8', 'octet, planned'],
    ]);
    expect(
      own.every((r: { leastMs: number; medianMs: number }) => 0 < r.leastMs && r.leastMs <= r.medianMs),
    ).toBe(true);
    expect(err).toContain('by the recipe alone');
  });
});

describe('what is wrong', () => {
  test.each([
    [2, ['run', 'none.onnx', '--data', 'random'], 'no such file: none.onnx'],
    [2, ['run', 'CONV'], '--data'],
    [2, ['run', 'CONV', '--data', 'none'], 'no such file: none'],
    [2, ['info', 'CONV', '--dim', 'n'], 'NAME=VALUE'],
    [2, ['info', 'CONV', '--size', '3xx'], 'HEIGHTxWIDTH'],
    [2, ['nonsense'], 'unknown command'],
    [1, ['info', 'DATA'], 'ONNX'],
  ])('%i: %j', async (expected, args, message) => {
    const files: Record<string, string> = { CONV: at('conv.onnx'), DATA: at('data.safetensors') };
    const { code, err } = await octet(...args.map((arg) => files[arg] ?? arg));
    expect(err).toContain(message);
    expect(code).toBe(expected);
  });
});
