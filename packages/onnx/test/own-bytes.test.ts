import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../src';
import { FunctionProtoSchema } from '../src/onnx.generated';
import { file, floats, node, value } from './files';

const scale = floats('scale', [4, 1, 1], [2, -1, 0.5, 3]);

/** A convolution of `x` and its channels times numbers, which go into the weight. */
const scaledConv = (weight: string, to: string) => [
  node('Conv', ['x', weight], [`${to} of conv`]),
  node('Mul', [`${to} of conv`, 'scale'], [to]),
];
const constant = () => node('Constant', [], ['w'], { value: floats('', [4, 3, 3, 3]) });

/** `pad` characters of a name move the weights by as many bytes. */
const parts = (pad: number) => ({
  inputs: [value('x', ['n', 3, 5, 5])],
  weights: [floats('p'.repeat(pad), [1]), floats('weight', [4, 3, 3, 3]), scale],
});

const forms = {
  'one layer': (pad: number) => file({ ...parts(pad), outputs: ['y'], nodes: scaledConv('weight', 'y') }),
  'two layers of one weight': (pad: number) =>
    file({
      ...parts(pad),
      outputs: ['y', 'z'],
      nodes: [...scaledConv('weight', 'y'), ...scaledConv('weight', 'z')],
    }),
  'a constant of a node': (pad: number) =>
    file({ ...parts(pad), outputs: ['y'], nodes: [constant(), ...scaledConv('w', 'y')] }),
  'a constant of a function that is called twice': (pad: number) => {
    const own = create(FunctionProtoSchema, {
      ...{ name: 'Own', domain: 'own', input: ['x', 'scale'], output: ['y'] },
      node: [constant(), ...scaledConv('w', 'y')],
      opsetImport: [{ domain: '', version: 17n }],
    });
    const nodes = ['y', 'z'].map((to) => node('Own', ['x', 'scale'], [to], {}, { domain: 'own' }));
    return file({ ...parts(pad), outputs: ['y', 'z'], nodes }, { functions: [own], domains: { own: 1 } });
  },
};

describe.each(Object.entries(forms))('weights that are scaled where they lie: %s', (_, bytesOf) => {
  it.each([1, 2, 3, 4])('is the same from a path as from bytes, which stay as they are: %i', async (pad) => {
    manualSeed(pad);
    const bytes = bytesOf(pad);
    const before = bytes.slice();
    const x = randn([2, 3, 5, 5]);
    const numbers = async (source: Uint8Array | string) => {
      const model = await importOnnx<Tensor | Tensor[]>(source);
      return [noGrad(() => model.call(x))].flat().map((y) => Array.from(y.dataSync()));
    };
    const dir = await mkdtemp(join(tmpdir(), 'octet-'));
    try {
      await writeFile(join(dir, 'model.onnx'), bytes);
      const want = await numbers(bytes);
      expect(await numbers(join(dir, 'model.onnx'))).toEqual(want);
      expect(bytes).toEqual(before);
      if (want.length === 2) expect(want[0]).toEqual(want[1]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
