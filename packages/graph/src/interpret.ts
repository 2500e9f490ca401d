import {
  type Backend,
  bytesPerElement,
  type CompiledProgram,
  type KernelFn,
  type PrepackingKernel,
  type Program,
  type ProgramStep,
  shareBuffers,
} from '@octet/backend';

/** An operand whose buffer may change from run to run. */
interface Bound<B> {
  buffer: B;
}

/** A program on a backend that doesn't compile: the kernels in a loop, on whole buffers that each serve several places in turn. */
export function interpret<B>(backend: Backend<B>, { steps, memory }: Program<B>): CompiledProgram<B> {
  const planned = memory.flatMap((m, place) =>
    m.kind === 'planned'
      ? [{ place, bytes: m.length * bytesPerElement(m.dtype), first: m.first, last: m.last, group: m.dtype }]
      : [],
  );
  const shared = shareBuffers(planned);
  const own: B[] = [];
  const buffers = memory.map((m) => (m.kind === 'fixed' ? m.buffer : undefined)) as B[];
  const places = memory.map(() => undefined as string | undefined);
  try {
    shared.bytes.forEach((bytes, i) => {
      const dtype = planned[shared.buffers.indexOf(i)].group;
      own.push(backend.allocate(dtype, bytes / bytesPerElement(dtype)));
    });
  } catch (error) {
    for (const buffer of own) backend.free(buffer);
    throw error;
  }
  planned.forEach(({ place }, i) => {
    buffers[place] = own[shared.buffers[i]];
    places[place] = `buffer ${shared.buffers[i]}`;
  });

  /** The operands that stand for each input and output. */
  const given = { input: [] as Given<B>[], output: [] as Given<B>[] };
  const users = memory.map(() => [] as Bound<B>[]);
  memory.forEach((m, place) => {
    if (m.kind === 'input' || m.kind === 'output')
      given[m.kind].push({ place, index: m.index, users: users[place] });
  });
  const bufferOf = (place: number) => buffers[place];
  const calls = steps.map((step) => callOf(step, buffers, users, bufferOf));
  const bind = (places: readonly Given<B>[], to: readonly B[]) => {
    for (const { place, index, users } of places) {
      buffers[place] = to[index];
      for (const user of users) user.buffer = to[index];
    }
  };
  return {
    bytes: shared.bytes.reduce((sum, n) => sum + n, 0),
    places,
    run(inputs, outputs) {
      bind(given.input, inputs);
      bind(given.output, outputs);
      try {
        for (const call of calls) call();
      } finally {
        // Nothing of the run is kept alive by the program.
        bind(given.input, []);
        bind(given.output, []);
      }
    },
    dispose() {
      for (const buffer of own.splice(0)) backend.free(buffer);
    },
  };
}

interface Given<B> {
  readonly place: number;
  readonly index: number;
  readonly users: Bound<B>[];
}

function callOf<B>(
  step: ProgramStep<B>,
  buffers: readonly B[],
  users: readonly Bound<B>[][],
  bufferOf: (place: number) => B,
): () => void {
  if (step.kind === 'host') return () => step.run(bufferOf);
  const { kernel, packed, attrs } = step;
  const tensors: Record<string, unknown> = {};
  for (const [name, t] of Object.entries({ ...step.inputs, ...step.outputs })) {
    if (!t) continue;
    const { memory, dtype, shape } = t;
    const operand = { buffer: buffers[memory], dtype, shape };
    users[memory].push(operand);
    tensors[name] = operand;
  }
  if (typeof kernel === 'function')
    return () => (kernel as KernelFn<never, B>)(tensors as never, attrs as never);
  return () => (kernel as PrepackingKernel<never, B>).run(tensors as never, attrs as never, packed);
}
