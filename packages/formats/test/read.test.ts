import { fromData } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { parseSafetensors, serializeSafetensors } from '../src';
import { bytes, fileOf, refusalOf } from './helpers';

function one(dtype: string, shape: number[], data: ArrayBufferView) {
  const raw = bytes(data);
  return parseSafetensors(fileOf({ t: { dtype, shape, data_offsets: [0, raw.length] } }, raw)).tensor('t');
}

describe('dtypes', () => {
  test.each([
    ['F32', 'float32', Float32Array.of(1.5, -0, Number.NaN, Number.NEGATIVE_INFINITY)],
    ['F64', 'float64', Float64Array.of(Math.PI, -0, Number.NaN, 5e-324)],
    ['I32', 'int32', Int32Array.of(-2147483648, 2147483647, 0, 7)],
    ['I8', 'int8', Int8Array.of(-128, 127, 0, -1)],
    ['U8', 'uint8', Uint8Array.of(0, 255, 1, 2)],
  ])('%s is read as %s', (stored, dtype, data) => {
    const t = one(stored, [2, 2], data);
    expect(t.dtype).toBe(dtype);
    expect(t.shape).toEqual([2, 2]);
    expect(t.dataSync()).toEqual(data);
  });

  test('BOOL is read as bool, whatever the byte of true', () => {
    const t = one('BOOL', [3], Uint8Array.of(0, 1, 2));
    expect(t.dtype).toBe('bool');
    expect([...t.dataSync()]).toEqual([0, 1, 1]);
  });

  test('I64 becomes int32', () => {
    const t = one('I64', [3], BigInt64Array.of(-2147483648n, 2147483647n, -1n));
    expect(t.dtype).toBe('int32');
    expect([...t.dataSync()]).toEqual([-2147483648, 2147483647, -1]);
  });

  test.each([2147483648n, -2147483649n, 2n ** 63n - 1n])('I64 %s is refused', (value) => {
    const header = { t: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } };
    const error = refusalOf(header, bytes(BigInt64Array.of(value)));
    expect(error.field).toBe('"t"');
    expect(error.found).toBe(String(value));
  });

  test('I16 becomes int32', () => {
    const t = one('I16', [2], Int16Array.of(-32768, 32767));
    expect(t.dtype).toBe('int32');
    expect([...t.dataSync()]).toEqual([-32768, 32767]);
  });

  test('F16 becomes float32', () => {
    const bits = [
      0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x3555, 0x7c00, 0xfc00, 0x7e00,
    ];
    const t = one('F16', [bits.length], Uint16Array.from(bits));
    expect(t.dtype).toBe('float32');
    expect([...t.dataSync()]).toEqual([
      0,
      -0,
      1,
      -2,
      65504,
      2 ** -14,
      (1023 / 1024) * 2 ** -14,
      2 ** -24,
      -(2 ** -24),
      0.333251953125,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  test('BF16 becomes float32', () => {
    const bits = [0, 0x8000, 0x3f80, 0xc000, 0x3eab, 0x7f80, 0xff80, 0x7fc0, 0x0001];
    expect([...one('BF16', [bits.length], Uint16Array.from(bits)).dataSync()]).toEqual([
      0,
      -0,
      1,
      -2,
      0.333984375,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      Math.fround(2 ** -133),
    ]);
  });
});

describe('a file', () => {
  const state = { w: fromData([1, 2, 3, 4], [2, 2]), n: fromData([5], [], { dtype: 'int32' }) };
  const file = serializeSafetensors(state, { metadata: { epoch: '3', __proto__x: 'y' } });

  test('tells its contents without reading them', () => {
    const parsed = parseSafetensors(file);
    expect(parsed.names().sort()).toEqual(['n', 'w']);
    expect(parsed.metadata).toEqual({ epoch: '3', __proto__x: 'y' });
    expect(parsed.info('w')).toMatchObject({
      dtype: 'float32',
      stored: 'F32',
      shape: [2, 2],
      begin: 4,
      end: 20,
    });
    expect(parsed.has('w')).toBe(true);
    expect(parsed.has('toString')).toBe(false);
  });

  test('gives a new tensor at each call', () => {
    const parsed = parseSafetensors(file);
    parsed.tensor('w').fill_(9);
    expect([...parsed.tensor('w').dataSync()]).toEqual([1, 2, 3, 4]);
  });

  test('has no other tensors', () => {
    for (const name of ['v', 'toString', '__proto__', '__metadata__'])
      expect(() => parseSafetensors(file).tensor(name)).toThrow(/expected the name of a tensor in the file/);
  });

  test('may lie anywhere in a buffer', () => {
    for (let offset = 0; offset < 9; offset++) {
      const moved = new Uint8Array(file.length + offset);
      moved.set(file, offset);
      const { w, n } = parseSafetensors(moved.subarray(offset)).toStateDict();
      expect([...w.dataSync(), ...n.dataSync()]).toEqual([1, 2, 3, 4, 5]);
    }
  });

  test('may hold its tensors in any order, unaligned', () => {
    const data = [
      ...bytes(Uint8Array.of(7)),
      ...bytes(Float32Array.of(1.5, 2.5)),
      ...bytes(Float64Array.of(0.1)),
    ];
    const parsed = parseSafetensors(
      fileOf(
        {
          d: { dtype: 'F64', shape: [], data_offsets: [9, 17] },
          e: { dtype: 'F32', shape: [0, 3], data_offsets: [9, 9] },
          f: { dtype: 'F32', shape: [2], data_offsets: [1, 9] },
          b: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
        },
        data,
      ),
    );
    expect(parsed.names()).toEqual(['d', 'e', 'f', 'b']);
    expect(parsed.tensor('d').itemSync()).toBe(0.1);
    expect(parsed.tensor('e').shape).toEqual([0, 3]);
    expect([...parsed.tensor('f').dataSync()]).toEqual([1.5, 2.5]);
  });

  test('may be empty', () => {
    expect(parseSafetensors(fileOf('{}')).toStateDict()).toEqual({});
    expect(parseSafetensors(fileOf('{}      ')).names()).toEqual([]);
    expect(parseSafetensors(serializeSafetensors({})).names()).toEqual([]);
  });

  test('may use the names of properties that every object has', () => {
    const header =
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}';
    const state = parseSafetensors(fileOf(header, [7, 8])).toStateDict();
    expect(Object.keys(state)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(state)).toBe(Object.prototype);
    expect(Object.entries(state).map(([, t]) => t.itemSync())).toEqual([7, 8]);
    const again = parseSafetensors(serializeSafetensors(state)).toStateDict();
    expect(Object.entries(again).map(([name, t]) => [name, t.itemSync()])).toEqual([
      ['__proto__', 7],
      ['constructor', 8],
    ]);
    expect(({} as { dtype?: unknown }).dtype).toBeUndefined();
  });
});
