import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create } from '@bufbuild/protobuf';
import { ArgumentError, AutogradError, DTypeError, ShapeError } from '@octet/backend';
import {
  BatchNorm2d,
  Conv2d,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  Linear,
  LocalResponseNorm,
  PReLU,
  ReLU,
  summary,
} from '@octet/nn';
import {
  fromData,
  groupNorm,
  instanceNorm,
  localResponseNorm,
  noGrad,
  ones,
  prelu,
  type Tensor,
  tensor,
  zeros,
} from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { GraphModule, HostTensor, importOnnx, OnnxImportError, type OnnxNode, type Operand } from '../src';
import {
  AttributeProto_AttributeType as A,
  FunctionProtoSchema,
  TensorProto_DataType as T,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../src/onnx.generated';
import { file, floats, graph, ints, node, value } from './files';

const numbers = (t: Tensor) => Array.from(t.dataSync());

/** x → Conv → BatchNormalization → Relu → GlobalAveragePool → Flatten → Gemm. */
function network(): Uint8Array {
  return file({
    inputs: [value('x', ['n', 3, 'h', 'w'])],
    outputs: ['y'],
    nodes: [
      node(
        'Conv',
        ['x', 'features.0.weight', 'features.0.bias'],
        ['a'],
        { pads: [1, 1, 1, 1] },
        { name: '/features/features.0/Conv' },
      ),
      node('BatchNormalization', ['a', 'features.1.weight', 'b', 'm', 'v'], ['c']),
      node('Relu', ['c'], ['d'], {}, { name: '/features/features.2/Relu' }),
      node('GlobalAveragePool', ['d'], ['e'], {}, { name: '/pool/GlobalAveragePool' }),
      node('Flatten', ['e'], ['f']),
      node('Gemm', ['f', 'head.weight', 'head.bias'], ['y'], { transB: 1 }),
    ],
    weights: [
      floats('features.0.weight', [4, 3, 3, 3]),
      floats('features.0.bias', [4]),
      floats('features.1.weight', [4], [1, 2, 3, 4]),
      floats('b', [4], [0, 1, 0, 1]),
      floats('m', [4], [0, 0, 1, 1]),
      floats('v', [4], [1, 2, 3, 4]),
      floats('head.weight', [2, 4]),
      floats('head.bias', [2]),
    ],
  });
}

/** The output of a model of one node (and what it needs), for `x`. */
async function one(
  op: string,
  x: Tensor,
  attributes = {},
  others: Parameters<typeof floats>[] = [],
  opset = 17,
) {
  const model = await importOnnx(
    file(
      {
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [node(op, ['x', ...others.map(([name]) => name)], ['y'], attributes)],
        weights: others.map((o) => floats(...o)),
      },
      { opset },
    ),
  );
  return noGrad(() => model.call(x));
}

describe('a model', () => {
  it('is a module whose layers stand under the names of the file', async () => {
    const model = await importOnnx(network());
    expect(model).toBeInstanceOf(GraphModule);
    expect(Object.keys(model.stateDict())).toEqual([
      ...['features.0.weight', 'features.0.bias'],
      ...['features.1.weight', 'features.1.bias', 'features.1.running_mean', 'features.1.running_var'],
      ...['features.1.num_batches_tracked', 'head.weight', 'head.bias'],
    ]);
    expect(model.getSubmodule('features.0')).toBeInstanceOf(Conv2d);
    expect(model.getSubmodule('features.1')).toBeInstanceOf(BatchNorm2d);
    expect(model.getSubmodule('head')).toBeInstanceOf(Linear);
    expect(model.training).toBe(false);
    expect(model.inputNames).toEqual(['x']);
    expect(model.outputNames).toEqual(['y']);
  });

  it('computes what the layers compute, for any size that the file leaves open', async () => {
    const model = await importOnnx(network());
    for (const shape of [
      [1, 3, 5, 5],
      [2, 3, 7, 4],
    ]) {
      const x = ones(shape);
      const at = (path: string) => model.getSubmodule(path);
      const want = ['features.0', 'features.1', 'features.2', 'pool'].reduce(
        (t, path) => at(path).call(t) as Tensor,
        x,
      );
      expect(numbers(model.call(x))).toEqual(numbers(at('head').call(want.flatten(1)) as Tensor));
    }
  });

  it('is cloned, trained, moved between modes, summarized and printed as other modules are', async () => {
    const model = await importOnnx(network());
    const copy = model.clone();
    const x = ones([2, 3, 4, 4]);
    expect(numbers(copy.call(x))).toEqual(numbers(model.call(x)));
    copy.train();
    copy.call(x).sum().backward();
    const weight = (copy.getSubmodule('features.0') as Conv2d).weight;
    expect(weight.grad?.shape).toEqual([4, 3, 3, 3]);
    expect((model.getSubmodule('features.0') as Conv2d).weight.grad).toBeUndefined();
    model.loadStateDict(copy.stateDict());
    expect(summary(model, x)).toContain('features.0');
    const table = String(model);
    expect(table.split('\n')[0]).toMatch(/^node +calls +inputs +outputs$/);
    expect(table).toMatch(/\/features\/features\.0\/Conv +Conv2d\(3, 4, kernelSize=.*\) +x +a/);
    expect(table).toMatch(/^f +Flatten +e +f$/m);
  });

  it('calls a layer that has taken the place of another, and its hooks', async () => {
    const model = await importOnnx(network());
    model.setSubmodule('head', new Linear(4, 3));
    const seen: number[][] = [];
    model.getSubmodule('features.0').registerForwardHook((_, __, y) => {
      seen.push([...(y as Tensor).shape]);
    });
    expect(model.call(ones([1, 3, 4, 4])).shape).toEqual([1, 3]);
    expect(seen).toEqual([[1, 4, 4, 4]]);
  });

  it('leaves what a hook keeps alive', async () => {
    const model = await importOnnx(network());
    const kept: Tensor[] = [];
    model.getSubmodule('features.0').registerForwardHook((_, __, y) => {
      kept.push(y as Tensor);
    });
    noGrad(() => model.call(ones([1, 3, 4, 4])));
    expect(kept[0].dataSync().length).toBe(64);
  });

  it('refuses inputs of another number, dtype or rank', async () => {
    const model = await importOnnx(network());
    expect(() => model.call()).toThrow(ArgumentError);
    expect(() => model.call(zeros([1, 3, 4, 4], { dtype: 'int32' }))).toThrow(DTypeError);
    expect(() => model.call(zeros([3, 4, 4]))).toThrow(ShapeError);
  });

  it('names the node in the errors of running it', async () => {
    const model = await importOnnx(
      file({
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [node('MatMul', ['x', 'x'], ['y'], {}, { name: 'scores' })],
      }),
    );
    expect(() => model.call(zeros([2, 3]))).toThrow(/matmul in scores \(MatMul\): expected/);
  });

  it('says in backward what has no gradient', async () => {
    const model = await importOnnx(
      file({ inputs: [value('x')], outputs: ['y'], nodes: [node('ReduceProd', ['x'], ['y'])] }),
    );
    const x = tensor([1.5, 2.5], { requiresGrad: true });
    const y = model.call(x);
    expect(numbers(y)).toEqual([3.75]);
    expect(() => y.sum().backward()).toThrow(AutogradError);
  });
});

describe('numbers of a file', () => {
  const read = async (proto: object) => {
    const weight = create(TensorProtoSchema, { name: 'w', ...proto } as never);
    const model = await importOnnx(file({ outputs: ['w'], nodes: [], weights: [weight] }));
    return model.call();
  };

  it.each([
    ['float in its field', { dataType: T.FLOAT, dims: [2n], floatData: [1.5, -2] }, 'float32', [1.5, -2]],
    [
      'double, raw',
      { dataType: T.DOUBLE, dims: [1n], rawData: new Uint8Array(Float64Array.of(0.1).buffer) },
      'float32',
      [Math.fround(0.1)],
    ],
    [
      'float16, raw',
      {
        dataType: T.FLOAT16,
        dims: [4n],
        rawData: new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00).buffer),
      },
      'float32',
      [1, -2, 2 ** -24, Number.POSITIVE_INFINITY],
    ],
    ['float16 in its field', { dataType: T.FLOAT16, dims: [1n], int32Data: [0x3800] }, 'float32', [0.5]],
    [
      'bfloat16',
      { dataType: T.BFLOAT16, dims: [2n], rawData: new Uint8Array(Uint16Array.of(0x3f80, 0xc049).buffer) },
      'float32',
      [1, -3.140625],
    ],
    [
      'int64, raw',
      {
        dataType: T.INT64,
        dims: [2n],
        rawData: new Uint8Array(BigInt64Array.of(-5n, 2n ** 31n - 1n).buffer),
      },
      'int32',
      [-5, 2 ** 31 - 1],
    ],
    [
      'the ends of int64',
      { dataType: T.INT64, dims: [2n], int64Data: [2n ** 63n - 1n, -(2n ** 63n)] },
      'int32',
      [2 ** 31 - 1, -(2 ** 31)],
    ],
    ['bool', { dataType: T.BOOL, dims: [2n], int32Data: [0, 1] }, 'bool', [0, 1]],
    ['int4', { dataType: T.INT4, dims: [3n], rawData: Uint8Array.of(0xf1, 0x08) }, 'int8', [1, -1, -8]],
    ['uint4', { dataType: T.UINT4, dims: [3n], rawData: Uint8Array.of(0xf1, 0x08) }, 'uint8', [1, 15, 8]],
    ['int8 in its field', { dataType: T.INT8, dims: [2n], int32Data: [-3, 4] }, 'int8', [-3, 4]],
  ])('%s', async (_, proto, dtype, want) => {
    const y = await read(proto);
    expect(y.dtype).toBe(dtype);
    expect(numbers(y)).toEqual(want);
  });

  it.each([
    [
      'integers beyond 32 bits',
      { dataType: T.INT64, dims: [1n], int64Data: [2n ** 40n] },
      /initializer 'w': 1 elements of INT64, found 1099511627776/,
    ],
    ['too few', { dataType: T.FLOAT, dims: [3n], floatData: [1] }, /3 elements of FLOAT, found 1 values/],
    ['too few bytes', { dataType: T.FLOAT, dims: [3n], rawData: new Uint8Array(8) }, /8 bytes for 12/],
    ['a negative size', { dataType: T.FLOAT, dims: [-1n] }, /a shape, found \[-1\]/],
    ['texts', { dataType: T.STRING, dims: [1n] }, /found STRING/],
  ])('refuses %s', async (_, proto, message) => {
    await expect(read(proto)).rejects.toThrow(message);
    await expect(read(proto)).rejects.toThrow(OnnxImportError);
  });

  it('takes them wherever they lie in memory', async () => {
    const bytes = network();
    const want = numbers((await importOnnx(bytes)).call(ones([1, 3, 4, 4])));
    for (const shift of [1, 2, 3]) {
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      expect(numbers((await importOnnx(moved)).call(ones([1, 3, 4, 4])))).toEqual(want);
      const buffer = Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift);
      expect(numbers((await importOnnx(buffer)).call(ones([1, 3, 4, 4])))).toEqual(want);
    }
  });
});

describe('weights', () => {
  const x = ones([1, 2]);

  it('may be listed among the inputs', async () => {
    const model = await importOnnx(
      file({
        inputs: [value('x'), value('w', [2, 2])],
        outputs: ['y'],
        nodes: [node('MatMul', ['x', 'w'], ['y'])],
        weights: [floats('w', [2, 2], [1, 2, 3, 4])],
      }),
    );
    expect(model.inputNames).toEqual(['x']);
    expect(numbers(model.call(x))).toEqual([4, 6]);
  });

  it('may be Constant nodes, and reach a layer through others', async () => {
    const model = await importOnnx(
      file({
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [
          node('Constant', [], ['c'], { value: floats('', [4], [1, 2, 3, 4]) }),
          node('Reshape', ['c', 's'], ['r']),
          node('Transpose', ['r'], ['t']),
          node('MatMul', ['x', 't'], ['y'], {}, { name: 'fc' }),
        ],
        weights: [ints('s', [2, -1])],
      }),
    );
    expect(model.getSubmodule('fc')).toBeInstanceOf(Linear);
    expect(numbers((model.getSubmodule('fc') as Linear).weight)).toEqual([1, 2, 3, 4]);
    expect(numbers(model.call(x))).toEqual([3, 7]);
  });

  const external = () => {
    const weight = create(TensorProtoSchema, {
      ...{ name: 'w', dataType: T.FLOAT, dims: [2n, 2n], dataLocation: TensorProto_DataLocation.EXTERNAL },
      externalData: [
        { key: 'location', value: 'weights.bin' },
        { key: 'offset', value: '4' },
        { key: 'length', value: '16' },
      ],
    });
    const bytes = file({
      inputs: [value('x')],
      outputs: ['y'],
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      weights: [weight],
    });
    return { bytes, data: new Uint8Array(Float32Array.of(0, 1, 2, 3, 4).buffer), weight };
  };

  it('may lie in another file: given, or found beside the model', async () => {
    const { bytes, data } = external();
    const given = await importOnnx(bytes, { files: { 'weights.bin': data } });
    expect(numbers(given.call(x))).toEqual([4, 6]);
    await expect(importOnnx(bytes)).rejects.toThrow(/the file 'weights.bin'/);
    const dir = mkdtempSync(join(tmpdir(), 'octet-onnx-'));
    const path = join(dir, 'model.onnx');
    writeFileSync(path, bytes);
    await expect(importOnnx(path)).rejects.toThrow(ArgumentError);
    writeFileSync(join(dir, 'weights.bin'), data);
    expect(numbers((await importOnnx(path)).call(x))).toEqual([4, 6]);
    expect(numbers((await importOnnx(pathToFileURL(path))).call(x))).toEqual([4, 6]);
    await expect(importOnnx(bytes, { files: { 'weights.bin': data.subarray(0, 8) } })).rejects.toThrow(
      /bytes 4 to 20 of 'weights.bin', which has 8/,
    );
  });

  it.each(['../weights.bin', '/etc/passwd', 'a/../../b', 'file:///etc/passwd', 'C:\\w', ''])(
    'may not lie at %j',
    async (location) => {
      const { weight } = external();
      weight.externalData[0].value = location;
      const dir = mkdtempSync(join(tmpdir(), 'octet-onnx-'));
      writeFileSync(join(dir, 'm.onnx'), file({ outputs: ['w'], nodes: [], weights: [weight] }));
      await expect(importOnnx(join(dir, 'm.onnx'))).rejects.toThrow(OnnxImportError);
    },
  );
});

describe('what is known before the model runs', () => {
  it('never comes from sizes that the file declares', async () => {
    const model = await importOnnx(
      file({
        inputs: [value('x', [1, 4])],
        outputs: ['y'],
        nodes: [
          node('Shape', ['x'], ['s']),
          node('Gather', ['s', 'zero'], ['n']),
          node('Unsqueeze', ['n', 'axis'], ['u']),
          node('Concat', ['u', 'rest'], ['t'], { axis: 0 }),
          node('Reshape', ['x', 't'], ['y']),
        ],
        weights: [ints('zero', [0], []), ints('axis', [0]), ints('rest', [2, -1])],
      }),
    );
    expect(model.call(zeros([3, 4])).shape).toEqual([3, 2, 2]);
  });

  it('is left to run time where it is large', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const model = await importOnnx(
      file({
        outputs: ['y'],
        nodes: [node('Tile', ['w', 'times'], ['y'])],
        weights: [floats('w', [1024]), ints('times', [2 ** 24])],
      }),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
    expect(() => model.call()).toThrow(/allocate in y \(Tile\)/);
  });

  it('may be told by inputs: the branch that is never taken goes', async () => {
    const branch = (op: string) => graph({ outputs: ['r'], nodes: [node(op, ['x'], ['r'])] });
    const bytes = file({
      inputs: [value('x'), value('rate', [], T.INT64)],
      outputs: ['y'],
      nodes: [
        node('Equal', ['rate', 'wide'], ['is']),
        node('If', ['is'], ['y'], { then_branch: branch('Relu'), else_branch: branch('Neg') }),
      ],
      weights: [ints('wide', [16000], [])],
    });
    const x = tensor([-1, 2]);
    const bound = await importOnnx(bytes, { inputs: { rate: 16000 } });
    expect(bound.inputNames).toEqual(['x']);
    expect(bound.graph.nodes.map(({ op }) => op)).toEqual(['Relu']);
    expect(numbers(bound.call(x))).toEqual([0, 2]);
    const open = await importOnnx(bytes);
    const rate = (n: number) => tensor(n, { dtype: 'int32' });
    expect(numbers(open.call(x, rate(16000)))).toEqual([0, 2]);
    expect(numbers(open.call(x, rate(8000)))).toEqual([1, -2]);
    await expect(importOnnx(bytes, { inputs: { rat: 1 } })).rejects.toThrow(
      /inputs among x, rate, found 'rat'/,
    );
  });

  it('may be told by dims, which are checked then', async () => {
    const model = await importOnnx(network(), { dims: { n: 1, h: 8 } });
    expect(model.call(ones([1, 3, 8, 5])).shape).toEqual([1, 2]);
    expect(() => model.call(ones([2, 3, 8, 5]))).toThrow(/'x' \[1, 3, 8, w\], found \[2, 3, 8, 5\]/);
    await expect(importOnnx(network(), { dims: { batch: 1 } })).rejects.toThrow(OnnxImportError);
    await expect(importOnnx(network(), { dims: { n: 1.5 } })).rejects.toThrow(ArgumentError);
  });
});

describe('control flow', () => {
  it('loops until a condition that is known when it runs, and collects', async () => {
    const body = graph({
      inputs: [value('i', [], T.INT64), value('go', [], T.BOOL), value('a')],
      outputs: ['more', 'b', 'a'],
      nodes: [
        node('Add', ['a', 'a'], ['b']),
        node('ReduceSum', ['b'], ['total'], { keepdims: 0 }),
        node('Less', ['total', 'limit'], ['more']),
      ],
    });
    const model = await importOnnx<Tensor[]>(
      file({
        inputs: [value('x')],
        outputs: ['last', 'all'],
        nodes: [node('Loop', ['', '', 'x'], ['last', 'all'], { body })],
        weights: [floats('limit', [], [20])],
      }),
    );
    const [last, all] = noGrad(() => model.call(tensor([1, 2])));
    expect(numbers(last)).toEqual([8, 16]);
    expect(all.shape).toEqual([3, 2]);
    expect(numbers(all)).toEqual([1, 2, 2, 4, 4, 8]);
  });

  const functionOf = (name: string, nodes: ReturnType<typeof node>[], attributes: string[] = []) =>
    create(FunctionProtoSchema, {
      name,
      domain: 'own',
      input: ['a'],
      output: ['b'],
      node: nodes,
      attribute: attributes,
      opsetImport: [
        { domain: '', version: 17n },
        { domain: 'own', version: 1n },
      ],
    });

  it('writes functions out, with their attributes', async () => {
    const inner = node('LeakyRelu', ['a'], ['b']);
    inner.attribute.push({
      ...node('X', [], [], { alpha: { float: 0 } }).attribute[0],
      refAttrName: 'slope',
      type: A.FLOAT,
    });
    const model = await importOnnx(
      file(
        {
          inputs: [value('x')],
          outputs: ['y'],
          nodes: [node('Leak', ['x'], ['y'], { slope: { float: 0.25 } }, { domain: 'own' })],
        },
        { functions: [functionOf('Leak', [inner], ['slope'])], domains: { own: 1 } },
      ),
    );
    expect(numbers(model.call(tensor([-4, 4])))).toEqual([-1, 4]);
  });

  it('refuses functions that never end', async () => {
    const again = functionOf('F', [
      node('F', ['a'], ['c'], {}, { domain: 'own' }),
      node('F', ['c'], ['b'], {}, { domain: 'own' }),
    ]);
    const bytes = file(
      { inputs: [value('x')], outputs: ['y'], nodes: [node('F', ['x'], ['y'], {}, { domain: 'own' })] },
      { functions: [again], domains: { own: 1 } },
    );
    await expect(importOnnx(bytes)).rejects.toThrow(/at most 32 deep/);
  });
});

describe('operators', () => {
  const unknown = () =>
    file(
      {
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [
          node('Nothing', ['x'], ['a'], {}, { name: 'first' }),
          node('Nothing', ['a'], ['b'], {}, { name: 'second' }),
          node('Other', ['b'], ['c'], {}, { name: 'third', domain: 'com.example' }),
          node('Mish', ['c'], ['d'], {}, { name: 'fourth' }),
          node('MaxPool', ['d'], ['y'], { kernel_shape: [99, 99, 99] }, { name: 'fifth' }),
        ],
      },
      { opset: 6, domains: { 'com.example': 3 } },
    );

  it('that Octet lacks, or has of other versions only, are named together', async () => {
    const error = await importOnnx(unknown()).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(OnnxImportError);
    expect((error as Error).message).toContain("Nothing: 2 × ('first', 'second')");
    expect((error as Error).message).toContain("com.example.Other: 1 × ('third')");
    expect((error as Error).message).toContain("Mish, version 6 (Octet has 18 and later): 1 × ('fourth')");
    expect((error as Error).message).toContain("MaxPool, so large a window: 1 × ('fifth')");
  });

  it('of a user come first', async () => {
    const bytes = file(
      {
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [
          node('Twice', ['x'], ['a'], { by: { float: 3 } }, { domain: 'com.example' }),
          node('Relu', ['a'], ['y']),
        ],
      },
      { domains: { 'com.example': 1 } },
    );
    const model = await importOnnx(bytes, {
      operators: [
        {
          ...{ op: 'Twice', domain: 'com.example', since: 1 },
          import: (n) => {
            const by = n.float('by', 2);
            return n.call(([x]) => (x as Tensor).mul(by));
          },
        },
        {
          op: 'Relu',
          since: 1,
          import: (n) => n.call(([x]) => (x instanceof HostTensor ? x : (x as Tensor).neg())),
        },
      ],
    });
    expect(numbers(model.call(tensor([1, -2])))).toEqual([-3, 6]);
  });

  it('of a user are checked, too', async () => {
    const bytes = file({ inputs: [value('x')], outputs: ['y'], nodes: [node('Relu', ['x'], ['y'])] });
    const own = (make: (n: OnnxNode) => Operand[]) =>
      importOnnx(bytes, { operators: [{ op: 'Relu', since: 1, import: make }] });
    const fn = ([x]: readonly unknown[]) => x as Tensor;
    await expect(own((n) => n.call(fn, n.inputs, { output: 1 } as never))).rejects.toThrow(
      /Did you mean 'outputs'/,
    );
    await expect(own((n) => n.layer(new ReLU(), [n.input(0)], { ranks: 1 } as never))).rejects.toThrow(
      /Did you mean 'rank'/,
    );
    await expect(own(() => [])).rejects.toThrow(/Relu 'y': 0 outputs, found an output 0/);
  });

  it('refuses an attribute that it does not read', async () => {
    await expect(one('Relu', zeros([1]), { ceiling: 6 })).rejects.toThrow(/Relu, attribute 'ceiling'/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['no file', Uint8Array.of(1, 2, 3), /an ONNX model/],
    ['an empty file', new Uint8Array(), /a file without a graph/],
    [
      'a value that nobody makes',
      file({ inputs: [value('x')], outputs: ['y'], nodes: [node('Relu', ['z'], ['y'], {}, { name: 'r' })] }),
      /a value 'z' for Relu 'r'/,
    ],
    [
      'an output that nobody makes',
      file({ inputs: [value('x')], outputs: ['y'], nodes: [] }),
      /a value 'y' for the output/,
    ],
    [
      'a missing input',
      file({ inputs: [value('x')], outputs: ['y'], nodes: [node('Add', ['x'], ['y'])] }),
      /Add 'y': an input 1, found 1 inputs/,
    ],
    [
      'an attribute of another type',
      file({ inputs: [value('x')], outputs: ['y'], nodes: [node('Flatten', ['x'], ['y'], { axis: 'one' })] }),
      /attribute 'axis' of type INT, found STRING/,
    ],
    [
      'a kernel of another shape',
      file({
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [node('Conv', ['x', 'w'], ['y'], { kernel_shape: [5, 5] })],
        weights: [floats('w', [1, 1, 3, 3])],
      }),
      /kernel_shape \[3,3\]/,
    ],
    [
      'groups that do not divide',
      file({
        inputs: [value('x')],
        outputs: ['y'],
        nodes: [node('Conv', ['x', 'w'], ['y'], { group: 2 })],
        weights: [floats('w', [3, 1, 3, 3])],
      }),
      /Conv 'y': a weight .* a multiple of 2 groups/,
    ],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(importOnnx(bytes)).rejects.toThrow(message);
    await expect(importOnnx(bytes)).rejects.toThrow(OnnxImportError);
  });

  it('refuses other sources', async () => {
    await expect(importOnnx(5 as never)).rejects.toThrow(ArgumentError);
    await expect(importOnnx('/no/such/file.onnx')).rejects.toThrow(/a file at '\/no\/such\/file.onnx'/);
    await expect(importOnnx(network(), { input: {} } as never)).rejects.toThrow(/Did you mean 'inputs'/);
  });

  it('pads unevenly before a convolution, and as the size of the input asks', async () => {
    const x = fromData(
      Float32Array.from({ length: 25 }, (_, i) => i),
      [1, 1, 5, 5],
    );
    const w = [['w', [1, 1, 2, 2], [1, 1, 1, 1]]] as Parameters<typeof floats>[];
    const uneven = await one('Conv', x, { pads: [0, 0, 1, 1] }, w);
    expect(uneven.shape).toEqual([1, 1, 5, 5]);
    expect(numbers(uneven).slice(-1)).toEqual([24]);
    const same = await one('Conv', x, { auto_pad: 'SAME_LOWER', strides: [2, 2] }, w);
    expect(same.shape).toEqual([1, 1, 3, 3]);
    expect(numbers(same)[0]).toBe(0);
  });

  it('softmax of before version 13 sums over all dims from the axis on', async () => {
    const y = await one('Softmax', zeros([2, 2, 2]), { axis: 1 }, [], 11);
    expect(numbers(y)).toEqual(new Array(8).fill(0.25));
    expect(numbers(await one('Softmax', zeros([2, 2, 2]), { axis: 1 }, [], 13))).toEqual(
      new Array(8).fill(0.5),
    );
  });

  it('with constant scales are layers, which quantize', async () => {
    const layerOf = async (
      op: string,
      rank: number,
      attributes: Parameters<typeof node>[3],
      others: Parameters<typeof floats>[],
      opset: number,
    ) => {
      const shape = ['n', 4, 'h', 'w'].slice(0, rank);
      const model = await importOnnx(
        file(
          {
            inputs: [value('x', shape)],
            outputs: ['y'],
            nodes: [node(op, ['x', ...others.map(([name]) => name)], ['y'], attributes)],
            weights: others.map((o) => floats(...o)),
          },
          { opset },
        ),
      );
      const x = tensor(
        Float32Array.from({ length: 2 * 4 * 3 * 3 }, (_, i) => Math.sin(i * i)),
        [2, 4, 3, 3],
      );
      const input = rank === 3 ? x.flatten(2) : x;
      return { layer: model.children()[0], x: input, y: noGrad(() => model.call(input)) };
    };
    const scale: Parameters<typeof floats> = ['s', [4], [1, 2, 3, 4]];
    const bias: Parameters<typeof floats> = ['b', [4], [0, 1, 0, -1]];
    const near = (y: Tensor, want: Tensor) => {
      expect(y.shape).toEqual(want.shape);
      expect(y.sub(want).abs().amax().itemSync()).toBeLessThan(1e-5);
    };
    const [w, b] = [tensor([1, 2, 3, 4]), tensor([0, 1, 0, -1])];

    for (const rank of [3, 4]) {
      const instance = await layerOf(
        'InstanceNormalization',
        rank,
        { epsilon: { float: 0.5 } },
        [scale, bias],
        17,
      );
      expect(instance.layer).toBeInstanceOf(rank === 3 ? InstanceNorm1d : InstanceNorm2d);
      near(instance.y, instanceNorm(instance.x, { weight: w, bias: b, eps: 0.5 }));
    }
    const group = await layerOf(
      'GroupNormalization',
      4,
      { num_groups: 2, epsilon: { float: 0.5 } },
      [scale, bias],
      21,
    );
    expect(group.layer).toBeInstanceOf(GroupNorm);
    near(group.y, groupNorm(group.x, 2, w, b, 0.5));
    const response = await layerOf(
      'LRN',
      4,
      { size: 3, alpha: { float: 0.5 }, beta: { float: 0.5 }, bias: { float: 2 } },
      [],
      17,
    );
    expect(response.layer).toBeInstanceOf(LocalResponseNorm);
    near(response.y, localResponseNorm(response.x, 3, { alpha: 0.5, beta: 0.5, k: 2 }));
    const leaky = await layerOf('PRelu', 4, {}, [['s', [4, 1, 1], [1, 2, 3, 4]]], 17);
    expect(leaky.layer).toBeInstanceOf(PReLU);
    near(leaky.y, prelu(leaky.x, w));
    const all = await layerOf('PRelu', 4, {}, [['s', [1], [0.5]]], 17);
    expect(all.layer).toBeInstanceOf(PReLU);
    near(all.y, prelu(all.x, tensor([0.5])));
    const rows = await layerOf('PRelu', 4, {}, [['s', [3], [1, 2, 3]]], 17);
    expect(rows.layer).toBeUndefined();
    near(
      rows.y,
      rows.x.relu().sub(
        rows.x
          .neg()
          .relu()
          .mul(tensor([1, 2, 3])),
      ),
    );
  });

  it('of before version 7 align the second operand at an axis', async () => {
    const x = zeros([1, 2, 2, 1]);
    const y = await one('Add', x, { broadcast: 1, axis: 1 }, [['b', [2], [1, 2]]], 6);
    expect(numbers(y)).toEqual([1, 1, 2, 2]);
    const less = await one('Less', x, { broadcast: 1, axis: 1 }, [['b', [2], [-1, 2]]], 6);
    expect(numbers(less)).toEqual([0, 0, 1, 1]);
    const leaky = await one('PRelu', x.sub(1), {}, [['slope', [2], [0.5, 0.25]]], 6);
    expect(numbers(leaky)).toEqual([-0.5, -0.5, -0.25, -0.25]);
    const gemm = await one(
      'Gemm',
      ones([2, 2]),
      { broadcast: 1 },
      [
        ['w', [2, 2], [1, 2, 3, 4]],
        ['c', [2], [1, 1]],
      ],
      6,
    );
    expect(numbers(gemm)).toEqual([5, 7, 5, 7]);
  });

  it('say what they lack with a typed error that names the node, also when that shows only in a call', async () => {
    const bytes = file({
      inputs: [value('x', ['n', 1, 'h', 'w'])],
      outputs: ['y'],
      nodes: [
        node('ConvTranspose', ['x', 'w'], ['y'], { auto_pad: 'SAME_UPPER', strides: [5, 5] }, { name: 'up' }),
      ],
      weights: [floats('w', [1, 1, 3, 3])],
    });
    const model = await importOnnx<Tensor>(bytes);
    const call = () => noGrad(() => model.call(ones([1, 1, 4, 4])));
    expect(call).toThrow(OnnxImportError);
    expect(call).toThrow(/ConvTranspose 'up'.*larger than the kernel reaches/);
  });

  describe('from their pieces', () => {
    const types = async (nodes: ReturnType<typeof node>[], weights: ReturnType<typeof floats>[]) => {
      const model = await importOnnx(
        file({ inputs: [value('x', [2, 4])], outputs: ['y'], nodes, weights }, { opset: 13 }),
      );
      return model.graph.nodes.map(({ target, op }) =>
        typeof target === 'string' ? model.getSubmodule(target).constructor.name : op,
      );
    };
    const scalar = (name: string, v: number) => floats(name, [], [v]);
    const gelu = (half: number) =>
      [
        [
          node('Div', ['x', 'root'], ['a']),
          node('Erf', ['a'], ['b']),
          node('Add', ['b', 'one'], ['c']),
          node('Mul', ['x', 'c'], ['d']),
          node('Mul', ['d', 'half'], ['y']),
        ],
        [scalar('root', Math.SQRT2), scalar('one', 1), scalar('half', half)],
      ] as const;

    it('become layers', async () => {
      expect(await types(...(gelu(0.5) as unknown as [never, never]))).toEqual(['GELU']);
      const swish = [
        node('Add', ['x', 'three'], ['a']),
        node('Clip', ['a', 'zero', 'six'], ['b']),
        node('Mul', ['x', 'b'], ['c']),
        node('Div', ['c', 'six'], ['y']),
      ];
      expect(await types(swish, [scalar('three', 3), scalar('zero', 0), scalar('six', 6)])).toEqual([
        'Hardswish',
      ]);
      const gate = [
        node('Add', ['x', 'three'], ['a']),
        node('Clip', ['a', 'zero', 'six'], ['b']),
        node('Div', ['b', 'six'], ['y']),
      ];
      expect(await types(gate, [scalar('three', 3), scalar('zero', 0), scalar('six', 6)])).toEqual([
        'Hardsigmoid',
      ]);
      const silu = [node('Sigmoid', ['x'], ['a']), node('Mul', ['a', 'x'], ['y'])];
      expect(await types(silu, [])).toEqual(['SiLU']);
      const mish = [
        node('Softplus', ['x'], ['a']),
        node('Tanh', ['a'], ['b']),
        node('Mul', ['x', 'b'], ['y']),
      ];
      expect(await types(mish, [])).toEqual(['Mish']);
      const leaky = [node('Mul', ['x', 'fifth'], ['a']), node('Max', ['x', 'a'], ['y'])];
      expect(await types(leaky, [scalar('fifth', 0.2)])).toEqual(['LeakyReLU']);
      const line = [node('MatMul', ['x', 'fc.weight'], ['a']), node('Add', ['shift', 'a'], ['y'])];
      const weights = [floats('fc.weight', [4, 3]), floats('shift', [3])];
      expect(await types(line, weights)).toEqual(['Linear']);
      const model = await importOnnx(file({ inputs: [value('x')], outputs: ['y'], nodes: line, weights }));
      expect(Object.keys(model.stateDict())).toEqual(['fc.weight', 'fc.bias']);
      const x = ones([2, 4]);
      const at = (i: number, j: number) => Math.sin(i * 3 + j + 9) / 2;
      const want = [0, 1, 2].map((j) => [0, 1, 2, 3].reduce((sum, i) => sum + at(i, j), Math.sin(j + 5) / 2));
      for (const [j, v] of numbers(model.call(x)).entries()) expect(v).toBeCloseTo(want[j % 3], 5);
    });

    it('stay as they are where a number is another, or a piece is used elsewhere', async () => {
      expect(await types(...(gelu(0.6) as unknown as [never, never]))).toHaveLength(5);
      const leaky = [node('Mul', ['x', 'twice'], ['a']), node('Max', ['x', 'a'], ['y'])];
      expect(await types(leaky, [scalar('twice', 2)])).toEqual(['Mul', 'Max']);
      const used = [
        node('Mul', ['x', 'fifth'], ['a']),
        node('Max', ['x', 'a'], ['b']),
        node('Sub', ['b', 'a'], ['y']),
      ];
      expect(await types(used, [scalar('fifth', 0.2)])).toEqual(['Mul', 'LeakyReLU', 'Sub']);
    });
  });
});
