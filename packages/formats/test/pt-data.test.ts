import { setBackend, Tensor } from '@octet/tensor';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { PtObject, type PtValue, parsePt, ptStateDict } from '../src';
import { referenceBackend, refusal, withoutFloat64 } from './helpers';
import {
  bool,
  call,
  dict,
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
  storage,
  tensor,
  text,
  tuple,
} from './pt-helpers';

/** The value beside a state dict, which must be readable whatever it is. */
function beside(code: string): PtValue {
  const both = dict([text('state_dict'), dict([text('w'), tensor('Float', '0', 1)])], [text('other'), code]);
  const value = read(both, { 0: Float32Array.of(7) }) as Record<string, Record<string, PtValue>>;
  expect([...ptStateDict(value.state_dict).w.dataSync()]).toEqual([7]);
  return value.other;
}

const latin = (value: string) => call('_codecs.encode', text(value), text('latin1'));
const empty = ')';
/** An object made as `copyreg.__newobj__` does. */
const made = (name: string, ...args: string[]) => `${global(name)}${tuple(...args)}\x81`;

describe('plain data beside a state dict', () => {
  test.each<[string, string, unknown]>([
    ['a set', call('__builtin__.set', list(int(1), text('a'))), new Set([1, 'a'])],
    ['a set of protocol 4', `\x8f(${int(1)}${int(2)}\x90`, new Set([1, 2])],
    ['an empty set', call('builtins.set', list()), new Set()],
    ['a frozenset', call('builtins.frozenset', list(int(1))), new Set([1])],
    ['a frozenset of protocol 4', `(${int(1)}\x91`, new Set([1])],
    ['a set of tuples', call('builtins.set', list(tuple(int(1), int(2)))), new Set([[1, 2]])],
    ['bytes', latin('ab\xff'), Uint8Array.of(97, 98, 255)],
    ['bytes of protocol 3', 'C\x02ab', Uint8Array.of(97, 98)],
    ['long bytes of protocol 3', 'B\x02\x00\x00\x00ab', Uint8Array.of(97, 98)],
    ['no bytes', `${global('__builtin__.bytes')}${empty}R`, Uint8Array.of()],
    ['a bytearray', call('builtins.bytearray', latin('x')), Uint8Array.of(120)],
    ['a bytearray of protocol 5', '\x96\x01\0\0\0\0\0\0\0x', Uint8Array.of(120)],
    ['a complex number', call('builtins.complex', float(1), float(2)), { real: 1, imag: 2 }],
    ['a device', call('torch.device', text('cuda'), int(1)), 'cuda:1'],
    ['a device without a number', call('torch.device', text('cpu')), 'cpu'],
    ['a layout', call('torch.serialization._get_layout', text('torch.strided')), 'torch.strided'],
    ['a dtype', global('torch.complex64'), 'torch.complex64'],
    [
      'a defaultdict',
      `${call('collections.defaultdict', global('builtins.list'))}${text('a')}${int(1)}s`,
      { a: 1 },
    ],
    ['an OrderedDict of pairs', call('collections.OrderedDict', list(list(text('a'), int(1)))), { a: 1 }],
    ['a deque', `${call('collections.deque', empty, int(5))}(${int(1)}${int(2)}e`, [1, 2]],
    ['a Namespace', `${made('argparse.Namespace')}${dict([text('lr'), float(0.5)])}b`, { lr: 0.5 }],
    ['a SimpleNamespace', `${call('types.SimpleNamespace')}${dict([text('a'), none])}b`, { a: null }],
    ['a dict with tuples as keys', dict([tuple(int(1), int(2)), text('t')]), new Map([[[1, 2], 't']])],
    ['a dict with bytes as keys', dict(['C\x01a', int(1)]), new Map([[Uint8Array.of(97), 1]])],
    ['long text', '\x8d\x02\0\0\0\0\0\0\0ab', 'ab'],
  ])('%s', (_, code, expected) => {
    expect(beside(code)).toEqual(expected);
  });

  const f4 = (order = '<') =>
    `${call('numpy.dtype', text('f4'), bool(false), bool(true))}${tuple(int(3), text(order), none, none)}b`;
  const dtype = (code: string, order = '<') => f4(order).replace('f4', code);
  const scalar = (code: string, raw: string, module = '_core') =>
    call(`numpy.${module}.multiarray.scalar`, dtype(code), latin(raw));
  const array = (code: string, shape: number[], raw: string, { order = '<', fortran = false } = {}) =>
    `${call('numpy.core.multiarray._reconstruct', global('numpy.ndarray'), tuple(int(0)), latin('b'))}${tuple(
      ...[int(1), tuple(...shape.map(int)), dtype(code, order), bool(fortran), latin(raw)],
    )}b`;

  test.each<[string, string, unknown]>([
    ['float64', scalar('f8', '\0\0\0\0\0\0\xf8\x3f'), 1.5],
    ['float32 of older versions', scalar('f4', '\0\0\0\x3f', 'core'), 0.5],
    ['float16', scalar('f2', '\0\x3c'), 1],
    ['int64', scalar('i8', '\x07\0\0\0\0\0\0\0'), 7],
    ['a large uint64', scalar('u8', '\xff\xff\xff\xff\xff\xff\xff\xff'), 2n ** 64n - 1n],
    ['a large uint32', scalar('u4', '\xff\xff\xff\xff'), 2 ** 32 - 1],
    ['a truth value', scalar('b1', '\x01'), true],
    ['text', scalar('U2', 'a\0\0\0b\0\0\0'), 'ab'],
    ['a dtype', dtype('i8'), 'int64'],
    ['a dtype that is no number', dtype('M8'), 'M8'],
  ])('NumPy’s %s', (_, code, expected) => {
    expect(beside(code)).toEqual(expected);
  });

  test('NumPy’s arrays', () => {
    const values = (code: string) => {
      const t = beside(code) as Tensor;
      return [t.dtype, t.shape, [...t.contiguous().dataSync()]];
    };
    expect(values(array('i2', [2, 2], '\x01\0\x02\0\x03\0\x04\0'))).toEqual(['int32', [2, 2], [1, 2, 3, 4]]);
    expect(values(array('u1', [2, 3], '\x01\x02\x03\x04\x05\x06', { fortran: true }))).toEqual([
      ...['uint8', [2, 3]],
      [1, 3, 5, 2, 4, 6],
    ]);
    expect(values(array('f4', [], '\x3f\x80\0\0', { order: '>' }))).toEqual(['float32', [], [1]]);
    const frombuffer = call(
      'numpy._core.numeric._frombuffer',
      ...['\x96\x02\0\0\0\0\0\0\0\x05\x06', dtype('u1', '|'), tuple(int(2)), text('C')],
    );
    expect(values(frombuffer)).toEqual(['uint8', [2], [5, 6]]);
    // Of what isn't a number, or doesn't fit Octet's, nothing but the name is there.
    expect((beside(array('U1', [1], 'a\0\0\0')) as PtObject).type).toBe('numpy.ndarray');
    expect(beside(array('u4', [1], '\xff\xff\xff\xff'))).toBeInstanceOf(PtObject);
    expect(refusalOf(list(array('u1', [3], '\x01'))).found).toBe('an array of shape [3]');
  });
});

describe('what isn’t known', () => {
  test.each<[string, string, string]>([
    ['an object', `${made('decimal.Decimal', text('1.5'))}`, 'decimal.Decimal'],
    ['an enum', call('__main__.Color', int(1)), '__main__.Color'],
    ['a class', global('torch.nn.modules.linear.Linear'), 'torch.nn.modules.linear.Linear'],
    ['a function', call('builtins.getattr', global('os.path'), text('join')), 'builtins.getattr'],
    ['a known function', global('torch._utils._rebuild_parameter'), 'torch._utils._rebuild_parameter'],
    ['a storage', storage('Float', '0', 1), 'torch.storage'],
    ['a call that would run code', call('os.system', text('echo')), 'os.system'],
    ['complex numbers', tensor('ComplexFloat', '9', 3), 'torch.Tensor (torch.ComplexFloat)'],
    [
      'a sparse tensor',
      call('torch._utils._rebuild_sparse_tensor', none, none),
      'torch._utils._rebuild_sparse_tensor',
    ],
  ])('%s is a placeholder', (_, code, type) => {
    const value = beside(code);
    expect(value).toBeInstanceOf(PtObject);
    expect((value as PtObject).type).toBe(type);
  });

  test('keeps what the file says of it, read when it is asked for', () => {
    const attributes = dict(
      [text('scale'), tensor('Float', '0', 1)],
      [text('bad'), tensor('Float', '0', 1, { size: tuple(int(9)) })],
    );
    const value = beside(`${made('my.List', int(3))}(${int(1)}${int(2)}e${attributes}b`) as PtObject;
    expect([value.type, value.args, value.items]).toEqual(['my.List', [3], [1, 2]]);
    expect(refusal(() => value.state).field).toBe('"other.state.bad"');
    const dictLike = beside(`${made('my.Dict')}${text('a')}${int(1)}s`) as PtObject;
    expect([dictLike.items, dictLike.state]).toEqual([[['a', 1]], undefined]);
  });

  test('may hold itself', () => {
    const value = beside(`${made('my.Node')}${put(0)}${dict([text('me'), get(0)])}b`) as PtObject;
    expect(((value.state as { me: PtObject }).me.state as { me: PtObject }).me.type).toBe('my.Node');
  });

  test('as the whole of a file is refused: nothing of it could be used', () => {
    const error = refusalOf(`${made('my.Net')}${dict([text('training'), bool(true)])}b`);
    expect([error.field, error.found]).toEqual(['data.pkl at byte 2', '"my.Net"']);
    expect(error.fix).toMatch(/state_dict/);
  });

  test('in a state dict is named', () => {
    const state = read(dict([text('w'), tensor('ComplexFloat', '9', 3)]));
    expect(() => ptStateDict(state)).toThrow('"w": an object of "torch.Tensor (torch.ComplexFloat)"');
    expect(() => ptStateDict(beside(made('my.Net')))).toThrow('an object of "my.Net"');
  });
});

describe('tensors', () => {
  const untyped = `${tuple(text('storage'), global('torch.storage.UntypedStorage'), text('0'), text('cpu'), int(4))}Q`;
  const v3 = (dtype: string) =>
    call(
      'torch._utils._rebuild_tensor_v3',
      ...[untyped, int(0), tuple(int(2)), tuple(int(1)), bool(false), call('collections.OrderedDict')],
      global(`torch.${dtype}`),
    );

  test('of the later dtypes', () => {
    const t = read(v3('uint16'), { 0: Uint16Array.of(1, 65535) }) as Tensor;
    expect([t.dtype, [...t.dataSync()]]).toEqual(['int32', [1, 65535]]);
    const [f8] = read(list(v3('float8_e4m3fn')), { 0: Uint16Array.of(1, 2) }) as PtObject[];
    expect(f8.type).toBe('torch.Tensor (torch.float8_e4m3fn)');
  });

  test('that are buffers and parameters of their own class', () => {
    const wrapped = (type: string) =>
      call(
        'torch._tensor._rebuild_from_type_v2',
        global('torch._utils._rebuild_tensor_v2'),
        global(type),
        tuple(storage('Float', '0', 1), int(0), tuple(int(1)), tuple(int(1)), bool(false), none),
        dict([text('persistent'), bool(true)]),
      );
    expect((read(wrapped('torch.Tensor'), { 0: Float32Array.of(3) }) as Tensor).shape).toEqual([1]);
    expect(read(list(wrapped('my.Tensor')), { 0: Float32Array.of(3) })).toEqual([expect.any(PtObject)]);
  });

  test('with the highest byte first', () => {
    const big = { byteorder: 'big' };
    const of = (kind: string, raw: number[], count: number) => [
      ...(
        parsePt(ptFile(`${tensor(kind, '0', count)}.`, { 0: Uint8Array.from(raw) }, big)) as Tensor
      ).dataSync(),
    ];
    expect(of('Float', [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], 2)).toEqual([1, -2]);
    expect(of('Long', [0, 0, 0, 0, 0, 0, 1, 2], 1)).toEqual([258]);
    expect(of('BFloat16', [0x3f, 0x80], 1)).toEqual([1]);
    expect(of('Byte', [1, 2], 2)).toEqual([1, 2]);
    const quantizer = tuple(global('torch.per_tensor_affine'), float(1), int(0));
    const q = `${qtensor('QInt32', '0', 1, quantizer)}.`;
    expect([...(parsePt(ptFile(q, { 0: Uint8Array.of(0, 0, 0, 5) }, big)) as Tensor).dataSync()]).toEqual([
      5,
    ]);
    expect(refusal(() => parsePt(ptFile('N.', {}, { byteorder: 'middle' }))).field).toBe('byteorder');
  });

  test('of float64 are float32 where there is no float64, which is said once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => {
      warn.mockRestore();
      setBackend(referenceBackend);
    });
    setBackend(withoutFloat64);
    const both = list(tensor('Double', '0', 1), tensor('Double', '1', 1));
    const data = { 0: Float64Array.of(Math.PI), 1: Float64Array.of(2) };
    const [a, b] = read(both, data) as Tensor[];
    expect([a.dtype, b.dtype, ...a.dataSync()]).toEqual(['float32', 'float32', Math.fround(Math.PI)]);
    expect(warn).toHaveBeenCalledTimes(1);
    setBackend(referenceBackend);
    expect((read(both, data) as Tensor[])[0].dtype).toBe('float64');
  });
});

describe('int8 modules of PyTorch', () => {
  const perTensor = tuple(global('torch.per_tensor_affine'), float(0.5), int(0));
  const weight = qtensor('QInt8', '0', 2, perTensor);
  const data = { 0: Int8Array.of(1, 2), 1: Float32Array.of(7) };
  const bias = tensor('Float', '1', 1);
  const object = (name: string, state: string) =>
    `${made('torch.ScriptObject')}${tuple(state, text(`__torch__.torch.classes.${name}`))}b`;
  const packed = object('quantized.LinearPackedParamsBase', tuple(weight, bias));
  const namesOf = (...entries: [string, string][]) => {
    const state = ptStateDict(read(dict(...entries.map(([k, v]) => [text(k), v] as [string, string])), data));
    expect(Object.values(state).every((t) => t instanceof Tensor)).toBe(true);
    return Object.keys(state);
  };

  test('linear layers are unpacked', () => {
    const dtype = ['fc._packed_params.dtype', global('torch.qint8')] as [string, string];
    const scale = ['fc.scale', bias] as [string, string];
    expect(namesOf(scale, dtype, ['fc._packed_params._packed_params', tuple(weight, bias)])).toEqual([
      ...['fc.scale', 'fc.weight', 'fc.bias'],
    ]);
    expect(namesOf(['_packed_params._packed_params', tuple(weight, none)])).toEqual(['weight']);
    expect(namesOf(['a.fc._packed_params', packed])).toEqual(['a.fc.weight', 'a.fc.bias']);
  });

  test('so are the layers of an LSTM', () => {
    const cell = (kind: string) =>
      object(
        'rnn.CellParamsBase',
        tuple(text(kind), list(bias, bias), list(), list(int(1)), list(packed, packed)),
      );
    expect(namesOf(['lstm._all_weight_values.1.param', cell('quantized_dynamic')])).toEqual([
      ...['lstm.weight_ih_l1', 'lstm.bias_ih_l1', 'lstm.weight_hh_l1', 'lstm.bias_hh_l1'],
    ]);
    expect(() => namesOf(['lstm._all_weight_values.0.param', cell('quantized_fp16')])).toThrow(
      '"lstm._all_weight_values.0.param": an object of "torch.ScriptObject"',
    );
  });

  test.each([
    ['fc._packed_params._packed_params', list(weight)],
    ['fc._packed_params._packed_params', none],
    ['fc._packed_params._packed_params', tuple(int(1), none)],
    ['fc._packed_params.dtype', int(1)],
    ['lstm._all_weight_values.0.param', tuple()],
    ['lstm._all_weight_values.x.param', packed],
    ['fc_packed_params', packed],
  ])('%s must be what PyTorch makes it', (key, code) => {
    expect(() => namesOf([key, code])).toThrow(expect.objectContaining({ name: 'ArgumentError' }));
  });
});
