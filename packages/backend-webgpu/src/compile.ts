import {
  bytesPerElement,
  type CompiledProgram,
  type KernelFn,
  type Program as KernelProgram,
  type KernelSpec,
  type KernelStep,
  type PrepackingKernel,
  type ProgramMemory,
  type ProgramStep,
  type ProgramTensor,
  shareBuffers,
} from '@octet/backend';
import type { GpuBuffer, GpuTensor } from './buffers';
import { LruCache } from './cache';
import { Capture, type Dispatch, Reservation } from './capture';
import type { Gpu } from './gpu';
import { keepingTails } from './kernel';
import type { Allocation } from './pool';
import { uniformBytes } from './program';
import { type ReadyDispatch, writeUniforms } from './recorder';

/** A step that is called at each run: a plugin's kernel, or work of the host. */
interface Call {
  readonly call: (bufferOf: (place: number) => GpuBuffer) => void;
}

type Command = Dispatch | Call;
type Given = Extract<ProgramMemory<GpuBuffer>, { kind: 'input' | 'output' }> & {
  readonly place: number;
  /** Stands for what a run is given. */
  readonly reservation: Reservation;
};

/** Sets of inputs and outputs whose bind groups are remembered. */
const maxBindings = 16;

/**
 * A program made ready to be run many times: its dispatches with their bind groups and uniforms, on memory of its own. One run
 * is one compute pass, unless kernels have to be called in between.
 *
 * @param isOwn whether a kernel does all its work by `gpu.run`; others are called at each run
 * @throws what `gpu.allocate` throws
 */
export function compile(
  gpu: Gpu,
  program: KernelProgram<GpuBuffer>,
  isOwn: (kernel: unknown) => boolean,
): CompiledProgram<GpuBuffer> {
  gpu.errors.check();
  const { memory, steps } = program;
  const reservations = memory.map((m) => new Reservation(bytesOf(m), 0));
  const capture = new Capture<Call>();
  const operands = memory.map((m, place) =>
    m.kind === 'fixed' ? m.buffer : gpu.buffers.over(reservations[place], m.dtype, m.length),
  );
  const ranges = steps.map((step) => captureStep(gpu, capture, step, operands, isOwn));
  const planned = memory.flatMap((m, place) => {
    if (m.kind !== 'planned') return [];
    const reservation = reservations[place];
    reservation.first = ranges[m.first].first;
    reservation.last = ranges[m.last].last;
    return [reservation];
  });

  const own: GpuBuffer[] = [];
  try {
    const shared = allocateOwn(gpu, capture, planned, own);
    const buffers = memory.map((m, place) => {
      const { allocation } = reservations[place];
      if (m.kind === 'fixed') return m.buffer;
      return allocation && gpu.buffers.over(allocation, m.dtype, m.length);
    });
    const given = memory.flatMap((m, place): Given[] =>
      m.kind === 'input' || m.kind === 'output' ? [{ ...m, place, reservation: reservations[place] }] : [],
    );
    const places = memory.map((_, place) => {
      const at = shared.get(reservations[place]);
      return at === undefined ? undefined : `buffer ${at}`;
    });
    return new Compiled(gpu, program, capture.commands, { own, buffers, given, places });
  } catch (error) {
    for (const buffer of own) gpu.free(buffer);
    throw error;
  }
}

const bytesOf = (m: ProgramMemory<GpuBuffer>) => m.length * bytesPerElement(m.dtype);

/** Captures the dispatches of a step, or the step as a call. @returns the range of its commands */
function captureStep(
  gpu: Gpu,
  capture: Capture<Call>,
  step: ProgramStep<GpuBuffer>,
  operands: readonly GpuBuffer[],
  isOwn: (kernel: unknown) => boolean,
): { first: number; last: number } {
  const first = capture.commands.length;
  if (step.kind === 'host') {
    capture.commands.push({ call: (bufferOf) => step.run(bufferOf) });
  } else if (isOwn(step.kernel)) {
    gpu.captured(capture, () => callKernel(step, (place) => operands[place]));
  } else {
    capture.commands.push({ call: (bufferOf) => callKernel(step, bufferOf) });
  }
  return { first, last: Math.max(first, capture.commands.length - 1) };
}

function callKernel(step: KernelStep<GpuBuffer>, bufferOf: (place: number) => GpuBuffer): void {
  const { inputs, outputs, attrs, packed } = step;
  const tensors: Record<string, GpuTensor> = {};
  for (const given of [inputs, outputs]) {
    for (const [name, t] of Object.entries(given) as [string, ProgramTensor | undefined][]) {
      if (t) tensors[name] = { buffer: bufferOf(t.memory), dtype: t.dtype, shape: t.shape };
    }
  }
  const kernel = step.kernel as KernelFn<KernelSpec, GpuBuffer> | PrepackingKernel<KernelSpec, GpuBuffer>;
  if (typeof kernel === 'function') kernel(tensors as never, attrs as never);
  else kernel.run(tensors as never, attrs as never, packed);
}

/**
 * Chooses the allocations of what the program needs for itself, and adds the buffers that hold them to `own`.
 *
 * @returns the number of the shared buffer of each reservation
 */
function allocateOwn(
  gpu: Gpu,
  capture: Capture<Call>,
  planned: readonly Reservation[],
  own: GpuBuffer[],
): ReadonlyMap<Reservation, number> {
  const requests = [...planned, ...capture.reservations];
  // Whole buffers: one can't be bound in parts for reading and writing.
  const shared = shareBuffers(requests);
  const allocations = shared.bytes.map((bytes) => {
    const buffer = gpu.allocate('int32', Math.ceil(bytes / 4));
    own.push(buffer);
    return gpu.buffers.allocation('planOf', buffer);
  });
  requests.forEach((reservation, i) => {
    reservation.allocation = allocations[shared.buffers[i]];
  });
  for (const { reservation, bytes } of capture.constants) {
    const buffer = gpu.allocate('uint8', bytes.length);
    own.push(buffer);
    gpu.write(buffer, bytes);
    reservation.allocation = gpu.buffers.allocation('planOf', buffer);
  }
  return new Map(requests.map((reservation, i) => [reservation, shared.buffers[i]]));
}

/** What a compiled program has for each place in its memory, and what it owns. */
interface Placement {
  readonly own: readonly GpuBuffer[];
  /** By place; undefined for what runs are given. */
  readonly buffers: readonly (GpuBuffer | undefined)[];
  readonly given: readonly Given[];
  readonly places: readonly (string | undefined)[];
}

/** A dispatch that uses what runs are given: its bind group changes with that. */
interface BoundDispatch {
  readonly ready: ReadyDispatch;
  readonly dispatch: Dispatch;
}

class Compiled implements CompiledProgram<GpuBuffer> {
  readonly bytes: number;
  readonly places: readonly (string | undefined)[];
  private readonly gpu: Gpu;
  /** Holds the fixed buffers and packed weights. */
  readonly program: KernelProgram<GpuBuffer>;
  private readonly own: GpuBuffer[];
  private readonly buffers: (GpuBuffer | undefined)[];
  private readonly given: readonly Given[];
  private readonly uniforms: GPUBuffer;
  /** Dispatches that follow each other, and calls between them. */
  private readonly segments: (ReadyDispatch[] | Call)[] = [];
  private readonly bound: BoundDispatch[] = [];
  private readonly boundGroups = new LruCache<string, readonly GPUBindGroup[]>(maxBindings);
  /** The allocations of the latest run's inputs and outputs. */
  private boundTo: string | undefined;
  /** The allocations that a run uses: those of every run, and from `firstGiven` on those of what it is given. */
  private readonly used: Allocation[];
  private readonly firstGiven: number;

  constructor(
    gpu: Gpu,
    program: KernelProgram<GpuBuffer>,
    commands: readonly Command[],
    placement: Placement,
  ) {
    this.gpu = gpu;
    this.program = program;
    this.own = [...placement.own];
    this.buffers = [...placement.buffers];
    this.given = placement.given;
    this.places = placement.places;
    const dispatches = commands.filter((command) => !('call' in command)) as Dispatch[];
    const data = new DataView(new ArrayBuffer(Math.max(1, dispatches.length) * uniformBytes));
    dispatches.forEach(({ pipeline, uniforms }, i) => {
      writeUniforms(data, i * uniformBytes, pipeline.uniforms, uniforms);
    });
    this.uniforms = gpu.createUniforms(data.buffer);
    const givenReservations = new Set<unknown>(this.given.map(({ reservation }) => reservation));
    const memory = new Set(dispatches.flatMap((dispatch) => dispatch.memory));
    this.used = [...memory].filter((m) => !givenReservations.has(m)).map(allocationOf);
    this.firstGiven = this.used.length;
    let slot = 0;
    for (const command of commands) {
      if ('call' in command) this.segments.push(command);
      else this.append(command, slot++ * uniformBytes, givenReservations);
    }
    const ownBytes = this.own.reduce((sum, { length, dtype }) => sum + length * bytesPerElement(dtype), 0);
    this.bytes = ownBytes + data.byteLength;
  }

  private append(dispatch: Dispatch, offset: number, given: ReadonlySet<unknown>): void {
    const [x, y, z] = dispatch.groups;
    const isBound = dispatch.memory.some((m) => given.has(m));
    const bindGroup = isBound ? (undefined as never) : this.bindGroup(dispatch);
    const ready = { pipeline: dispatch.pipeline.gpu, bindGroup, offsets: [offset], x, y, z };
    if (isBound) this.bound.push({ ready, dispatch });
    const last = this.segments.at(-1);
    if (Array.isArray(last)) last.push(ready);
    else this.segments.push([ready]);
  }

  run(inputs: readonly GpuBuffer[], outputs: readonly GpuBuffer[]): void {
    this.gpu.errors.check();
    this.bind(inputs, outputs);
    const longer: Record<string, GpuTensor> = {};
    for (const { place, length, dtype, written } of this.given) {
      const buffer = this.buffers[place] as GpuBuffer;
      if (written && buffer.length > length) longer[place] = { buffer, dtype, shape: [length] };
    }
    try {
      // Buffers that end with the tensor were planned for.
      if (Object.keys(longer).length === 0) this.replay();
      else this.gpu.scoped(() => keepingTails(this.gpu, longer, () => this.replay()));
    } finally {
      // Nothing of a run is kept alive.
      for (const { place } of this.given) this.buffers[place] = undefined;
    }
  }

  private replay(): void {
    const { recorder } = this.gpu;
    for (const segment of this.segments) {
      if (Array.isArray(segment)) recorder.replay(segment, this.used);
      else segment.call((place) => this.buffers[place] as GpuBuffer);
    }
  }

  /** Lets the dispatches use what a run is given. */
  private bind(inputs: readonly GpuBuffer[], outputs: readonly GpuBuffer[]): void {
    let key = '';
    let at = this.firstGiven;
    for (const { kind, index, place, reservation } of this.given) {
      const buffer = (kind === 'input' ? inputs : outputs)[index];
      const allocation = this.gpu.buffers.allocation('plan.run', buffer);
      reservation.allocation = allocation;
      this.used[at++] = allocation;
      this.buffers[place] = buffer;
      key += `${allocation.id},`;
    }
    if (key === this.boundTo) return;
    const groups = this.boundGroups.get(key, () =>
      this.bound.map(({ dispatch }) => this.bindGroup(dispatch)),
    );
    this.bound.forEach(({ ready }, i) => {
      ready.bindGroup = groups[i];
    });
    this.boundTo = key;
  }

  private bindGroup({ pipeline, memory }: Dispatch): GPUBindGroup {
    return this.gpu.pipelines.bindGroup(pipeline.layout, this.uniforms, memory.map(allocationOf));
  }

  dispose(): void {
    // Recorded runs use what is destroyed here.
    if (!this.gpu.errors.ended) this.gpu.flush();
    for (const buffer of this.own.splice(0)) this.gpu.free(buffer);
    this.uniforms.destroy();
    this.segments.length = 0;
    this.bound.length = 0;
    this.used.length = 0;
    this.boundGroups.clear();
  }
}

function allocationOf(memory: Allocation | Reservation): Allocation {
  return memory instanceof Reservation ? (memory.allocation as Allocation) : memory;
}
