import { fromData, quantizedTensor, Tensor, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { parseSafetensors, serializeSafetensors, serializeSafetensorsAsync } from '../src';
import { asynchronous } from './helpers';

function header(file: Uint8Array): { text: string; start: number } {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  return { text: new TextDecoder().decode(file.subarray(8, 8 + length)), start: 8 + length };
}

const perChannel = {
  scheme: 'perChannel',
  axis: 0,
  scales: Float32Array.of(0.1, 1 / 3, 1e-38),
  zeroPoints: Int32Array.of(-1, 0, 127),
} as const;

describe('the layout', () => {
  const state = {
    b: fromData([1, 0], [2], { dtype: 'bool' }),
    z: fromData([1, 2, 3], [3]),
    a: fromData([4], []),
    d: fromData([5], [1], { dtype: 'float64' }),
  };
  const file = serializeSafetensors(state, { metadata: { k: 'v' } });

  test('is by element size, then name, with aligned data', () => {
    const { text, start } = header(file);
    expect(text.trimEnd()).toBe(
      '{"__metadata__":{"k":"v"},' +
        '"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},' +
        '"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},' +
        '"z":{"dtype":"F32","shape":[3],"data_offsets":[12,24]},' +
        '"b":{"dtype":"BOOL","shape":[2],"data_offsets":[24,26]}}',
    );
    expect(start % 8).toBe(0);
    expect(file.length).toBe(start + 26);
    expect(new DataView(file.buffer).getFloat32(start + 16, true)).toBe(2);
  });

  test("doesn't depend on the order of the state dict", () => {
    const reversed = Object.fromEntries(Object.entries(state).reverse());
    expect(serializeSafetensors(reversed, { metadata: { k: 'v' } })).toEqual(file);
  });

  test('has the elements of views in row-major order', () => {
    const { storage } = fromData([0, 1, 2, 3, 4, 5], [3, 2]);
    const transposed = new Tensor(storage, { shape: [2, 3], strides: [1, 2], offset: 0 }, 'float32');
    const read = parseSafetensors(serializeSafetensors({ transposed })).tensor('transposed');
    expect(read.shape).toEqual([2, 3]);
    expect([...read.dataSync()]).toEqual([0, 2, 4, 1, 3, 5]);
  });
});

describe('quantized tensors', () => {
  const scale = Math.fround(0.1);
  const state = {
    x: quantizedTensor([0, 255], [2], 'quint8', { scheme: 'perTensor', scale, zeroPoint: 3 }),
    w: quantizedTensor([-128, 127, 5], [3, 1], 'qint8', perChannel),
    b: quantizedTensor([1e9], [1], 'qint32', { scheme: 'perTensor', scale: 1e-30, zeroPoint: 0 }),
  };
  const file = serializeSafetensors(state, { metadata: { k: 'v' } });
  const parsed = parseSafetensors(file);

  test('come back with exactly the same scales', () => {
    const { x, w, b } = parsed.toStateDict();
    expect([x.dtype, w.dtype, b.dtype]).toEqual(['quint8', 'qint8', 'qint32']);
    expect([...x.dataSync(), ...w.dataSync(), ...b.dataSync()]).toEqual([0, 255, -128, 127, 5, 1e9]);
    expect(x.qparams).toEqual({ scheme: 'perTensor', scale, zeroPoint: 3 });
    expect(w.qparams).toEqual(perChannel);
    expect(b.qparams).toEqual({ scheme: 'perTensor', scale: 1e-30, zeroPoint: 0 });
  });

  test('are described by the metadata, which is not shown', () => {
    const { __metadata__ } = JSON.parse(header(file).text);
    expect(JSON.parse(__metadata__['octet.quantized']).x).toEqual({ dtype: 'quint8', scale, zeroPoint: 3 });
    // Of three float32 numbers the bytes, 16 digits.
    expect(JSON.parse(__metadata__['octet.quantized']).w.scales).toBe(
      Buffer.from(Float32Array.of(0.1, 1 / 3, 1e-38).buffer).toString('base64'),
    );
    expect(parsed.metadata).toEqual({ k: 'v' });
    expect(parsed.info('w')).toMatchObject({ dtype: 'qint8', stored: 'I8', qparams: perChannel });
  });
});

test('zero points that are all 0 take no room, and the lists of version 0.1 are read', () => {
  const symmetric = { ...perChannel, zeroPoints: new Int32Array(3) };
  const w = quantizedTensor([-128, 127, 5], [3, 1], 'qint8', symmetric);
  const file = serializeSafetensors({ w });
  const { text, start } = header(file);
  expect(text).not.toContain('zeroPoints');
  expect(parseSafetensors(file).tensor('w').qparams).toEqual(symmetric);

  const lists = { dtype: 'qint8', axis: 0, scales: [0.1, 0.33333334, 1e-38], zeroPoints: [-1, 0, 127] };
  const json = JSON.parse(text);
  json.__metadata__['octet.quantized'] = JSON.stringify({ w: lists });
  const head = new TextEncoder().encode(JSON.stringify(json));
  const old = new Uint8Array(8 + head.length + 3);
  new DataView(old.buffer).setBigUint64(0, BigInt(head.length), true);
  old.set(head, 8);
  old.set(file.subarray(start), 8 + head.length);
  const read = parseSafetensors(old).tensor('w');
  expect(read.qparams).toEqual(perChannel);
  expect([...read.dataSync()]).toEqual([-128, 127, 5]);
});

test('of tensors that can’t be read at once: the error names the functions that wait', async () => {
  const state = { a: tensor([1]), w: tensor([2], { backend: asynchronous }) };
  expect(() => serializeSafetensors(state)).toThrow(
    expect.objectContaining({
      ...{ name: 'BackendError', op: 'serializeSafetensors', found: `"w" on backend 'async', which can't` },
      fix: expect.stringMatching(/serializeSafetensorsAsync.*save/),
    }),
  );
  expect(parseSafetensors(await serializeSafetensorsAsync(state)).names()).toEqual(['a', 'w']);
});

describe('what is refused', () => {
  const t = fromData([1], [1]);
  const save = (state: object, metadata?: object) => () =>
    serializeSafetensors(state as never, { metadata: metadata as never });

  test.each(['__metadata__', '\ud800'])('the name %j', (name) => {
    expect(save({ [name]: t })).toThrow(/expected names of Unicode text/);
  });

  test.each([[1], [null], [[1]], [new Float32Array(1)]])('the value %j', (value) => {
    expect(save({ t, value })).toThrow(/expected a tensor for each name/);
  });

  test('a tensor whose memory is gone', () => {
    const gone = fromData([1], [1]);
    gone.dispose();
    expect(save({ gone })).toThrow(expect.objectContaining({ name: 'FreedError' }));
  });

  test.each([{ a: 1 }, { a: null }, { a: '\udc00' }, { '\ud800': 'a' }, { 'octet.quantized': '{}' }])(
    'the metadata %j',
    (metadata) => {
      expect(save({ t }, metadata)).toThrow(/expected strings as metadata/);
    },
  );

  test('a bad scale', () => {
    const { storage } = fromData(Int8Array.of(1), [1]);
    const layout = { shape: [1], strides: [1], offset: 0 };
    const bad = new Tensor(storage, layout, 'qint8', { scheme: 'perTensor', scale: 0, zeroPoint: 0 });
    expect(save({ bad })).toThrow(expect.objectContaining({ name: 'QuantizationError' }));
  });

  test('a header that is too long', () => {
    expect(save({ t }, { long: 'x'.repeat(100_000_001) })).toThrow(
      /expected a header of at most 100000000 bytes/,
    );
  });
});
