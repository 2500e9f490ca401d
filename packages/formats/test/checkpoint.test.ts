import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ArgumentError } from '@octet/backend';
import { quantizePerTensor, type Tensor, tensor } from '@octet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  FormatError,
  load,
  loadCheckpoint,
  parseCheckpoint,
  parseSafetensors,
  saveCheckpoint,
  serializeCheckpoint,
  serializeSafetensors,
} from '../src';

/** As a module: a state of tensors, which loading copies in place; what has another shape is refused. */
class Holder {
  readonly w = tensor([0, 0]);

  constructor(...values: number[]) {
    if (values.length > 0) this.w.copy_(tensor(values));
  }

  stateDict() {
    return { 'layer.w': this.w };
  }

  loadStateDict(state: Record<string, Tensor>) {
    if (state['layer.w']?.shape.join() !== '2') throw new RangeError('does not fit');
    this.w.copy_(state['layer.w']);
  }

  get values() {
    return Array.from(this.w.dataSync());
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'checkpoint-'));
});

test('a whole run goes into one file and comes back', async () => {
  const file = path.join(folder, 'run.safetensors');
  const [model, optimizer] = [new Holder(1, 2), new Holder(3, 4)];
  await saveCheckpoint(file, { model, optimizer, epoch: 7, history: [0.5, 0.25] });
  const [m, o] = [new Holder(), new Holder()];
  const rest = await loadCheckpoint(file, { model: m, optimizer: o, scheduler: undefined });
  expect([m.values, o.values]).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(rest).toEqual({ epoch: 7, history: [0.5, 0.25] });
  expect(Object.keys(await load(file)).sort()).toEqual(['model.layer.w', 'optimizer.layer.w']);
});

test('values of all kinds come back as they were', async () => {
  const values = {
    best: Number.POSITIVE_INFINITY,
    loss: Number.NaN,
    zero: -0,
    none: null,
    text: 'ünï',
    flags: [true, false],
    nested: { 'a.b': { c: 1 }, list: [[], {}] },
    gone: undefined,
  };
  const back = await parseCheckpoint(await serializeCheckpoint(values));
  const { gone: _, ...rest } = values;
  expect(back).toStrictEqual(rest);
});

test('tensors keep dtype, shape and scales, and places that look alike apart', async () => {
  const q = quantizePerTensor(tensor([0, 1]), 0.5, 3, 'quint8');
  const values = {
    a: { 'b.c': tensor([1]) },
    'a.b': { c: tensor([2]) },
    int: tensor(Int32Array.of(5), []),
    q,
  };
  const back = (await parseCheckpoint(await serializeCheckpoint(values))) as typeof values;
  expect(back.a['b.c'].dataSync()).toEqual(Float32Array.of(1));
  expect(back['a.b'].c.dataSync()).toEqual(Float32Array.of(2));
  expect([back.int.dtype, back.int.shape]).toEqual(['int32', []]);
  expect(back.q.qparams).toEqual(q.qparams);
});

describe('all or nothing', () => {
  test('where one refuses its state, those before it are as they were', async () => {
    const bytes = await serializeCheckpoint({
      model: new Holder(1, 2),
      optimizer: { 'layer.w': tensor([1]) },
    });
    const [model, optimizer] = [new Holder(5, 6), new Holder(7, 8)];
    await expect(parseCheckpoint(bytes, { model, optimizer })).rejects.toThrow('does not fit');
    expect([model.values, optimizer.values]).toEqual([
      [5, 6],
      [7, 8],
    ]);
  });

  test('a name that the file lacks is refused before anything changes', async () => {
    const bytes = await serializeCheckpoint({ model: new Holder(1, 2) });
    const model = new Holder(5, 6);
    await expect(parseCheckpoint(bytes, { model, scheduler: new Holder() })).rejects.toThrow(
      'parseCheckpoint: expected a checkpoint with "scheduler", found one with "model"',
    );
    expect(model.values).toEqual([5, 6]);
  });

  test('a failed save leaves the older file', async () => {
    const file = path.join(folder, 'older.safetensors');
    await saveCheckpoint(file, { epoch: 1 });
    await expect(saveCheckpoint(file, { epoch: 2, model: { forward: () => 1 } })).rejects.toThrow(
      ArgumentError,
    );
    expect(await loadCheckpoint(file)).toEqual({ epoch: 1 });
  });
});

describe('refusals', () => {
  const own: Record<string, unknown> = {};
  own.own = own;
  test.each<[string, object, string]>([
    ['a function', { f: () => 1 }, '"f": function'],
    ['a bigint', { steps: 3n }, '"steps": bigint'],
    ['a class', { when: [new Date()] }, '"when.0": a Date'],
    ['a map', { state: new Map() }, 'a Map'],
    ['a key that is ours', { $tensor: 'x' }, 'begins with $'],
    ['an object that holds itself', own, 'more than 64 levels'],
    ['no object', 3 as never, 'the checkpoint: 3'],
    ['a tensor alone', tensor([1]), 'the checkpoint'],
  ])('%s is not saved', async (_, values, message) => {
    await expect(serializeCheckpoint(values)).rejects.toThrow(ArgumentError);
    await expect(serializeCheckpoint(values)).rejects.toThrow(message);
  });

  test.each<[string, string | undefined, string]>([
    ['no checkpoint', undefined, 'not made by saveCheckpoint'],
    ['no JSON', '{', 'to be JSON'],
    ['another version', '{"version":2,"value":{}}', 'an object of version 1'],
    ['no object', '{"version":1,"value":3}', 'an object of version 1'],
    ['a tensor that isn’t there', '{"version":1,"value":{"a":{"$tensor":"b"}}}', 'names of tensors'],
    ['a tensor of the prototype', '{"version":1,"value":{"a":{"$tensor":"toString"}}}', 'names of tensors'],
    ['a number of its own', '{"version":1,"value":{"a":{"$number":"7"}}}', 'one of NaN'],
    ['depth', `{"version":1,"value":{"a":${'['.repeat(90)}${']'.repeat(90)}}}`, 'at most 64 levels'],
  ])('a file with %s', async (_, json, message) => {
    const metadata: Record<string, string> = json === undefined ? {} : { 'octet.checkpoint': json };
    const bytes = serializeSafetensors({ w: tensor([1]) }, { metadata });
    await expect(parseCheckpoint(bytes, {}, { file: 'run.safetensors' })).rejects.toThrow(FormatError);
    await expect(parseCheckpoint(bytes, {}, { file: 'run.safetensors' })).rejects.toThrow(message);
  });

  test('what takes no state', async () => {
    const bytes = await serializeCheckpoint({ epoch: 1 });
    await expect(parseCheckpoint(bytes, { epoch: 3 as never })).rejects.toThrow('epoch with stateDict()');
  });

  test('a file cut short', async () => {
    const file = path.join(folder, 'short.safetensors');
    await saveCheckpoint(file, { model: new Holder(1, 2) });
    await writeFile(file, (await readFile(file)).subarray(0, -4));
    await expect(loadCheckpoint(file, { model: new Holder() })).rejects.toThrow(FormatError);
  });
});

test('keys of an attacker’s stay keys', async () => {
  const json = '{"version":1,"value":{"__proto__":{"admin":true}}}';
  const bytes = serializeSafetensors({}, { metadata: { 'octet.checkpoint': json } });
  const back = await parseCheckpoint(bytes);
  expect(Object.keys(back)).toEqual(['__proto__']);
  expect('admin' in {}).toBe(false);
  expect(parseSafetensors(bytes).names()).toEqual([]);
});
