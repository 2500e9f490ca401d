import {
  bytesPerElement,
  type CompiledProgram,
  type KernelFn,
  type KernelStep,
  type PrepackingKernel,
  type Program,
  type ProgramTensor,
  placeInArena,
} from '@octet/backend';
import type { Address } from './address';
import type { WasmBuffer } from './buffers';
import { hasImages, type ImageRun, imageRuns } from './images';
import { type ChainPart, type Moved, mostGiven } from './job';
import {
  type KernelCode,
  type KernelContext,
  kernelError,
  LooksAtData,
  type MovedCall,
  type Recorder,
  replay,
  type WasmCall,
  type WasmTensor,
} from './kernel';

type WasmStep = KernelStep<WasmBuffer>;

/** Where buffers begin: multiples of it. */
const alignment = 64;

/** Bytes of an input or output that is worth no copy. */
const leastInPlace = 4096;

/** What a program does in turn: calls of wasm functions one after another, or something by its own code. */
type Part = WasmCall[] | (() => void);

/** What is given back when a program is disposed, or collected. */
class Held {
  readonly #free: (() => void)[] = [];

  add(free: () => void): void {
    this.#free.push(free);
  }

  release(): void {
    for (const free of this.#free.splice(0)) free();
  }
}

const collected = new FinalizationRegistry<Held>((held) => held.release());

/** A stretch of memory that is handed out from its start; `most` is the furthest it was needed. */
class Stretch {
  most = 0;
  #next = 0;

  constructor(readonly start: number) {}

  take(bytes: number): number {
    const at = this.start + this.#next;
    this.#next += Math.ceil(Math.max(1, bytes) / alignment) * alignment;
    this.most = Math.max(this.most, this.#next);
    return at;
  }

  restart(): void {
    this.#next = 0;
  }
}

/**
 * A program as a list of calls of wasm functions with all addresses in them. Intermediate results, scratch memory and
 * uploaded attributes lie in one piece of memory, which never moves, nor do weights. A kernel that looks at data, and one
 * that is not of this backend, runs by its own code.
 */
export function compileProgram(
  cx: KernelContext,
  codes: ReadonlyMap<unknown, KernelCode>,
  program: Program<WasmBuffer>,
): CompiledProgram<WasmBuffer> {
  const held = new Held();
  try {
    const runs = imageRuns(program, (step) => codes.has(step.kernel), cx.threads);
    const recording = new ProgramRecording(cx, codes, program, runs, held);
    // At addresses that mean nothing, but for 0, which is none: to see what is where runs may have it, and how much is needed.
    const between = alignment * (mostGiven + 1);
    const nowhere: Places = { at: program.memory.map((_, i) => between * (i + 1)), ...someScratch };
    const measured = recording.record(nowhere);
    const inPlace = usedInPlace(program, recording, nowhere, measured.parts);
    const arena = arenaOf(program, runs, new Set(inPlace.memory));
    const withMoved = (calls: WasmCall[], part: number) =>
      calls.map((call, i): MovedCall => ({ ...call, whole: [...call.whole], moved: inPlace.moved[part][i] }));
    const lists = measured.parts.map((part, i) =>
      typeof part === 'function' ? 0 : cx.replayBytes(withMoved(part, i)),
    );
    const sizes = [arena.bytes, measured.scratch, measured.each * cx.threads, measured.uploads, ...lists];
    const stretch = new Stretch(0);
    const at = sizes.map((size) => stretch.take(size));
    const block = cx.buffers.reserve(stretch.most);
    held.add(block.free);
    const [results, scratch, each, uploads, ...listsAt] = at.map((offset) => block.start + offset);
    const { parts, buffers } = recording.record(
      {
        at: arena.offsets.map((offset) => results + offset),
        scratch,
        each: { at: each, step: measured.each },
        uploads,
      },
      true,
    );
    const steps = parts.map((part, i) =>
      typeof part === 'function' ? part : cx.replayer(withMoved(part, i), listsAt[i]),
    );
    const compiled = new WasmProgram(cx, program, steps, buffers, inPlace.memory, stretch.most, held);
    collected.register(compiled, held, compiled);
    return compiled;
  } catch (error) {
    held.release();
    throw error;
  }
}

/** Inputs and outputs that steps use where a run has them. */
interface InPlace {
  /** Their places in the program's memory. */
  readonly memory: readonly number[];
  /** The arguments that are in them, for each call of each part. */
  readonly moved: readonly (readonly (readonly Moved[])[])[];
}

/**
 * The inputs and outputs that need no copy: steps only read the inputs, and use both as calls of wasm functions, whose addresses follow where
 * they are. Which those are shows when each is elsewhere than for `before`, the parts at `places`. Small ones aren't worth it.
 */
function usedInPlace(
  program: Program<WasmBuffer>,
  recording: ProgramRecording,
  places: Places,
  before: readonly Part[],
): InPlace {
  const isHost = program.steps.some(({ kind }) => kind === 'host');
  const memory = program.memory
    .flatMap((m, i) => {
      const fits = m.kind === 'output' || (m.kind === 'input' && !m.written);
      const pays = m.length * bytesPerElement(m.dtype) >= leastInPlace;
      return fits && pays && !isHost && recording.isInCalls(i) ? [i] : [];
    })
    .slice(0, mostGiven);
  if (memory.length === 0) return { memory, moved: before.map(callsOf).map((calls) => calls.map(() => [])) };
  // Each by another number of bytes, which tells whose an argument is.
  const by = (given: number) => alignment * (given + 1);
  const at = places.at.map((address, i) => (memory.includes(i) ? address + by(memory.indexOf(i)) : address));
  const { parts } = recording.record({ ...places, at });
  const moved = parts.map((part, i) => {
    const was = callsOf(before[i]);
    return callsOf(part).map((call, j) =>
      call.args.flatMap((arg, n): Moved[] => {
        const from = was[j].args[n];
        if (arg === from) return [];
        const given = (arg - from) / alignment - 1;
        return [{ arg: n, given, offset: from - places.at[memory[given]] }];
      }),
    );
  });
  return { memory, moved };
}

function callsOf(part: Part): readonly WasmCall[] {
  return typeof part === 'function' ? [] : part;
}

/** Offsets for all memory but the fixed, what runs have of their own and what is used in place; 0 for those. */
function arenaOf(
  { memory, steps }: Program<WasmBuffer>,
  runs: readonly ImageRun[],
  inPlace: ReadonlySet<number>,
): { offsets: number[]; bytes: number } {
  const own = memory.flatMap((m, i) => {
    if (m.kind === 'fixed' || inPlace.has(i) || runs.some((run) => run.own.has(i))) return [];
    // Inputs come in before the first step; outputs, and inputs that were written to, go out after the last.
    const first = m.kind === 'input' ? -1 : m.first;
    const last = m.kind === 'output' || (m.kind === 'input' && m.written) ? steps.length : m.last;
    // In a run the last steps of some images come before the first steps of others: what it reads and writes is there all along.
    const within = (step: number) => runs.find((run) => run.first <= step && step < run.last);
    return [
      {
        ...{ i, bytes: m.length * bytesPerElement(m.dtype) },
        first: within(first)?.first ?? first,
        last: (within(last)?.last ?? last + 1) - 1,
      },
    ];
  });
  const { offsets, bytes } = placeInArena(own, alignment);
  const all = memory.map(() => 0);
  own.forEach(({ i }, n) => {
    all[i] = offsets[n];
  });
  return { offsets: all, bytes };
}

/** Where a program's memory is. */
interface Places {
  /** The address of each piece of memory that isn't fixed. */
  readonly at: readonly number[];
  /** Where scratch memory begins, which steps share. */
  readonly scratch: number;
  /** Where the first thread's own begins, and how far the next one's is from there: a thread keeps what it has. */
  readonly each: { readonly at: number; readonly step: number };
  readonly uploads: number;
}

const someScratch = { scratch: alignment, each: { at: alignment, step: 0 }, uploads: alignment };

/** Takes down what the steps of a program do. */
class ProgramRecording {
  readonly #pinned = new Set<WasmBuffer>();
  /** Places in memory that steps use by their own code. */
  readonly #fixed = new Set<number>();

  constructor(
    private readonly cx: KernelContext,
    private readonly codes: ReadonlyMap<unknown, KernelCode>,
    private readonly program: Program<WasmBuffer>,
    private readonly runs: readonly ImageRun[],
    private readonly held: Held,
  ) {}

  /** Whether steps use a place in memory only by calls of wasm functions, as far as `record` has seen. */
  isInCalls(memory: number): boolean {
    return !this.#fixed.has(memory);
  }

  /** @param isFinal whether the places are those that the program will have: then what is uploaded is written */
  record(places: Places, isFinal = false) {
    const { at, each: eachAt } = places;
    const { cx, held, program } = this;
    const { buffers: pool } = cx;
    const buffers = program.memory.map((m, i) =>
      m.kind === 'fixed' ? m.buffer : pool.bufferAt(m.dtype, m.length, at[i]),
    );
    const ours = new Set(buffers.filter((_, i) => program.memory[i].kind !== 'fixed'));
    const uploads = new Stretch(places.uploads);
    const scratch = new Stretch(places.scratch);
    const each = new Stretch(eachAt.at);
    const constants = new Set(
      program.memory.flatMap((m) => (m.kind === 'fixed' && !m.written ? [m.buffer] : [])),
    );
    let calls: WasmCall[] = [];
    const recorder: Recorder = {
      pin: (buffer) => {
        if (ours.has(buffer) || this.#pinned.has(buffer)) return;
        held.add(pool.pin(buffer));
        this.#pinned.add(buffer);
      },
      scratch: (bytes) => scratch.take(bytes),
      scratchEach: (bytes) => ({ scratch: each.take(bytes) as Address, scratchStep: eachAt.step }),
      derived(of, bytes, make) {
        if (!constants.has(of.buffer)) return undefined;
        const to = uploads.take(bytes) as Address;
        const first: WasmCall[] = [];
        // At once: later what it reads may lie elsewhere, so that it needs no pin.
        cx.record({ ...recorder, pin: () => {}, call: (call) => first.push(call) }, () => make(to));
        if (isFinal) replay(first);
        return to;
      },
      upload(data) {
        const to = uploads.take(data.byteLength);
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        if (isFinal) pool.memory.bytes(to, bytes.length).set(bytes);
        return to;
      },
      call: (call) => calls.push(call),
    };
    const parts: Part[] = [];
    for (let i = 0; i < program.steps.length; i++) {
      const step = program.steps[i];
      if (step.kind === 'host') {
        parts.push(() => step.run((i) => buffers[i]));
        continue;
      }
      calls = [];
      scratch.restart();
      each.restart();
      const last = parts.at(-1);
      const run = this.runs.find(({ first }) => first === i);
      if (run) {
        const chain = this.#chain(run, at, scratch, recorder);
        if (typeof last === 'object') last.push(chain);
        else parts.push([chain]);
        i = run.last - 1;
        continue;
      }
      if (!this.#takesDown(step, buffers, recorder)) {
        for (const t of Object.values({ ...step.inputs, ...step.outputs })) if (t) this.#fixed.add(t.memory);
        parts.push(ownCode(step, buffers));
      } else if (typeof last === 'object') last.push(...calls);
      else parts.push(calls);
    }
    return { parts, buffers, uploads: uploads.most, scratch: scratch.most, each: each.most };
  }

  /**
   * Takes a run down: for the first part of the batch on the first thread, for the second part and for the second thread, which
   * tells what a part and a thread add to each argument.
   */
  #chain(run: ImageRun, at: readonly number[], scratch: Stretch, recorder: Recorder): WasmCall {
    /** What all parts share. */
    const made: (number | undefined)[] = [];
    // Each thread has a piece of memory, and scratch memory behind it.
    const room = new Stretch(scratch.start + run.bytes);
    const kept = <A extends number | undefined>(to: A): A => {
      made.push(to);
      return to;
    };
    const first = this.#part(run, 0, at, scratch.start, room, {
      ...recorder,
      upload: (data) => kept(recorder.upload(data)),
      derived: (of, bytes, make) => kept(recorder.derived(of, bytes, make)),
    });
    const bytes = run.bytes + room.most;
    scratch.take(bytes * this.cx.threads);
    const again = (part: number, thread: number) => {
      let next = 0;
      const own = scratch.start + thread * bytes;
      const behind = new Stretch(own + run.bytes);
      const known = <A>() => made[next++] as A;
      return this.#part(run, part, at, own, behind, { ...recorder, upload: known, derived: known });
    };
    const [second, other] = [again(1, 0), again(0, 1)];
    const parts = first.map(({ index, units, args }, i): ChainPart => {
      const more = (calls: readonly WasmCall[]) => calls[i].args.map((arg, j) => arg - args[j]);
      return { index, units, args, byImage: more(second), byThread: more(other) };
    });
    return this.cx.chain(parts, run.parts);
  }

  /** The calls of a run for one part of the batch; `own` is where its own memory begins. */
  #part(
    run: ImageRun,
    part: number,
    at: readonly number[],
    own: number,
    room: Stretch,
    { pin, upload, derived }: Recorder,
  ): WasmCall[] {
    const { cx, codes, program } = this;
    const ours = new Set<WasmBuffer>();
    const buffers = program.memory.map((m, i) => {
      if (m.kind === 'fixed') return m.buffer;
      const length = m.length / run.parts;
      const inside = run.own.get(i);
      const start = inside === undefined ? at[i] + part * length * bytesPerElement(m.dtype) : own + inside;
      const buffer = cx.buffers.bufferAt(m.dtype, length, start);
      ours.add(buffer);
      return buffer;
    });
    const calls: WasmCall[] = [];
    const recorder: Recorder = {
      pin: (buffer) => ours.has(buffer) || pin(buffer),
      scratch: (bytes) => room.take(bytes),
      scratchEach: (bytes) => ({ scratch: room.take(bytes) as Address, scratchStep: 0 }),
      derived,
      upload,
      call: (call) => calls.push(call),
      oneThread: true,
    };
    for (const step of program.steps.slice(run.first, run.last) as WasmStep[]) {
      room.restart();
      const tensors = Object.entries(operands(step, buffers)).map(([name, tensor]) => {
        const { shape } = tensor;
        return [
          name,
          hasImages(name) ? { ...tensor, shape: [shape[0] / run.parts, ...shape.slice(1)] } : tensor,
        ];
      });
      const code = codes.get(step.kernel) as KernelCode;
      cx.record(recorder, () =>
        code(Object.fromEntries(tensors) as never, step.attrs as never, step.packed as never),
      );
    }
    return calls;
  }

  /** Takes a step down, if that can be. */
  #takesDown(step: WasmStep, buffers: readonly WasmBuffer[], recorder: Recorder): boolean {
    const code = this.codes.get(step.kernel);
    if (!code) return false;
    const tensors = operands(step, buffers);
    try {
      this.cx.record(recorder, () => code(tensors as never, step.attrs as never, step.packed as never));
      return true;
    } catch (error) {
      if (error instanceof LooksAtData) return false;
      throw kernelError(step.name, error);
    }
  }
}

/** The kernel as it is called outside of programs. */
function ownCode(step: WasmStep, buffers: readonly WasmBuffer[]): () => void {
  const { kernel, attrs, packed } = step;
  const tensors = operands(step, buffers);
  return typeof kernel === 'function'
    ? () => (kernel as KernelFn<never, WasmBuffer>)(tensors as never, attrs as never)
    : () => (kernel as PrepackingKernel<never, WasmBuffer>).run(tensors as never, attrs as never, packed);
}

function operands({ inputs, outputs }: WasmStep, buffers: readonly WasmBuffer[]): Record<string, WasmTensor> {
  const given = Object.entries({ ...inputs, ...outputs }).filter(
    (entry): entry is [string, ProgramTensor] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    given.map(([name, { memory, dtype, shape }]) => [name, { buffer: buffers[memory], dtype, shape }]),
  );
}

/** An input or output of a program, and where it is copied to or from. */
interface Copied {
  readonly index: number;
  readonly at: number;
  readonly bytes: number;
}

class WasmProgram implements CompiledProgram<WasmBuffer> {
  readonly places: (string | undefined)[];
  readonly #inputs: readonly Copied[];
  readonly #outputs: readonly Copied[];
  /** Inputs that steps write to. */
  readonly #written: readonly Copied[];
  /** What is used where it is. */
  readonly #inPlace: readonly { readonly kind: 'input' | 'output'; readonly index: number }[];

  constructor(
    private readonly cx: KernelContext,
    /** Keeps the fixed buffers alive. */
    readonly program: Program<WasmBuffer>,
    private readonly parts: readonly ((given: readonly number[]) => void)[],
    buffers: readonly WasmBuffer[],
    inPlace: readonly number[],
    readonly bytes: number,
    private readonly held: Held,
  ) {
    const at = buffers.map((buffer) => cx.buffers.address(buffer));
    const copied = (kind: 'input' | 'output', written: boolean) =>
      program.memory.flatMap((m, i): Copied[] =>
        m.kind === kind && (m.written || !written) && !inPlace.includes(i)
          ? [{ index: m.index, at: at[i], bytes: m.length * bytesPerElement(m.dtype) }]
          : [],
      );
    this.#inputs = copied('input', false);
    this.#outputs = copied('output', false);
    this.#written = copied('input', true);
    this.#inPlace = inPlace.map((i) => program.memory[i] as { kind: 'input' | 'output'; index: number });
    this.places = at.map((address, i) => {
      if (inPlace.includes(i)) return 'as given';
      return program.memory[i].kind === 'fixed' ? undefined : `0x${address.toString(16)}`;
    });
  }

  run(inputs: readonly WasmBuffer[], outputs: readonly WasmBuffer[]): void {
    const { parts } = this;
    const pool = this.cx.buffers;
    this.#copy(this.#inputs, inputs, true);
    const given = this.#inPlace.map(({ kind, index }) => (kind === 'input' ? inputs : outputs)[index]);
    const pins = given.map((buffer) => pool.pin(buffer));
    try {
      const addresses = given.map((buffer) => pool.address(buffer));
      for (let i = 0; i < parts.length; i++) parts[i](addresses);
    } finally {
      for (const unpin of pins) unpin();
    }
    this.#copy(this.#outputs, outputs, false);
    if (this.#written.length > 0) this.#copy(this.#written, inputs, false);
  }

  /** Copies buffers to their places, or back. */
  #copy(places: readonly Copied[], buffers: readonly WasmBuffer[], into: boolean): void {
    const pool = this.cx.buffers;
    pool.begin();
    try {
      for (let i = 0; i < places.length; i++) {
        const { index, at, bytes } = places[i];
        const outside = pool.address(buffers[index]);
        if (into) pool.copy(outside, at, bytes);
        else pool.copy(at, outside, bytes);
      }
    } finally {
      pool.end();
    }
  }

  dispose(): void {
    collected.unregister(this);
    this.held.release();
  }
}
