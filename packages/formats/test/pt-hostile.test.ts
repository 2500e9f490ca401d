import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { type FormatError, parsePt } from '../src';
import { refusal } from './helpers';
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

describe('an archive', () => {
  const refused = (file: Uint8Array) => refusal(() => parsePt(file, { file: 'm.pt' }));
  const float = { 0: Float32Array.of(1, 2) };
  const file = () => ptFile(`${tensor('Float', '0', 2)}.`, float);

  /** Writes over a field of the directory's record of entry `index`, at its place in the format. */
  function patched(index: number, at: number, value: number): Uint8Array {
    const bytes = file();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let record = view.getUint32(bytes.length - 6, true);
    for (let i = 0; i < index; i++) record += 46 + view.getUint16(record + 28, true);
    view.setUint32(record + at, value, true);
    return bytes;
  }

  test.each([
    ['empty', new Uint8Array()],
    ['text', Buffer.from('not a zip archive at all, but some other file')],
    ['what PyTorch wrote before 1.6', Buffer.from('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'latin1')],
    ['64 KiB of zeros', new Uint8Array(1 << 16)],
  ])('is refused if it is %s', (_, bytes) => {
    const error = refused(bytes);
    expect([error.field, error.file]).toEqual(['the file', 'm.pt']);
    expect(error.message).toMatch(/PyTorch 1\.6/);
  });

  test('is refused wherever it is cut', () => {
    const whole = file();
    for (let n = 0; n < whole.length; n++) expect(refused(whole.subarray(0, n)).name).toBe('FormatError');
  });

  test.each([
    ['no entries', {}, 'the archive'],
    ['no folder', { 'data.pkl': 'N.' }, 'the archive'],
    ['no pickle', { 'm/data/0': 'x' }, 'data.pkl'],
    ['its pickle in another folder', { 'm/version': '3', 'n/data.pkl': 'N.' }, 'data.pkl'],
    ['another byte order', { 'm/data.pkl': 'N.', 'm/byteorder': 'middle' }, 'byteorder'],
  ])('is refused with %s', (_, entries, field) => {
    const files = Object.entries(entries).map(([name, content]) => [name, Buffer.from(content)] as const);
    expect(refused(zipSync(Object.fromEntries(files), { level: 0 })).field).toBe(field);
  });

  test('is refused if it is compressed', () => {
    const zeros = { 'm/data.pkl': Buffer.from('N.'), 'm/data/0': new Uint8Array(1 << 20) };
    const error = refused(zipSync(zeros));
    expect(error.found).toBe('compressed (method 8)');
    expect(error.message).toMatch(/save it again/);
  });

  test.each([
    ['a size of 4 GiB', patched(1, 24, 2 ** 32 - 2)],
    ['a stored size of 4 GiB', patched(1, 20, 2 ** 32 - 2)],
    ['the header of encryption', patched(1, 20, 8 + 12)],
    ['its data beyond the end', patched(1, 42, 2 ** 31)],
    ['an unknown method', patched(1, 10, 99)],
  ])('is refused with an entry of %s', (_, bytes) => {
    expect(refused(bytes).field).toMatch(/^"m\/data/);
  });

  test('is refused with a name beyond the end', () => {
    expect(refused(patched(1, 28, 60000)).field).toBe('"data/0"');
  });

  test('is refused with two entries of one name', () => {
    const bytes = Buffer.from(
      zipSync({ 'm/data.pkl': Buffer.from('N.'), 'm/data.pkk': Buffer.from('T.') }, { level: 0 }),
    );
    expect(refused(Buffer.from(bytes.toString('latin1').replaceAll('pkk', 'pkl'), 'latin1')).found).toBe(
      'another',
    );
  });

  test('is refused if it counts more entries than it has', () => {
    const bytes = file();
    bytes.fill(255, bytes.length - 14, bytes.length - 10);
    expect(refused(bytes).name).toBe('FormatError');
  });

  test('is refused if all entries are the same bytes', () => {
    // 1000 records of one entry of 1 MB: nobody wants to copy a gigabyte.
    const names = Array.from({ length: 1000 }, (_, i) => `m/data/${i}`);
    const small = Buffer.from(
      zipSync(Object.fromEntries(names.map((name) => [name, new Uint8Array()])), { level: 0 }),
    );
    const data = Buffer.alloc(1_000_000);
    const directory = small.readUInt32LE(small.length - 6);
    const bytes = Buffer.concat([small.subarray(0, directory), data, small.subarray(directory)]);
    bytes.writeUInt32LE(directory + data.length, bytes.length - 6);
    for (let at = directory + data.length; bytes.readUInt32LE(at) === 0x02014b50; ) {
      bytes.writeUInt32LE(data.length, at + 20);
      bytes.writeUInt32LE(data.length, at + 24);
      bytes.writeUInt32LE(0, at + 42);
      at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30);
    }
    const error = refused(bytes);
    expect([error.field, error.found]).toEqual(['"m/data/1"', 'an entry of 1000000 bytes']);
  });
});

describe('a pickle', () => {
  const refused = (code: string): FormatError => refusal(() => parsePt(ptFile(code)));

  test('is refused wherever it is cut', () => {
    const code = `\x80\x02${dict([text('a'), list(float(1), int(2), call('collections.OrderedDict'))])}.`;
    for (let n = 0; n < code.length; n++) expect(refused(code.slice(0, n)).field).toMatch(/^data\.pkl/);
  });

  test.each([...'0123dgilopPISLVTU\x82\x83\x84\x8b\x97\x98\x00\xff'])(
    'is refused with the opcode %j',
    (opcode) => {
      expect(refused(`\x80\x02]]((${opcode}\x00\x00\x00\x00\n\n.`).field).toBe('data.pkl at byte 6');
    },
  );

  test.each([...'\x85\x86\x87taeusq\x94Rb\x93Q\x81\x90\x91\x92.'])(
    'is refused if the stack is empty at %j',
    (opcode) => {
      for (const before of ['', 'N(']) {
        if (before && 'taeu\x90\x91'.includes(opcode)) continue;
        const error = refused(`${before}${opcode}\x00\x00\x00\x00`);
        expect([error.field, error.expected]).toEqual([
          `data.pkl at byte ${before.length}`,
          expect.stringMatching(/to be preceded by/),
        ]);
      }
    },
  );

  test.each([
    ['a protocol of the future', '\x80\x06N.', 0],
    ['an index that the memo lacks', 'N\x94h\x01.', 2],
    ['a large one', `N${get(2 ** 32 - 1)}.`, 1],
    ['text that has no end', 'X\xff\xff\xff\xffabc.', 0],
    ['a frame that has no end', '\x95\x00\x00', 0],
    ['a long that has no end', '\x8a\xff\x00', 0],
    ['text that is no UTF-8', 'X\x01\x00\x00\x00\xff.', 0],
    ['a global without a name', 'cos\nsystem', 0],
    ['a global named by numbers', 'K\x01K\x02\x93.', 4],
    ['a number that is appended to', 'K\x01K\x02a.', 4],
    ['a number with items', 'K\x01K\x02K\x03s.', 6],
    ['a list with items', ']K\x02K\x03s.', 5],
    ['a key without a value', '}(K\x01u.', 4],
    ['a list as a key', '}]K\x01s.', 4],
    ['a dict as a key', '}}K\x01s.', 4],
    ['a call of a number', 'K\x01)R.', 3],
    ['a call of a dtype', 'ctorch\nint8\n)R.', 13],
    ['a call without a tuple', 'ccollections\nOrderedDict\nNR.', 26],
    ['a call with too many arguments', 'ccollections\nOrderedDict\n(NtR.', 28],
    ['attributes of a list', ']}b.', 2],
    ['attributes that are no dict', '}]b.', 2],
    ['no end', 'N', 1],
  ])('is refused with %s', (_, code, at) => {
    expect(refused(code).field).toBe(`data.pkl at byte ${at}`);
  });

  test.each([
    'os.system',
    'posix.system',
    'builtins.eval',
    'builtins.getattr',
    '__builtin__.exec',
    'torch.load',
    'torch.nn.modules.linear.Linear',
    'torch._utils._rebuild_device_tensor_from_numpy',
    'torch.jit._pickle.build_intlist',
    'torch.ComplexFloatStorage',
    'torch.QUInt4x2Storage',
    'torch.FloatStorage.__init__',
    'torch.__proto__',
    '.constructor',
    'Object.prototype',
  ])('is refused with the global %s', (name) => {
    for (const code of [`${global(name)}.`, `${global(name)}(${text('echo')}tR.`]) {
      const error = refused(code);
      expect([error.field, error.found]).toEqual(['data.pkl at byte 0', JSON.stringify(name)]);
      expect(error.message).toMatch(/state_dict/);
    }
  });

  test.each([
    ['a class', global('torch.FloatStorage')],
    ['a function', global('torch._utils._rebuild_parameter')],
  ])('is refused if it gives %s', (_, code) => {
    expect(refusalOf(code).field).toBe('the value');
  });

  test('is refused if it gives a storage', () => {
    expect(refusalOf(storage('Byte', '0', 1), { 0: Uint8Array.of(1) }).field).toBe('the value');
  });

  test.each([
    ['a list', `]${put(0)}${get(0)}a`, '"[0]"'],
    ['a dict', `}${put(0)}${text('a')}${text('b')}s${text('c')}${get(0)}s`, '"c"'],
    ['a tuple', `(]${put(0)}t${put(1)}${get(0)}${get(1)}a`, '"[0][0]"'],
  ])('is refused if %s holds itself', (_, code, field) => {
    const error = refusalOf(code);
    expect([error.field, error.found]).toEqual([field, 'a container around it']);
  });

  test.each([
    ['tuples', '(', 't'],
    ['lists', ']', 'a'],
    ['dicts', `}${text('a')}`, 's'],
  ])('is refused if it nests %s too deeply', (_, open, close) => {
    for (const depth of [1001, 200_000]) {
      const error = refusalOf(`${open.repeat(depth)}N${close.repeat(depth)}`);
      expect(error.found).toBe('one more');
    }
  });

  test.each([
    [
      'bytes',
      `${global('_codecs.encode')}${put(0)}${tuple(text('x'.repeat(1000)), text('latin1'))}${put(1)}R`,
    ],
    ['sets', `${global('builtins.set')}${put(0)}${tuple(list(...Array(1000).fill(none)))}${put(1)}R`],
    [
      'arrays',
      `${global('numpy._core.numeric._frombuffer')}${put(0)}(B\xe8\x03\x00\x00${'x'.repeat(1000)}${call('numpy.dtype', text('u1'), none, none)}${tuple(int(1000))}${text('C')}t${put(1)}R`,
    ],
  ])('is refused if it makes %s without end of a few', (_, once) => {
    expect(read(`(${once}t`)).toHaveLength(1);
    const error = refusalOf(`(${once}${`${get(0)}${get(1)}R`.repeat(1000)}t`);
    expect(error.expected).toMatch(/no more than a file of this size/);
  });

  test('may fill the memo and share what it holds without harm', () => {
    // 2^100 lists, if it were written out.
    const doubled = Array.from({ length: 100 }, (_, i) => `${put(i)}${get(i)}\x86`);
    expect(read(`]${doubled.join('')}${put(2 ** 32 - 1)}`)).toHaveLength(2);
  });

  test('never floods the message', () => {
    const long = 'x'.repeat(100_000);
    for (const code of [
      global(`${long}.y`),
      dict([text(long), tensor('Float', '0', 1, { size: tuple(int(9)) })]),
      `${text(long)}Q`,
      `${text(long)})R`,
      tensor('Float', long, 1),
      tensor('Float', '0', 1, { size: list(...Array(20).fill(text(long))) }),
    ])
      expect(refusalOf(code, { 0: Float32Array.of(1) }).message.length).toBeLessThan(700);
  });
});

describe('a persistent id', () => {
  const bytes = { 0: Uint8Array.of(1, 2, 3, 4) };
  const byte = global('torch.ByteStorage');

  test.each([
    ['None', none],
    ['text', text('0')],
    ['an empty tuple', tuple()],
    ['short', tuple(text('storage'), byte, text('0'), text('cpu'))],
    ['long', tuple(text('storage'), byte, text('0'), text('cpu'), int(4), none)],
    ['something else', tuple(text('module'), byte, text('0'), text('cpu'), int(4))],
    ['without a kind', tuple(text('storage'), text('ByteStorage'), text('0'), text('cpu'), int(4))],
    ['a number as its key', tuple(text('storage'), byte, int(0), text('cpu'), int(4))],
    ['of a negative length', tuple(text('storage'), byte, text('0'), text('cpu'), int(-1))],
    ['of a fractional length', tuple(text('storage'), byte, text('0'), text('cpu'), float(0.5))],
    [
      'of an infinite length',
      tuple(text('storage'), byte, text('0'), text('cpu'), float(Number.POSITIVE_INFINITY)),
    ],
    ['of a huge length', tuple(text('storage'), byte, text('0'), text('cpu'), '\x8a\x08\0\0\0\0\0\0\0\x40')],
  ])('is refused if it is %s', (_, id) => {
    expect(refusalOf(`${id}Q`, bytes).field).toBe(`data.pkl at byte ${2 + id.length}`);
  });

  test.each([
    ['has no entry', storage('Byte', '1', 4), '"data/1"'],
    ['leaves its folder', storage('Byte', '../data.pkl', 4), '"data/../data.pkl"'],
    ['has too short an entry', storage('Byte', '0', 5), '"data/0"'],
    ['has too long an entry', storage('Byte', '0', 3), '"data/0"'],
    ['has too few bytes', storage('Float', '0', 4), '"data/0"'],
    ['has no whole number of elements', storage('Double', '0', 0), '"data/0"'],
  ])('is refused if the storage %s', (_, code, field) => {
    expect(refusalOf(code, bytes).field).toBe(field);
  });

  test('is refused if it changes its kind or length', () => {
    for (const other of [storage('Char', '0', 4), storage('Byte', '0', 3)])
      expect(refusalOf(tuple(storage('Byte', '0', 4), other), bytes).found).toBe('another kind or length');
  });
});

describe('a tensor', () => {
  const data = { 0: Float32Array.of(1, 2, 3, 4) };
  const minus = int(-1);
  const half = float(0.5);
  const large = '\x8a\x06\0\0\0\0\0\x01';

  test.each([
    ['a negative size', { size: tuple(minus) }, '.shape'],
    ['a fractional size', { size: tuple(half) }, '.shape'],
    ['a size of text', { size: tuple(text('1')) }, '.shape'],
    ['no size', { size: none }, '.shape'],
    [
      'too many dims',
      { size: tuple(...Array(65).fill(int(1))), stride: tuple(...Array(65).fill(int(1))) },
      '.shape',
    ],
    ['more elements than can be', { size: tuple(large, large), stride: tuple(int(0), int(0)) }, '.shape'],
    [
      'the same and none',
      { size: tuple(large, large, int(0)), stride: tuple(int(0), int(0), int(0)) },
      '.shape',
    ],
    ['a negative stride', { stride: tuple(minus) }, '.stride'],
    ['a fractional stride', { stride: tuple(half) }, '.stride'],
    ['too few strides', { stride: tuple() }, '.stride'],
    ['too many strides', { stride: tuple(int(1), int(1)) }, '.stride'],
    ['no strides', { stride: none }, '.stride'],
    ['a negative offset', { offset: minus }, '.storage_offset'],
    ['a fractional offset', { offset: half }, '.storage_offset'],
    ['no offset', { offset: none }, '.storage_offset'],
    ['a view that ends outside', { offset: int(1) }, ''],
    ['a view that strides outside', { stride: tuple(int(2)) }, ''],
    ['a large stride', { stride: tuple(large) }, ''],
    ['a large offset', { offset: large }, ''],
    ['a large offset of nothing', { offset: large, size: tuple(int(0)) }, ''],
    ['a large size', { size: tuple(large) }, ''],
    ['gradients of unknown kind', { grad: none }, '.requires_grad'],
  ])('is refused with %s', (_, view, part) => {
    expect(refusalOf(dict([text('w'), tensor('Float', '0', 4, view)]), data).field).toBe(`"w"${part}`);
  });

  test('is refused without a storage', () => {
    const args = [int(0), tuple(int(1)), tuple(int(1)), bool(false), call('collections.OrderedDict')];
    expect(refusalOf(call('torch._utils._rebuild_tensor_v2', none, ...args)).field).toBe('the value.storage');
  });

  test('is refused with gradients of integers', () => {
    const code = tensor('Int', '0', 1, { grad: bool(true) });
    expect(refusalOf(code, { 0: Int32Array.of(1) }).field).toBe('the value.requires_grad');
  });

  test.each([
    ['a parameter of nothing', call('torch._utils._rebuild_parameter', none, bool(true), none)],
    ['a Size of nothing', call('torch.Size', none)],
    ['a Counter of nothing', call('collections.Counter', none)],
    ['a tensor of too few arguments', call('torch._utils._rebuild_tensor_v2', none)],
    ['a quantized one of too few', call('torch._utils._rebuild_qtensor', none)],
  ])('is refused as %s', (_, code) => {
    expect(refusalOf(code).field).toMatch(/^data\.pkl at byte/);
  });
});

describe('scales and zero points', () => {
  const data = {
    0: Int8Array.of(1, 2, 3, 4),
    1: Float64Array.of(1, 2),
    2: BigInt64Array.of(0n, 2n ** 40n),
    3: Float64Array.of(1, Number.NaN),
    4: BigInt64Array.of(0n, 128n),
    5: BigInt64Array.of(0n, 1n),
  };
  const view = { size: tuple(int(2), int(2)), stride: tuple(int(2), int(1)) };
  const refused = (quantizer: string) =>
    refusalOf(dict([text('q'), qtensor('QInt8', '0', 4, quantizer, view)]), data);
  const perTensor = global('torch.per_tensor_affine');
  const perChannel = global('torch.per_channel_affine');
  const scales = tensor('Double', '1', 2);
  const zeroPoints = tensor('Long', '5', 2);

  test.each([
    ['none', none, '.qscheme'],
    ['nothing', tuple(), '.qscheme'],
    ['an unknown scheme', tuple(global('torch.per_tensor_symmetric'), float(1), int(0)), '.qscheme'],
    ['no scale', tuple(perTensor), '.scale'],
    ['a scale of text', tuple(perTensor, text('1'), int(0)), '.scale'],
    ['no zero point', tuple(perTensor, float(1)), '.zero_point'],
    ['scale 0', tuple(perTensor, float(0), int(0)), ''],
    ['a scale too small for float32', tuple(perTensor, float(1e-50), int(0)), ''],
    ['an infinite scale', tuple(perTensor, float(Number.POSITIVE_INFINITY), int(0)), ''],
    ['a zero point out of range', tuple(perTensor, float(1), int(128)), ''],
    ['a fractional zero point', tuple(perTensor, float(1), float(0.5)), ''],
    ['no axis', tuple(perChannel, scales, zeroPoints), '.axis'],
    ['axis -1', tuple(perChannel, scales, zeroPoints, int(-1)), '.axis'],
    ['axis 2', tuple(perChannel, scales, zeroPoints, int(2)), '.axis'],
    ['a number for scales', tuple(perChannel, float(1), zeroPoints, int(0)), '.scales'],
    [
      'too few scales',
      tuple(perChannel, tensor('Double', '1', 2, { size: tuple(int(1)) }), zeroPoints, int(0)),
      '.scales',
    ],
    [
      'scales outside of their storage',
      tuple(perChannel, tensor('Double', '1', 2, { offset: int(1) }), zeroPoints, int(0)),
      '.scales',
    ],
    [
      'scales of two dims',
      tuple(
        perChannel,
        tensor('Double', '1', 2, { size: tuple(int(2), int(1)), stride: tuple(int(1), int(1)) }),
        zeroPoints,
        int(0),
      ),
      '.scales',
    ],
    [
      'scales of no storage',
      tuple(perChannel, call('torch._utils._rebuild_tensor_v2', ...Array(6).fill(none)), zeroPoints, int(0)),
      '.scales.storage',
    ],
    ['NaN among its scales', tuple(perChannel, tensor('Double', '3', 2), zeroPoints, int(0)), ''],
    ['no zero points', tuple(perChannel, scales, none, int(0)), '.zero_points'],
    ['zero points beyond int32', tuple(perChannel, scales, tensor('Long', '2', 2), int(0)), '.zero_points'],
    ['zero points out of range', tuple(perChannel, scales, tensor('Long', '4', 2), int(0)), ''],
  ])('are refused with %s', (_, quantizer, part) => {
    expect(refused(quantizer).field).toBe(`"q"${part}`);
  });

  test('are refused of a tensor that is not quantized', () => {
    const code = qtensor('Char', '0', 4, tuple(perTensor, float(1), int(0)));
    expect(refusalOf(code, data).field).toBe('the value');
  });

  test('are refused if they are missing', () => {
    expect(refusalOf(tensor('QInt8', '0', 4), data).field).toBe('the value.qscheme');
  });

  test('are refused if there is no end of them', () => {
    // A view repeats one element as often as it likes, and a pickle the view.
    const quantized = (count: number, times: number) => {
      const view = { size: tuple(int(count)), stride: tuple(int(0)) };
      const quantizer = tuple(
        perChannel,
        tensor('Double', '1', 1, view),
        tensor('Long', '2', 1, view),
        int(0),
      );
      const layout = [storage('QInt8', '0', 1), int(0), view.size, view.stride];
      const args = tuple(...layout, quantizer, bool(false), call('collections.OrderedDict'));
      const made = `${global('torch._utils._rebuild_qtensor')}${put(0)}${args}${put(1)}R`;
      return `(${made}${`${get(0)}${get(1)}R`.repeat(times - 1)}t`;
    };
    const one = { 0: Int8Array.of(1), 1: Float64Array.of(1), 2: BigInt64Array.of(0n) };
    expect(read(quantized(100, 2), one)).toHaveLength(2);
    for (const [count, times] of [
      [2 ** 31 - 1, 1],
      [100, 1000],
    ])
      expect(refusalOf(quantized(count, times), one).expected).toMatch(/no more than a file of this size/);
  });
});
