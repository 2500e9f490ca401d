import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { loadPt, type PtValue, parsePt, parseSafetensors, ptStateDict } from '../src';
import {
  bool,
  call,
  dict,
  fixture,
  float,
  get,
  global,
  int,
  list,
  none,
  ptFile,
  put,
  qtensor,
  read,
  refusalOf,
  tensor,
  text,
  tuple,
} from './pt-helpers';

function one(code: string, storages: Record<string, ArrayBufferView>): Tensor {
  const t = read(code, storages);
  if (t instanceof Tensor) return t;
  throw new Error('not a tensor');
}

describe('plain data', () => {
  test.each<[string, string, PtValue]>([
    ['None', none, null],
    ['True', bool(true), true],
    ['False', bool(false), false],
    ['an int of a byte', 'K\xff', 255],
    ['an int of two', 'M\x00\xff', 65280],
    ['an int of four', int(-2), -2],
    ['the least int of four', 'J\x00\x00\x00\x80', -(2 ** 31)],
    ['a long of no bytes', '\x8a\x00', 0],
    ['a negative long', '\x8a\x01\xff', -1],
    ['a long', '\x8a\x06\x00\x00\x00\x00\x00\x01', 2 ** 40],
    ['a long that no double holds', '\x8a\x08\x01\x00\x00\x00\x00\x00\x00\x40', 2n ** 62n + 1n],
    ['a negative one', '\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80', -(2n ** 63n)],
    ['a float', float(0.1), 0.1],
    ['infinity', float(Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY],
    ['text', text('h\u00e9llo \u{1f600}'), 'h\u00e9llo \u{1f600}'],
    ['short text', '\x8c\x02hi', 'hi'],
    ['a byte order mark', text('\ufeffa'), '\ufeffa'],
    ['an empty tuple', ')', []],
    [
      'tuples of one to three',
      list('K\x01\x85', 'K\x01K\x02\x86', 'K\x01K\x02K\x03\x87'),
      [[1], [1, 2], [1, 2, 3]],
    ],
    ['a list', list(int(1), list(), text('a')), [1, [], 'a']],
    ['a list that grows', ']K\x01a(K\x02K\x03e', [1, 2, 3]],
    ['a dict', dict([text('a'), int(1)], [text('b'), dict()]), { a: 1, b: {} }],
    ['a dict that grows', `}${text('a')}K\x01s(${text('b')}K\x02${text('a')}K\x03u`, { a: 3, b: 2 }],
    ['a dict of ints', dict([int(0), none]), new Map([[0, null]])],
    [
      'a dict of many',
      dict([none, int(0)], [text('a'), int(1)]),
      new Map<string | null, number>([
        [null, 0],
        ['a', 1],
      ]),
    ],
    ['an OrderedDict', `${call('collections.OrderedDict')}(${text('a')}K\x01u`, { a: 1 }],
    ['its attributes', `${call('collections.OrderedDict')}${dict([text('_metadata'), none])}b`, {}],
    ['a Counter', call('collections.Counter', dict([int(30), int(1)])), new Map([[30, 1]])],
    ['a Size', call('torch.Size', tuple(int(2), int(3))), [2, 3]],
    ['a dtype', global('torch.qint8'), 'torch.qint8'],
    ['a scheme', global('torch.per_channel_symmetric'), 'torch.per_channel_symmetric'],
    [
      'protocol 4',
      `\x95\x00\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x05torch\x8c\x05int32\x93ah\x00\x85`,
      [['torch.int32']],
    ],
  ])('%s', (_, code, value) => {
    expect(read(code)).toEqual(value);
  });

  test('that is shared stays shared', () => {
    const value = read(`${dict()}${put(7)}${get(7)}\x86`) as [object, object];
    expect(value[0]).toBe(value[1]);
  });

  test('may be nested 999 deep', () => {
    expect(read(`${'('.repeat(999)}${'t'.repeat(999)}`)).toHaveLength(1);
  });

  test('may use the names of properties that every object has', () => {
    const value = read(dict([text('__proto__'), int(1)], [text('constructor'), int(2)])) as object;
    expect(Object.entries(value)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe('tensors', () => {
  test.each([
    ['Double', 'float64', Float64Array.of(Math.PI, -0, 5e-324)],
    ['Float', 'float32', Float32Array.of(1.5, -0, Number.NaN)],
    ['Int', 'int32', Int32Array.of(-2147483648, 7)],
    ['Char', 'int8', Int8Array.of(-128, 127)],
    ['Byte', 'uint8', Uint8Array.of(0, 255)],
  ])('of a %sStorage are %s', (kind, dtype, data) => {
    const t = one(tensor(kind, '0', data.length), { 0: data });
    expect([t.dtype, t.shape]).toEqual([dtype, [data.length]]);
    expect(t.dataSync()).toEqual(data);
  });

  test.each([
    ['Long', 'int32', BigInt64Array.of(-2147483648n, 2147483647n), [-2147483648, 2147483647]],
    ['Short', 'int32', Int16Array.of(-32768, 32767), [-32768, 32767]],
    ['Half', 'float32', Uint16Array.of(0xc000, 0x3c00), [-2, 1]],
    ['BFloat16', 'float32', Uint16Array.of(0xc000, 0x3f80), [-2, 1]],
    ['Bool', 'bool', Uint8Array.of(0, 1, 2), [0, 1, 1]],
  ])('of a %sStorage become %s', (kind, dtype, data, values) => {
    const t = one(tensor(kind, '0', data.length), { 0: data });
    expect(t.dtype).toBe(dtype);
    expect([...t.dataSync()]).toEqual(values);
  });

  test('of int64 numbers that are too large are refused by name', () => {
    const file = dict([text('a'), list(tensor('Long', '0', 2))]);
    const error = refusalOf(file, { 0: BigInt64Array.of(1n, 2n ** 31n) });
    expect([error.field, error.found]).toEqual(['"a[0]"', '2147483648']);
  });

  const data = { 0: Float32Array.of(0, 1, 2, 3, 4, 5) };

  test.each<[string, string, string, number, number[]]>([
    ['a transposed view', tuple(int(3), int(2)), tuple(int(1), int(3)), 0, [0, 3, 1, 4, 2, 5]],
    ['a slice', tuple(int(2), int(2)), tuple(int(3), int(1)), 1, [1, 2, 4, 5]],
    ['an expanded view', tuple(int(2), int(2)), tuple(int(0), int(1)), 4, [4, 5, 4, 5]],
    ['a scalar', tuple(), tuple(), 5, [5]],
    ['an empty one', tuple(int(0), int(9)), tuple(int(9), int(1)), 6, []],
    ['a list as its size', list(int(2)), list(int(5)), 0, [0, 5]],
  ])('may be %s', (_, size, stride, offset, values) => {
    const t = one(tensor('Float', '0', 6, { offset: int(offset), size, stride }), data);
    expect([...t.dataSync()]).toEqual(values);
  });

  test('of one storage share memory', () => {
    const [a, b] = read(
      tuple(tensor('Float', '0', 6), tensor('Float', '0', 6, { size: tuple(int(2)), stride: tuple(int(3)) })),
      data,
    ) as Tensor[];
    a.fill_(7);
    expect([...b.dataSync()]).toEqual([7, 7]);
    expect(data[0][0]).toBe(0);
  });

  test('that are the same stay the same', () => {
    const [a, b] = read(`${tensor('Float', '0', 6)}${put(0)}${get(0)}\x86`, data) as Tensor[];
    expect(a).toBe(b);
  });

  test('want gradients as they did', () => {
    const parameter = (grad: boolean) =>
      call(
        'torch._utils._rebuild_parameter',
        tensor('Float', '0', 6),
        bool(grad),
        call('collections.OrderedDict'),
      );
    expect(one(parameter(true), data).requiresGrad).toBe(true);
    expect(one(parameter(false), data).requiresGrad).toBe(false);
    expect(one(tensor('Float', '0', 6, { grad: bool(true) }), data).requiresGrad).toBe(true);
  });
});

describe('quantized tensors', () => {
  const perTensor = (scale: number, zeroPoint: number) =>
    tuple(global('torch.per_tensor_affine'), float(scale), int(zeroPoint));

  test.each([
    ['QUInt8', 'quint8', Uint8Array.of(0, 255)],
    ['QInt8', 'qint8', Int8Array.of(-128, 127)],
    ['QInt32', 'qint32', Int32Array.of(-1e9, 1e9)],
  ])('%s', (kind, dtype, data) => {
    const t = one(qtensor(kind, '0', 2, perTensor(0.1, 3)), { 0: data });
    expect([t.dtype, t.qparams]).toEqual([dtype, { scheme: 'perTensor', scale: 0.1, zeroPoint: 3 }]);
    expect(t.dataSync()).toEqual(data);
  });

  test('may have a scale for each channel, strided like any other', () => {
    const quantizer = tuple(
      global('torch.per_channel_affine'),
      tensor('Double', '1', 4, { offset: int(1), size: tuple(int(2)), stride: tuple(int(2)) }),
      tensor('Long', '2', 2),
      int(1),
    );
    const view = { size: tuple(int(2), int(2)), stride: tuple(int(1), int(2)) };
    const t = one(qtensor('QInt8', '0', 4, quantizer, view), {
      0: Int8Array.of(1, 2, 3, 4),
      1: Float64Array.of(9, 0.5, 9, 0.25),
      2: BigInt64Array.of(0n, -5n),
    });
    expect([...t.dataSync()]).toEqual([1, 3, 2, 4]);
    expect(t.qparams).toEqual({
      scheme: 'perChannel',
      axis: 1,
      scales: Float32Array.of(0.5, 0.25),
      zeroPoints: Int32Array.of(0, -5),
    });
  });

  test('are parameters with a scale, too', () => {
    const t = one(
      call(
        'torch._utils._rebuild_parameter',
        qtensor('QInt8', '0', 1, perTensor(1, 0)),
        bool(false),
        call('collections.OrderedDict'),
      ),
      { 0: Int8Array.of(1) },
    );
    expect(t.qparams).toEqual({ scheme: 'perTensor', scale: 1, zeroPoint: 0 });
  });
});

describe('a file', () => {
  test('may lie anywhere in a buffer and be overwritten after', () => {
    const file = ptFile(`${tensor('Float', '0', 2)}.`, { 0: Float32Array.of(1, 2) });
    for (let offset = 0; offset < 9; offset++) {
      const moved = new Uint8Array(file.length + offset);
      moved.set(file, offset);
      const t = parsePt(moved.subarray(offset)) as Tensor;
      moved.fill(0);
      expect([...t.dataSync()]).toEqual([1, 2]);
    }
  });

  test('may hold other entries, and what comes after the end of its pickle', () => {
    const others = { version: '3\n', byteorder: 'little', '.data/serialization_id': '1', 'code/x.py': 'x' };
    expect(parsePt(ptFile('N.garbage', {}, others))).toBe(null);
  });

  test('is loaded from a path', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'octet-formats-'));
    try {
      const file = path.join(folder, 'm.pt');
      await writeFile(file, fixture('checkpoint'));
      expect(await loadPt(file)).toMatchObject({ epoch: 3 });
      await writeFile(file, 'tiny');
      await expect(loadPt(file)).rejects.toMatchObject({ name: 'FormatError', file, field: 'the file' });
      await expect(loadPt(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('of PyTorch holds a checkpoint', () => {
    const { model, optimizer } = parsePt(fixture('checkpoint')) as Record<string, Record<string, PtValue>>;
    expect(ptStateDict(model).w.shape).toEqual([3]);
    expect(optimizer.state).toBeInstanceOf(Map);
    expect(optimizer.param_groups).toMatchObject([{ betas: [0.9, 0.999], foreach: null, params: [0] }]);
  });
});

describe('a state dict', () => {
  test('is an object of tensors', () => {
    const state = parsePt(fixture('fp32'));
    expect(ptStateDict(state)).toBe(state);
    expect(ptStateDict({})).toEqual({});
  });

  test('lacks the bias that an int8 convolution of PyTorch saves as None', () => {
    const [w] = Object.values(ptStateDict(parsePt(fixture('fp32'))));
    expect(ptStateDict({ 'conv.weight': w, 'conv.bias': null, bias: null })).toEqual({ 'conv.weight': w });
    expect(() => ptStateDict({ 'conv.weight': null })).toThrow('"conv.weight": null');
  });

  test('comes of bytes, and what isn’t bytes is refused by name', () => {
    const { buffer } = fixture('fp32');
    for (const parse of [parsePt, parseSafetensors] as ((bytes: never) => unknown)[])
      for (const bytes of ['model.pt', undefined, buffer] as never[])
        expect(() => parse(bytes)).toThrow(/parse\w+: expected the bytes of a file, a Uint8Array/);
  });

  test.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    [3, '3'],
    ['text', '"text"'],
    [[], '[]'],
    [new Map(), 'an object'],
    [{ epoch: 3 }, '"epoch": 3'],
  ])('is not %j', (value, found) => {
    expect(() => ptStateDict(value)).toThrow(expect.objectContaining({ name: 'ArgumentError', found }));
  });

  test('is not a tensor', () => {
    const t = read(tensor('Float', '0', 1), { 0: Float32Array.of(1) });
    expect(() => ptStateDict(t)).toThrow(/a tensor/);
  });
});
