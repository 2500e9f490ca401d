import {
  bytesPerElement,
  type CompiledProgram,
  type KernelFn,
  type KernelStep,
  type PrepackingKernel,
  type Program,
  type ProgramTensor,
  placeInArena,
  type TypedArray,
} from '@octet/backend';
import type { WasmBuffer } from './buffers';
import {
  type KernelCode,
  type KernelContext,
  kernelError,
  LooksAtData,
  type Recorder,
  type WasmCall,
  type WasmTensor,
} from './kernel';

/** Buffers begin at multiples of it. */
const alignment = 64;
const rounded = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/** What a program does in turn: calls of wasm functions one after another, or something of its own. */
type Part = { readonly calls: readonly WasmCall[] } | { readonly name: string; readonly run: () => void };

/** What is given back when a program is disposed or collected. */
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

/** One stretch of memory that is handed out from the start; `most` is the furthest it was needed. */
class Stretch {
  most = 0;
  #next = 0;
  constructor(readonly start: number) {}

  take(bytes: number): number {
    const at = this.start + this.#next;
    this.#next += rounded(Math.max(1, bytes));
    this.most = Math.max(this.most, this.#next);
    return at;
  }

  restart(): void {
    this.#next = 0;
  }
}

/**
 * A program as a list of calls of wasm functions, with all addresses in them. Intermediate results, scratch memory and
 * uploaded attributes lie in one piece of memory, which never moves, nor do weights. A kernel that looks at data, and one
 * that is not of this backend, runs by its own code.
 */
export function compileProgram(
  cx: KernelContext,
  codes: ReadonlyMap<unknown, KernelCode>,
  program: Program<WasmBuffer>,
): CompiledProgram<WasmBuffer> {
  const { buffers } = cx;
  const held = new Held();
  try {
    const arena = arenaOf(program);
    // Once to see how much is needed, on addresses that mean nothing yet.
    const pinned = new Set<WasmBuffer>();
    const measured = record(cx, codes, program, arena.offsets, [0, 0], held, pinned);
    const sizes = [arena.bytes, measured.uploads, measured.scratch].map(rounded);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const block = buffers.reserve(bytes);
    held.add(() => block.free());
    const at = [block.start, block.start + sizes[0], block.start + sizes[0] + sizes[1]];
    const offsets = arena.offsets.map((offset) => offset + at[0]);
    const { parts, places } = record(cx, codes, program, offsets, [at[1], at[2]], held, pinned);
    const compiled = new WasmProgram(cx, program, parts, places, bytes, held);
    collected.register(compiled, held, compiled);
    return compiled;
  } catch (error) {
    held.release();
    throw error;
  }
}

class WasmProgram implements CompiledProgram<WasmBuffer> {
  readonly places: (string | undefined)[];
  readonly #cx: KernelContext;
  readonly #parts: readonly Part[];
  readonly #held: Held;
  readonly #inputs: Copy[];
  readonly #outputs: Copy[];
  /** Keeps the fixed buffers alive. */
  readonly program: Program<WasmBuffer>;

  constructor(
    cx: KernelContext,
    program: Program<WasmBuffer>,
    parts: readonly Part[],
    buffers: readonly WasmBuffer[],
    readonly bytes: number,
    held: Held,
  ) {
    this.#cx = cx;
    this.program = program;
    this.#parts = parts;
    this.#held = held;
    const copies = (kind: 'input' | 'output') =>
      program.memory.flatMap((m, i): Copy[] =>
        m.kind === kind
          ? [
              {
                index: m.index,
                at: cx.buffers.address(buffers[i]),
                bytes: m.length * bytesPerElement(m.dtype),
                back: m.written,
              },
            ]
          : [],
      );
    this.#inputs = copies('input');
    this.#outputs = copies('output');
    this.places = program.memory.map((m, i) =>
      m.kind === 'fixed' ? undefined : `0x${cx.buffers.address(buffers[i]).toString(16)}`,
    );
  }

  run(inputs: readonly WasmBuffer[], outputs: readonly WasmBuffer[]): void {
    const { buffers } = this.#cx;
    buffers.begin();
    for (const { index, at, bytes } of this.#inputs) buffers.copy(buffers.address(inputs[index]), at, bytes);
    buffers.end();
    for (const part of this.#parts) {
      if (!('calls' in part)) {
        part.run();
        continue;
      }
      this.#cx.replay(part.calls);
    }
    buffers.begin();
    for (const { index, at, bytes } of this.#outputs)
      buffers.copy(at, buffers.address(outputs[index]), bytes);
    for (const { index, at, bytes, back } of this.#inputs)
      if (back) buffers.copy(at, buffers.address(inputs[index]), bytes);
    buffers.end();
  }

  dispose(): void {
    collected.unregister(this);
    this.#held.release();
  }
}

interface Copy {
  readonly index: number;
  readonly at: number;
  readonly bytes: number;
  /** Whether an input is written to, and so copied back. */
  readonly back: boolean;
}

/** Offsets for all memory but the fixed; 0 for that. */
function arenaOf({ memory, steps }: Program<WasmBuffer>): { offsets: number[]; bytes: number } {
  const last = steps.length;
  const own = memory.flatMap((m, i) => {
    if (m.kind === 'fixed') return [];
    const bytes = m.length * bytesPerElement(m.dtype);
    // Inputs come in before the first step, outputs are taken out after the last.
    const first = m.kind === 'planned' || m.kind === 'output' ? m.first : -1;
    const end = m.kind === 'planned' || (m.kind === 'input' && !m.written) ? m.last : last;
    return [{ i, bytes, first, last: end }];
  });
  const { offsets, bytes } = placeInArena(own, alignment);
  const all = memory.map(() => 0);
  own.forEach(({ i }, n) => {
    all[i] = offsets[n];
  });
  return { offsets: all, bytes };
}

/** Takes down what the steps do. `at`: where uploads and scratch memory begin. */
function record(
  cx: KernelContext,
  codes: ReadonlyMap<unknown, KernelCode>,
  { steps, memory }: Program<WasmBuffer>,
  offsets: readonly number[],
  at: readonly [uploads: number, scratch: number],
  held: Held,
  pinned: Set<WasmBuffer>,
): { parts: Part[]; places: WasmBuffer[]; uploads: number; scratch: number } {
  const { buffers } = cx;
  const places = memory.map((m, i) =>
    m.kind === 'fixed' ? m.buffer : buffers.bufferAt(m.dtype, m.length, offsets[i]),
  );
  const uploads = new Stretch(at[0]);
  const scratch = new Stretch(at[1]);
  const ours = new Set(places.filter((_, i) => memory[i].kind !== 'fixed'));
  const parts: Part[] = [];
  let calls: WasmCall[] = [];
  const recorder: Recorder = {
    pin(buffer) {
      if (ours.has(buffer) || pinned.has(buffer)) return;
      held.add(buffers.pin(buffer));
      pinned.add(buffer);
    },
    scratch: (bytes) => scratch.take(bytes),
    upload(data: TypedArray) {
      const to = uploads.take(data.byteLength);
      if (at[0] > 0) {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        buffers.memory.bytes(to, bytes.length).set(bytes);
      }
      return to;
    },
    call: (call) => calls.push(call),
  };
  for (const step of steps) {
    calls = [];
    scratch.restart();
    const own =
      step.kind === 'host' ? { name: 'host', run: () => step.run((i) => places[i]) } : ownCode(step, places);
    const code = step.kind === 'kernel' ? codes.get(step.kernel) : undefined;
    if (step.kind === 'kernel' && code && recorded(cx, recorder, step, code, places)) {
      const part = parts.at(-1);
      if (part && 'calls' in part) (part.calls as WasmCall[]).push(...calls);
      else parts.push({ calls });
    } else parts.push(own);
  }
  return { parts, places, uploads: uploads.most, scratch: scratch.most };
}

/** Whether the step could be taken down. */
function recorded(
  cx: KernelContext,
  recorder: Recorder,
  step: KernelStep<WasmBuffer>,
  code: KernelCode,
  places: readonly WasmBuffer[],
): boolean {
  const tensors = operands(step, places);
  try {
    cx.record(recorder, () => code(tensors as never, step.attrs as never, step.packed as never));
    return true;
  } catch (error) {
    if (error instanceof LooksAtData) return false;
    throw kernelError(step.name, error);
  }
}

/** The kernel as it is called outside of programs. */
function ownCode(
  step: KernelStep<WasmBuffer>,
  places: readonly WasmBuffer[],
): { name: string; run: () => void } {
  const { kernel, attrs, packed, name } = step;
  const tensors = operands(step, places);
  const run =
    typeof kernel === 'function'
      ? () => (kernel as KernelFn<never, WasmBuffer>)(tensors as never, attrs as never)
      : () => (kernel as PrepackingKernel<never, WasmBuffer>).run(tensors as never, attrs as never, packed);
  return { name, run };
}

function operands(
  { inputs, outputs }: KernelStep<WasmBuffer>,
  places: readonly WasmBuffer[],
): Record<string, WasmTensor> {
  const given = Object.entries({ ...inputs, ...outputs }).filter(
    (entry): entry is [string, ProgramTensor] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    given.map(([name, { memory, dtype, shape }]) => [name, { buffer: places[memory], dtype, shape }]),
  );
}
