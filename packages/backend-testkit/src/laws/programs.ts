import {
  type Backend,
  dispatch,
  type Kernel,
  type KernelStep,
  type Program,
  type ProgramTensor,
} from '@octet/backend';
import { demand, type Law } from './law';

const length = 100;
const shape = [length];
const numbers = (seed: number) => Float32Array.from({ length }, (_, i) => ((i * seed) % 17) - 8);

/** Places in the program's memory. */
const places = { x: 0, constant: 1, a: 2, b: 3, plugin: 4, y: 5, state: 6 } as const;
type Place = keyof typeof places;
const constants = numbers(3);
const brought = numbers(5);

const calls: readonly { name: 'affine' | 'add'; from: readonly Place[]; to: Place; attrs: object }[] = [
  { name: 'affine', from: ['x'], to: 'a', attrs: { scale: 2, shift: 1 } },
  { name: 'add', from: ['a', 'constant'], to: 'b', attrs: {} },
  { name: 'add', from: ['b', 'plugin'], to: 'y', attrs: {} },
  // What is needed no more may be overwritten from here on.
  { name: 'add', from: ['y', 'x'], to: 'a', attrs: {} },
  { name: 'affine', from: ['a'], to: 'state', attrs: { scale: 0.5, shift: 0 } },
];

function operand(place: Place): ProgramTensor {
  return { memory: places[place], dtype: 'float32', shape };
}

const inputNames = (count: number) => (count === 1 ? ['x'] : ['a', 'b']);

function stepsOn(backend: Backend): KernelStep<unknown>[] {
  const steps = calls.map(({ name, from, to, attrs }): KernelStep<unknown> => {
    const names = inputNames(from.length);
    const inputs = Object.fromEntries(from.map((place, i) => [names[i], operand(place)]));
    const kernel = backend.kernels[name] as Kernel<never, unknown>;
    return { kind: 'kernel', name, kernel: kernel as never, inputs, outputs: { y: operand(to) }, attrs };
  });
  // As one that extendBackend brought: no kernel of the backend.
  const plugin: KernelStep<unknown> = {
    kind: 'kernel',
    name: 'fill',
    kernel: ((tensors: { y: { buffer: unknown } }) => backend.write(tensors.y.buffer, brought)) as never,
    inputs: {},
    outputs: { y: operand('plugin') },
    attrs: { value: 0 },
  };
  return [steps[0], plugin, ...steps.slice(1)];
}

/** What the kernels give for an input, one after another: y and the state. */
async function called(backend: Backend, x: Float32Array): Promise<string[]> {
  const buffers = Object.keys(places).map(() => backend.allocate('float32', length));
  backend.write(buffers[places.x], x);
  backend.write(buffers[places.constant], constants);
  backend.write(buffers[places.plugin], brought);
  const tensor = (place: Place) => ({ buffer: buffers[places[place]], dtype: 'float32' as const, shape });
  for (const { name, from, to, attrs } of calls) {
    const names = inputNames(from.length);
    const inputs = Object.fromEntries(from.map((place, i) => [names[i], tensor(place)]));
    dispatch(backend, name, inputs as never, { y: tensor(to) }, attrs as never);
  }
  const found = [
    await backend.read(buffers[places.y], length),
    await backend.read(buffers[places.state], length),
  ];
  for (const buffer of buffers) backend.free(buffer);
  return found.map(String);
}

export const programs: Law = {
  name: 'a compiled program gives what its kernels give, at every run, whatever runs in between',
  lacks(backend) {
    if (!backend.compile) return 'the backend has no compile: plans call its kernels one after another';
    const missing = (['affine', 'add'] as const).find((name) => !backend.kernels[name]);
    return missing && `the programs here use the kernel '${missing}', which the backend lacks`;
  },
  async check(backend) {
    const before = backend.memory?.();
    const [constant, state, x, y] = [0, 1, 2, 3].map(() => backend.allocate('float32', length));
    backend.write(constant, constants);
    const size = { dtype: 'float32', length } as const;
    const program: Program<unknown> = {
      steps: stepsOn(backend),
      memory: [
        { ...size, kind: 'input', index: 0, first: 0, last: 4, written: false },
        { ...size, kind: 'fixed', buffer: constant, written: false },
        { ...size, kind: 'planned', first: 0, last: 5 },
        { ...size, kind: 'planned', first: 2, last: 3 },
        { ...size, kind: 'planned', first: 1, last: 3 },
        { ...size, kind: 'output', index: 0, first: 3, last: 4, written: true },
        { ...size, kind: 'fixed', buffer: state, written: true },
      ],
    };
    const compiled = backend.compile?.(program);
    if (!compiled) return;
    for (let run = 1; run <= 3; run++) {
      const given = numbers(6 + run);
      backend.write(x, given);
      compiled.run([x], [y]);
      // Other work, in whatever memory is free.
      const expected = await called(backend, given);
      const found = [await backend.read(y, length), await backend.read(state, length)].map(String);
      for (const [i, what] of ['its output', 'memory that it changes in place'].entries()) {
        demand(
          found[i] === expected[i],
          `run ${run} of a program: ${what} is ${found[i].slice(0, 60)}…, the kernels give ${expected[i].slice(0, 60)}…`,
        );
      }
      demand(`${await backend.read(x, length)}` === `${given}`, `run ${run} of a program changed its input`);
      demand(`${await backend.read(constant, length)}` === `${constants}`, 'a program changed a constant');
    }
    compiled.dispose();
    for (const buffer of [constant, state, x, y]) backend.free(buffer);
    const after = backend.memory?.();
    demand(
      before?.buffers === after?.buffers && before?.bytes === after?.bytes,
      `a disposed program kept memory: memory() was ${JSON.stringify(before)}, is ${JSON.stringify(after)}`,
    );
  },
};
