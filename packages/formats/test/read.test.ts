import { runInNewContext } from 'node:vm';
import { fromData, setBackend, tensor } from '@octet/tensor';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseSafetensors, serializeSafetensors } from '../src';
import { bytes, fileOf, referenceBackend, refusal, refusalOf, withoutFloat64 } from './helpers';

function one(dtype: string, shape: number[], data: ArrayBufferView) {
  const raw = bytes(data);
  return parseSafetensors(fileOf({ t: { dtype, shape, data_offsets: [0, raw.length] } }, raw)).tensor('t');
}

describe('dtypes', () => {
  test.each([
    ['U16', Uint16Array.of(0, 65535), [0, 65535]],
    ['U32', Uint32Array.of(0, 2 ** 31 - 1), [0, 2 ** 31 - 1]],
    ['U64', BigUint64Array.of(0n, 7n), [0, 7]],
  ])('%s becomes int32', (stored, data, values) => {
    const t = one(stored, [2], data);
    expect(t.dtype).toBe('int32');
    expect([...t.dataSync()]).toEqual(values);
  });

  test.each([
    ['U32', Uint32Array.of(2 ** 31), '2147483648'],
    ['U64', BigUint64Array.of(2n ** 64n - 1n), '18446744073709551615'],
  ])('%s that does not fit int32 is refused', (dtype, data, found) => {
    const raw = bytes(data);
    const error = refusalOf({ t: { dtype, shape: [1], data_offsets: [0, raw.length] } }, raw);
    expect([error.field, error.found]).toEqual(['"t"', found]);
  });

  test.each(['F8_E4M3', 'F8_E5M2', 'F4', 'C64', 'Q3_K'])(
    '%s concerns no other tensor of the file',
    (dtype) => {
      const header = {
        a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        odd: { dtype, shape: [3, 2], data_offsets: [4, 10] },
        z: { dtype: 'U8', shape: [1], data_offsets: [10, 11] },
      };
      const file = parseSafetensors(fileOf(header, [0, 0, 128, 63, 9, 9, 9, 9, 9, 9, 7]), { file: 'm' });
      expect(file.names()).toEqual(['a', 'odd', 'z']);
      expect(file.info('odd')).toMatchObject({ stored: dtype, dtype: undefined, shape: [3, 2] });
      expect([...file.tensor('a').dataSync(), ...file.tensor('z').dataSync()]).toEqual([1, 7]);
      for (const read of [() => file.tensor('odd'), () => file.toStateDict()]) {
        const error = refusal(read);
        expect([error.file, error.field, error.found]).toEqual(['m', '"odd".dtype', `"${dtype}"`]);
        expect(error.fix).toMatch(/tensor\(name\)/);
      }
    },
  );

  test('F64 is read as float32 where there is no float64, which is said once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => {
      warn.mockRestore();
      setBackend(referenceBackend);
    });
    setBackend(withoutFloat64);
    const raw = bytes(Float64Array.of(Math.PI, 1e300));
    const entry = { dtype: 'F64', shape: [1] };
    const header = { a: { ...entry, data_offsets: [0, 8] }, b: { ...entry, data_offsets: [8, 16] } };
    const file = parseSafetensors(fileOf(header, raw));
    expect(file.info('a').dtype).toBe('float32');
    const { a, b } = file.toStateDict();
    expect([a.dtype, b.dtype]).toEqual(['float32', 'float32']);
    expect([...a.dataSync(), ...b.dataSync()]).toEqual([Math.fround(Math.PI), Number.POSITIVE_INFINITY]);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/"a": float64 is read as float32.*'no-float64'/)],
    ]);
    // Where there is one it stays.
    setBackend(referenceBackend);
    expect(file.info('a').dtype).toBe('float64');
    expect([...file.tensor('a').dataSync()]).toEqual([Math.PI]);
  });

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

test('bytes of another realm are bytes', () => {
  const file = serializeSafetensors({ x: tensor([1, 2]) });
  // As jsdom and iframes have them: no instance of our Uint8Array.
  const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...file] }) as Uint8Array;
  expect(foreign instanceof Uint8Array).toBe(false);
  expect([...parseSafetensors(foreign).tensor('x').dataSync()]).toEqual([1, 2]);
});
