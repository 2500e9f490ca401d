import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ArgumentError, ModuleError } from '@octet/backend';
import { type FormatError, parseSafetensors, save, serializeSafetensors } from '@octet/formats';
import { calibrate, convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { manualSeed, noGrad, rand, type Tensor } from '@octet/tensor';
import { getModel, listModels } from '@octet/vision';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Architecture, architectureMetadata, loadModel } from '../src';

const digits: Architecture = { model: 'digitClassifier', options: { width: 0.25 }, input: [1, 1, 28, 28] };

const numbers = (y: Tensor | Tensor[]) => [...([y].flat()[0] as Tensor).dataSync()];

describe('a safetensors file with its architecture', () => {
  test('of a float model is that model, for any batch, from a path too', async () => {
    manualSeed(3);
    const model = getModel('digitClassifier', { width: 0.25 }).eval();
    const folder = await mkdtemp(path.join(tmpdir(), 'octet-load-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'digits.safetensors');
    await save(model.stateDict(), file, { metadata: architectureMetadata(digits) });
    const x = rand([3, 1, 28, 28]);
    const again = await loadModel(file);
    const expected = numbers(noGrad(() => model.call(x)));
    const found = numbers(noGrad(() => again.call(x)));
    expect(found.length).toBe(30);
    for (const [i, v] of found.entries()) expect(v).toBeCloseTo(expected[i], 5);
    expect(again.graph.inputs.length).toBe(1);
  });

  test('of an int8 model gives the same numbers', async () => {
    manualSeed(4);
    const float = getModel('digitClassifier', { width: 0.25 }).eval();
    float.fuseModel();
    const prepared = prepare(float, getDefaultQConfigMapping('x86'));
    await calibrate(prepared, [rand([8, 1, 28, 28])]);
    const int8 = await convert(prepared);
    const metadata = architectureMetadata({ ...digits, int8: 'x86' });
    const bytes = serializeSafetensors(int8.stateDict(), { metadata });
    const x = rand([2, 1, 28, 28]);
    const again = await loadModel(bytes);
    expect(numbers(noGrad(() => again.call(x)))).toEqual(numbers(noGrad(() => int8.call(x))));
    // The names of the tensors and their integers are those of the model: other readers see nothing else.
    expect(parseSafetensors(bytes).names().sort()).toEqual(Object.keys(int8.stateDict()).sort());
  });

  test('is refused without one, with one that is not known, and with other tensors', async () => {
    const state = getModel('digitClassifier', { width: 0.25 }).stateDict();
    const file = (architecture: string) =>
      serializeSafetensors(state, { metadata: architecture === '' ? {} : { architecture } });
    const says = async (architecture: string) => {
      const error = await loadModel(file(architecture)).catch((e: Error) => e);
      expect(error).toBeInstanceOf(ArgumentError);
      return (error as Error).message;
    };
    expect(await says('')).toMatch(/'architecture' in their metadata.*weights alone/s);
    expect(await says('{')).toMatch(/JSON as 'architecture'/);
    expect(await says('[]')).toMatch(/an architecture \{ model, input/);
    expect(await says('{"model":"vgg","input":[1]}')).toMatch(/one of digitClassifier.*vgg/s);
    expect(await says('{"model":"m5"}')).toMatch(/input to be a list of whole numbers > 0/);
    expect(await says('{"model":"m5","input":[1],"depth":3}')).toMatch(/depth/);
    expect(await says('{"model":"digitClassifier","options":{"wide":3},"input":[1]}')).toMatch(/wide/);
    expect(await says('{"model":"digitClassifier","input":[1],"int8":"tpu"}')).toMatch(/tpu/);
    const other = file(JSON.stringify({ ...digits, options: { width: 0.5 } }));
    await expect(loadModel(other)).rejects.toThrow(ModuleError);
    const damaged = other.slice(0, -1);
    await expect(loadModel(damaged)).rejects.toMatchObject({
      name: 'FormatError',
    } satisfies Partial<FormatError>);
    await expect(loadModel(other, { dims: { batch: 1 } })).rejects.toThrow(/dims/);
  });

  test('every name of listModels makes a model whose state it can hold', () => {
    expect(listModels()).toEqual([...listModels()].sort());
    for (const name of ['m5', 'mobilenetV3Small'] as const)
      expect(Object.keys(getModel(name).stateDict()).length).toBeGreaterThan(10);
    expect(() => getModel('toString' as never)).toThrow(ArgumentError);
  });
});
