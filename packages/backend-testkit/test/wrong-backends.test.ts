import {
  type Backend,
  bytesPerElement,
  type Clamped,
  extendBackend,
  hostArray,
  type KernelFn,
  type KernelName,
  type Kernels,
  type KernelTable,
  type PrepackingKernel,
  runKernel,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, it } from 'vitest';
import { checkCase, checkKernel, laws, testBackend } from '../src';
import { type KernelCase, kernelCases } from '../src/cases';

const reference = referenceBackend.kernels as Kernels<HostBuffer>;

function right<N extends KernelName>(name: N): KernelFn<KernelTable[N], HostBuffer> {
  return reference[name] as KernelFn<KernelTable[N], HostBuffer>;
}

function wrong(kernels: Partial<Kernels<HostBuffer>>): Backend {
  return extendBackend(referenceBackend, { name: 'wrong', kernels });
}

function stored(change: Partial<Backend<HostBuffer>>): Backend {
  return Object.assign(Object.create(referenceBackend), { name: 'wrong' }, change);
}

interface Slice {
  at: number;
  length: number;
  dtype: StorageDType;
}

/** All buffers side by side in one memory; `fill` writes as many elements as `reach` says. */
function heapBackend(reach: (at: number, length: number) => number): Backend<Slice> {
  const memory = new ArrayBuffer(1 << 20);
  let end = 0;
  const view = ({ at, dtype }: Slice, length: number) => {
    const array = hostArray(dtype, 0).constructor as Float32ArrayConstructor;
    return new array(memory, at, length) as TypedArray;
  };
  const read = (buffer: Slice, length: number) => view(buffer, length).slice();
  return {
    name: 'heap',
    dtypes: referenceBackend.dtypes,
    allocate(dtype, length) {
      const at = Math.ceil(end / bytesPerElement(dtype)) * bytesPerElement(dtype);
      end = at + length * bytesPerElement(dtype);
      return { at, length, dtype };
    },
    write: (buffer, data) => view(buffer, data.length).set(data),
    read: async (buffer, length) => read(buffer, length),
    readSync: read,
    free: () => {},
    kernels: {
      fill: ({ y }, { value }) => {
        view(y.buffer, reach(y.buffer.at, y.shape[0])).fill(value);
      },
    },
  };
}

/** The cases with elements, all of them numbers that adding something to changes. */
function ordinary(kernel: KernelName): KernelCase[] {
  const cases = kernelCases[kernel]() as KernelCase[];
  const elements = cases.filter(({ outputs }) =>
    Object.values(outputs).every(({ shape }) => !shape.includes(0)),
  );
  return elements.filter(({ name }) => !name.includes('NaN'));
}

/** The messages of all cases that fail. */
async function failures(backend: Backend, kernel: KernelName): Promise<string[]> {
  const messages: string[] = [];
  for (const kernelCase of ordinary(kernel)) {
    await checkCase(backend, kernel, kernelCase).catch((error: Error) => messages.push(error.message));
  }
  return messages;
}

async function lawFailures(backend: Backend): Promise<string[]> {
  const messages: string[] = [];
  for (const law of laws) {
    await law.check(backend).catch((error: Error) => messages.push(`${law.name}: ${error.message}`));
  }
  return messages;
}

describe('cases catch', () => {
  it('one bit in one element, and say where', async () => {
    const backend = wrong({
      qconv2d(t, attrs) {
        right('qconv2d')(t, attrs);
        t.y.buffer.data[0] ^= 1;
      },
    });
    const messages = await failures(backend, 'qconv2d');
    expect(messages).toHaveLength(ordinary('qconv2d').length);
    expect(messages[1]).toMatch(
      /^qconv2d '.+' \(exact buffers\): output y \[.+\] differs first at index 0: expected \d+, found \d+ \(1 of \d+ elements, by up to 1; tolerance "exact"\)\. attrs \{"stride":\[1,1\]/,
    );
  });

  it('an element that is not written', async () => {
    const backend = wrong({
      relu({ x, y }) {
        for (let i = 0; i < x.shape[0] - 1; i++) y.buffer.data[i] = Math.max(0, x.buffer.data[i]);
      },
    });
    expect(await failures(backend, 'relu')).toHaveLength(ordinary('relu').length);
  });

  it('integers that are not written, whatever was there before', async () => {
    const backend = wrong({ qadd: () => {}, argmax: () => {} });
    expect(await failures(backend, 'qadd')).toHaveLength(ordinary('qadd').length);
    expect(await failures(backend, 'argmax')).toHaveLength(ordinary('argmax').length);
  });

  it('an input that is changed', async () => {
    const backend = wrong({
      mul(t, attrs) {
        right('mul')(t, attrs);
        t.a.buffer.data[0] += 1;
      },
    });
    const messages = await failures(backend, 'mul');
    expect(messages).toHaveLength(ordinary('mul').length);
    expect(messages[0]).toMatch(/^mul 'n = 1' \(exact buffers\) changed the input a: element 0 was/);
  });

  it('a kernel that takes its length from the buffer', async () => {
    const backend = wrong({
      sum(t, attrs) {
        right('sum')(t, attrs);
        if (t.x.buffer.length !== t.x.shape[0] * t.x.shape[1] * t.x.shape[2]) t.y.buffer.data[0] = 9;
      },
    });
    expect((await failures(backend, 'sum'))[0]).toContain('longer buffers');
  });

  it('a float beyond the tolerance, and none within', async () => {
    const off = (by: number) =>
      wrong({
        // No integers are among its cases.
        div(t, attrs) {
          right('div')(t, attrs);
          t.y.buffer.data[0] += by;
        },
      });
    expect(await failures(off(1e-7), 'div')).toEqual([]);
    expect(await failures(off(1e-3), 'div')).toHaveLength(ordinary('div').length);
  });

  it('packed weights that survive one run only', async () => {
    const qlinear: PrepackingKernel<KernelTable['qlinear'], HostBuffer, { runs: number }> = {
      prepack: () => ({ runs: 0 }),
      run(t, attrs, packed) {
        right('qlinear')(t, attrs);
        packed.runs += 1;
        if (packed.runs > 1) t.y.buffer.data[0] ^= 1;
      },
    };
    const messages = await failures(wrong({ qlinear }), 'qlinear');
    expect(messages).toHaveLength(ordinary('qlinear').length);
    expect(messages[0]).toContain('shared cache, second run');
  });

  it('packed weights that are never freed', async () => {
    const run = right('qlinear');
    // Held here, so that no collection hides the leak.
    const kept: HostBuffer[] = [];
    const prepack = () => {
      const packed = referenceBackend.allocate('float32', 1);
      kept.push(packed);
      return packed;
    };
    const leaking = wrong({ qlinear: { prepack, run } });
    expect((await failures(leaking, 'qlinear'))[0]).toContain('3 buffers more are alive after 5 runs');
    const freeing = wrong({
      qlinear: { prepack, run, free: (packed) => referenceBackend.free(packed as HostBuffer) },
    });
    expect(await failures(freeing, 'qlinear')).toEqual([]);
  });

  it('an element written past the end', async () => {
    const heap = heapBackend((_, length) => length + 1);
    expect((await failures(heap, 'fill'))[0]).toMatch(
      /^fill '.+' \(exact buffers\) changed the memory after y/,
    );
    expect(
      await failures(
        heapBackend((_, length) => length),
        'fill',
      ),
    ).toEqual([]);
  });
});

describe('laws catch', () => {
  it('nothing in the reference', async () => {
    expect(await lawFailures(referenceBackend)).toEqual([]);
  });

  it('bounds that treat zeros or NaN in their own way', async () => {
    const own = (kernel: 'conv2d' | 'linear' | 'matmul', change: (v: number) => number) => {
      const kernels = {
        [kernel]: (t: { y: { buffer: HostBuffer } }, attrs: Clamped) => {
          runKernel(reference[kernel] as never, t as never, attrs as never);
          const { data } = t.y.buffer;
          if (attrs.clamp) for (let i = 0; i < data.length; i++) data[i] = change(data[i]);
        },
      };
      return wrong(kernels as unknown as Partial<Kernels<HostBuffer>>);
    };
    const zeros = (v: number) => v + 0 || (Number.isNaN(v) ? v : Object.is(v, -0) ? 0 : -0);
    for (const kernel of ['conv2d', 'linear'] as const) {
      for (const change of [zeros, (v: number) => (Number.isNaN(v) ? 0 : v)]) {
        const messages = await lawFailures(own(kernel, change));
        expect(messages.join('\n')).toContain(
          `bounds in a product have the bits of the kernel clamp after it: ${kernel}`,
        );
      }
    }
    const near = await lawFailures(own('matmul', (v) => Math.fround(v * (1 + 2 ** -23))));
    expect(near.join('\n')).toContain(
      'bounds in a product have the bits of the kernel clamp after it: matmul',
    );
  });

  it('memory that grows', async () => {
    const leaked: unknown[] = [];
    const backend = stored({
      allocate(dtype, length) {
        leaked.push(referenceBackend.allocate(dtype, 1));
        return referenceBackend.allocate(dtype, length);
      },
    });
    const messages = await lawFailures(backend);
    expect(messages[0]).toMatch(/hold no more memory than before: memory\(\) was .+ and is/);
    // And what nobody holds stays as well.
    for (const message of messages.slice(1)) expect(message).toMatch(/memory back when they are collected/);
  });

  it('a free that does nothing', async () => {
    const messages = await lawFailures(stored({ free: () => {} }));
    expect(messages.join('\n')).toContain('a second free: expected FreedError, but nothing was thrown');
    expect(messages.join('\n')).toContain('read after free: expected FreedError');
  });

  it('a read that is no copy', async () => {
    const readSync: Backend<HostBuffer>['readSync'] = (buffer, length) => buffer.data.subarray(0, length);
    const messages = await lawFailures(stored({ readSync, read: async (b, n) => readSync(b, n) }));
    expect(messages.join('\n')).toContain('the buffer changed with the array that was read');
  });

  it('a read that looks too late', async () => {
    const read: Backend<HostBuffer>['read'] = async (buffer, length) => {
      buffer.data; // still throws after free
      await undefined;
      return referenceBackend.read(buffer, length);
    };
    const messages = await lawFailures(stored({ read }));
    expect(messages.join('\n')).toContain('a read gave what was written after it');
  });

  it('a write that clears the rest', async () => {
    const messages = await lawFailures(
      stored({
        write(buffer, data) {
          buffer.data.fill(0);
          referenceBackend.write(buffer, data);
        },
      }),
    );
    expect(messages.join('\n')).toContain('after a write of 3 zeros over 10 ones');
  });

  it('a program that is wrong from its second run on, and one that shares what is needed', async () => {
    const compile =
      (sharing: boolean): Backend['compile'] =>
      ({ steps, memory }) => {
        const shared = referenceBackend.allocate('float32', 100);
        const buffers = memory.map((m) =>
          m.kind === 'planned' ? (sharing ? shared : referenceBackend.allocate(m.dtype, m.length)) : m,
        );
        let runs = 0;
        return {
          bytes: 0,
          run(inputs, outputs) {
            const bufferOf = (place: number) => {
              const m = memory[place];
              if (m.kind === 'fixed') return m.buffer;
              if (m.kind === 'planned') return buffers[place];
              return m.kind === 'input' ? inputs[m.index] : outputs[m.index];
            };
            for (const step of runs++ > 0 && !sharing ? steps.slice(0, 3) : steps) {
              if (step.kind === 'host') continue;
              const tensors = Object.entries({ ...step.inputs, ...step.outputs }).map(([name, t]) => [
                name,
                { ...t, buffer: bufferOf(t?.memory as number) },
              ]);
              (step.kernel as (t: object, attrs: object) => void)(Object.fromEntries(tensors), step.attrs);
            }
          },
          dispose() {},
        };
      };
    const again = await lawFailures(stored({ compile: compile(false) }));
    expect(again).toEqual([expect.stringMatching(/run 2 of a program: its output/)]);
    const sharing = await lawFailures(stored({ compile: compile(true) }));
    expect(sharing).toEqual([expect.stringMatching(/run 1 of a program: its output/)]);
  });

  it('an error without the texts', async () => {
    const messages = await lawFailures(
      stored({
        free(buffer) {
          try {
            referenceBackend.free(buffer);
          } catch {
            throw Object.assign(new Error('freed'), { name: 'FreedError' });
          }
        },
      }),
    );
    expect(messages.join('\n')).toContain("the error must say its 'op'");
  });

  it('a dtype that is taken but not claimed', async () => {
    const messages = await lawFailures(stored({ dtypes: ['float32', 'uint8'] }));
    expect(messages.join('\n')).toContain("allocate('float64', 4): expected one of the typed errors");
  });
});

describe('testBackend', () => {
  it('names a kernel that is missing', () => {
    const { qconv2d: _, ...kernels } = reference;
    const backend = stored({ kernels });
    expect(() => checkKernel(backend, 'qconv2d', 'inference-int8')).toThrow(
      "backend 'wrong' lacks the kernel 'qconv2d' of the profile 'inference-int8'",
    );
  });

  it('refuses a skip without a reason', () => {
    const declare = () => testBackend({ backend: referenceBackend, profile: 'training', skip: { add: ' ' } });
    expect(declare).toThrow("expected a reason for skipping 'add', found an empty one");
  });

  it('refuses to skip what does not exist', () => {
    const skip = { convolve: 'later' } as Record<string, string>;
    const declare = () => testBackend({ backend: referenceBackend, profile: 'training', skip });
    expect(declare).toThrow("found 'convolve'");
  });
});
