import { BackendError, OctetError } from '@octet/backend';
import { Tensor, zeros } from '@octet/tensor';
import { describe, expect, test, vi } from 'vitest';
import { Buffer, Linear, Module, ModuleList, Parameter, Sequential } from '../src';

class Failing extends Module {
  forward(x: Tensor): Tensor {
    return x.add(zeros([7]));
  }
}

class Block extends Module {
  readonly layers = new ModuleList([new Linear(3, 3), new Failing()]);

  forward(x: Tensor): Tensor {
    let h = x;
    for (const layer of this.layers) h = layer.call(h);
    return h;
  }
}

class Net extends Module {
  readonly stem = new Sequential(new Linear(3, 3));
  readonly blocks = new Sequential(new Sequential(new Linear(3, 3), new Block()));

  forward(x: Tensor): Tensor {
    return this.blocks.call(this.stem.call(x));
  }
}

function thrown(fn: () => unknown): OctetError {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(OctetError);
    return error as OctetError;
  }
  throw new Error('nothing was thrown');
}

describe('an error in forward', () => {
  test('names the path and the class of the module, through lists and sequences', () => {
    const error = thrown(() => new Net().call(zeros([2, 3])));
    expect(error.module).toEqual({ path: 'blocks.0.1.layers.1', type: 'Failing' });
    expect(error.message).toMatch(
      /^add in blocks\.0\.1\.layers\.1 \(Failing\): expected shapes that broadcast/,
    );
    expect(error.stack).toContain(`Error: ${error.message}`);
    expect([error.op, error.expected.slice(0, 6)]).toEqual(['add', 'shapes']);
  });

  test('of the module that was called itself names its class', () => {
    const error = thrown(() => new Linear(3, 2).call(zeros([1, 4])));
    expect(error.module).toEqual({ path: '', type: 'Linear' });
    expect(error.message).toMatch(/^linear in Linear: expected x \[\.\.\., 3\]/);
  });

  test('in a hook, and in a module that belongs to nobody', () => {
    const net = new Net();
    const outside = new Failing();
    net.stem[0].registerForwardHook((_, __, y) => outside.call(y));
    expect(thrown(() => net.call(zeros([2, 3]))).module).toEqual({ path: '', type: 'Failing' });
    net.stem[0].registerForwardHook((_, __, y) => y);
    const other = new Net();
    other.stem[0].registerForwardPreHook((_, [x]) => [x.mul(zeros([9]))]);
    expect(thrown(() => other.call(zeros([2, 3]))).module).toEqual({ path: 'stem.0', type: 'Linear' });
  });

  test('a module under two names goes by the first', () => {
    const shared = new Failing();
    class Twice extends Module {
      readonly first = shared;
      readonly second = shared;
      forward(x: Tensor): Tensor {
        return this.second.call(x);
      }
    }
    expect(thrown(() => new Twice().call(zeros([2]))).module?.path).toBe('first');
  });

  test('other errors pass as they are', () => {
    const error = new TypeError('$& mine');
    class Broken extends Module {
      forward(): Tensor {
        throw error;
      }
    }
    expect(() => new Sequential(new Broken()).call(zeros([1]))).toThrow(error);
    expect(error.message).toBe('$& mine');
  });
});

describe('two copies of the package', async () => {
  vi.resetModules();
  const nn = await import('../src');
  const copy = await import('@octet/tensor');
  const foreign = () => copy.zeros([2, 3]) as unknown as Tensor;

  test('are two', () => {
    expect(nn.Module).not.toBe(Module);
    expect(copy.Tensor).not.toBe(Tensor);
  });

  test.each<[string, () => unknown, string]>([
    ['a tensor in a call', () => new Linear(3, 3).call(foreign()), 'Tensor'],
    [
      'a module of theirs called with a tensor of ours',
      () => new nn.Linear(3, 3).call(zeros([2, 3]) as never),
      'Tensor',
    ],
    ['a module in a sequence', () => new Sequential(new nn.Linear(3, 3) as never), 'Module'],
    ['a module in a list', () => new ModuleList([new nn.Linear(3, 3) as never]), 'Module'],
    [
      'a module put into a sequence',
      () => {
        const layers = new Sequential(new Linear(3, 3));
        layers[0] = new nn.Linear(3, 3) as never;
        return layers.call(zeros([2, 3]));
      },
      'Module',
    ],
    [
      'a module in a field',
      () => Object.assign(new Net(), { head: new nn.Linear(3, 3) }).stateDict(),
      'Module',
    ],
    [
      'a parameter in a field',
      () => Object.assign(new Linear(3, 3), { weight: new nn.Parameter(copy.zeros([3, 3])) }).parameters(),
      'Parameter',
    ],
    [
      'a buffer in a field',
      () => Object.assign(new Linear(3, 3), { table: new nn.Buffer(copy.zeros([3, 3])) }).buffers(),
      'Buffer',
    ],
    ['the data of a parameter', () => new Parameter(foreign()), 'Tensor'],
    ['the data of a buffer', () => new Buffer(foreign()), 'Tensor'],
    [
      'a state dict',
      () => new Linear(3, 3).loadStateDict(new nn.Linear(3, 3).stateDict() as never),
      'Tensor',
    ],
  ])('%s', (_, fn, what) => {
    const error = thrown(fn);
    expect(error).toBeInstanceOf(BackendError);
    expect(error.name).toBe('BackendError');
    expect(error.expected).toBe(`a ${what} of this copy of Octet`);
    expect(error.fix).toContain('as ESM and as CommonJS, or in two versions');
  });
});

test('what is no tensor, in a call', () => {
  for (const wrong of [undefined, null, [1, 2], 3, {}]) {
    expect(thrown(() => new Net().call(wrong as never)).message).toMatch(
      /^linear in stem\.0 \(Linear\): expected a tensor/,
    );
  }
  expect(() => new Sequential(undefined as never)).toThrow(/Sequential: expected a module, found undefined/);
  expect(() => new Parameter([1] as never)).toThrow(/Parameter: expected a tensor, found \[1\]/);
});
