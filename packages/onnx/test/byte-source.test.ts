import * as fs from 'node:fs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator, noGrad, ones } from '@octet/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { importOnnx, OnnxImportError } from '../src';
import { openFile, sourceOf } from '../src/import/byte-source';
import { decodeModel, type TensorInFile } from '../src/import/decode';
import { file, floats, node, value } from './files';

const dir = mkdtempSync(join(tmpdir(), 'octet-source-'));
afterAll(() => rmSync(dir, { recursive: true }));

let count = 0;
function written(bytes: Uint8Array): string {
  const path = join(dir, `${count++}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

/** A chain of sums with weights of these sizes, as initializers and as constants of nodes in turn. */
function sums(sizes: readonly number[], name: (i: number) => string): Uint8Array {
  const at = (i: number) => (i === 0 ? 'x' : `t${i}`);
  const weights = sizes.map((n, i) => floats(name(i), [n]));
  return file({
    inputs: [value('x', [1])],
    outputs: [at(sizes.length)],
    nodes: sizes.flatMap((_, i) => [
      ...(i % 2 === 0 ? [] : [node('Constant', [], [name(i)], { value: weights[i] })]),
      node('ReduceSum', [name(i)], [`s${i}`], { keepdims: 0 }),
      node('Add', [at(i), `s${i}`], [at(i + 1)]),
    ]),
    weights: weights.filter((_, i) => i % 2 === 0),
  });
}

describe('a file that is read in pieces', () => {
  it('has the same messages and weights, whatever lies where the pieces meet', async () => {
    const g = new Generator(5);
    const below = (n: number) => Math.floor(n * g.uniform());
    for (let round = 0; round < 60; round++) {
      const sizes = Array.from({ length: 1 + below(8) }, () =>
        // Around 4 and 16 kB, where weights stay in the file and where a piece ends.
        below(2) === 0 ? 1020 + below(8) : 1 + below([10, 5000, 20_000][below(3)]),
      );
      const long = 'n'.repeat(below(20_000));
      const bytes = sums(sizes, (i) => `w${i} ${i === 0 ? long : ''}`);
      const path = written(bytes);
      const source = openFile(fs, path);
      const [inFile, inMemory] = [decodeModel(source), decodeModel(sourceOf(bytes))];
      for (const model of [inFile, inMemory]) {
        for (const t of tensors(model)) {
          const { rawDataAt } = t;
          expect(rawDataAt !== undefined).toBe(model === inFile && t.dims.some((n) => n >= 1024n));
          if (rawDataAt) t.rawData = source.read(rawDataAt.offset, rawDataAt.length);
          delete t.rawDataAt;
        }
      }
      source.close?.();
      expect(inFile).toEqual(inMemory);
      const y = async (from: Uint8Array | string) => {
        const model = await importOnnx(from);
        return noGrad(() => model.call(ones([1]))).dataSync();
      };
      expect(await y(path)).toEqual(await y(bytes));
    }
  });

  it('reads lists of numbers longer than a piece', async () => {
    const numbers = Array.from({ length: 30_000 }, (_, i) => i - 15_000);
    const bytes = file({
      ...{ inputs: [value('x', [1])], outputs: ['y'] },
      nodes: [node('Constant', [], ['c'], { value_ints: numbers }), node('Cast', ['c'], ['y'], { to: 1 })],
    });
    const model = await importOnnx(written(bytes));
    expect(Array.from(model.call(ones([1])).dataSync())).toEqual(numbers);
  });

  it('is refused wherever it is cut off', async () => {
    const bytes = sums([3, 1500, 6000], (i) => `w${i}`);
    for (
      let length = 0;
      length < bytes.length;
      length += length < 200 || length > bytes.length - 200 ? 7 : 997
    ) {
      await expect(importOnnx(written(bytes.subarray(0, length))), `${length}`).rejects.toThrow(
        OnnxImportError,
      );
    }
  });

  it('is refused where it becomes shorter meanwhile', () => {
    const path = written(new Uint8Array(100));
    const source = openFile(fs, path);
    writeFileSync(path, new Uint8Array(50));
    expect(source.read(40, 10)).toEqual(new Uint8Array(10));
    expect(() => source.read(40, 20)).toThrow(/premature EOF at byte 50/);
    source.close?.();
  });

  it('is closed afterwards, read or refused', async () => {
    const open = () => fs.readdirSync('/proc/self/fd').length;
    if (!fs.existsSync('/proc/self/fd'))
      return console.warn('not tested: no /proc/self/fd to count open files');
    const paths = [written(sums([2000], () => 'w')), written(new Uint8Array(20_000).fill(7)), dir];
    const before = open();
    for (const path of paths) await importOnnx(path).catch(() => undefined);
    expect(open()).toBe(before);
  });

  it('is never in memory as a whole', async () => {
    if (!('transfer' in ArrayBuffer.prototype))
      return console.warn('not tested: this engine frees weights when it collects garbage');
    const n = 512;
    const bytes = file({
      ...{ inputs: [value('x', ['n', n, 1, 1])], outputs: ['y8'] },
      nodes: Array.from({ length: 8 }, (_, i) =>
        node('Conv', [i === 0 ? 'x' : `y${i}`, `w${i}`], [`y${i + 1}`]),
      ),
      weights: Array.from({ length: 8 }, (_, i) => floats(`w${i}`, [n, n, 1, 1])),
    });
    const path = written(bytes);
    const { arrayBuffers: before } = process.memoryUsage();
    const model = await importOnnx(path);
    const kept = process.memoryUsage().arrayBuffers - before;
    const weights = model.parameters().reduce((sum, p) => sum + p.nbytes, 0);
    expect(weights).toBe(8 * 4 * n * n);
    // Those of the backend, which has its own memory or keeps arrays.
    expect(kept).toBeLessThan(1.2 * weights);
  });
});

function* tensors({ graph }: ReturnType<typeof decodeModel>): Iterable<TensorInFile> {
  yield* graph?.initializer ?? [];
  for (const { attribute } of graph?.node ?? []) for (const { t } of attribute) if (t) yield t;
}
