import type { Kernel } from './backend';
import type { StorageDType } from './dtype';
import type { KernelName } from './kernel-table';

/** Memory that a program works on, each kind of `ProgramMemory` with its dtype and number of elements. */
interface MemorySize {
  readonly dtype: StorageDType;
  readonly length: number;
}

/**
 * `planned`: the program's own, whose contents matter from step `first` to step `last` only; it may share memory with what is
 * never needed at the same time. `fixed`: a buffer of the backend that is there already and stays until `dispose`:
 * constants, whose contents are the same at every run, and what steps change in place. `input`, `output`: the buffer that each run is given, by its `index` there;
 * steps `first` to `last` use it.
 */
export type ProgramMemory<B> = MemorySize &
  (
    | { readonly kind: 'planned'; readonly first: number; readonly last: number }
    | {
        readonly kind: 'fixed';
        readonly buffer: B;
        /** Whether a step writes to it: else it is a constant. */
        readonly written: boolean;
      }
    | {
        readonly kind: 'input' | 'output';
        readonly index: number;
        readonly first: number;
        readonly last: number;
        /** Whether a step writes to it: an input's own memory changes then. */
        readonly written: boolean;
      }
  );

/** An operand of a step: a place in `Program.memory`, under the physical shape that the kernel sees. */
export interface ProgramTensor {
  readonly memory: number;
  readonly dtype: StorageDType;
  readonly shape: readonly number[];
}

type ProgramTensors = Readonly<Record<string, ProgramTensor | undefined>>;

/** One kernel call of a program. */
export interface KernelStep<B> {
  readonly kind: 'kernel';
  readonly name: KernelName;
  /** The kernel itself: the backend's own, or one that a plugin put in its place. */
  // biome-ignore lint/suspicious/noExplicitAny: the kernels of a table differ in their operands
  readonly kernel: Kernel<any, B>;
  /** What `prepack` of the kernel gave, where it has one. Valid until `dispose`. */
  readonly packed?: unknown;
  readonly inputs: ProgramTensors;
  readonly outputs: ProgramTensors;
  readonly attrs: object;
}

/** Something that the host does between kernels, which are done when it begins. Only on backends with `readSync`. */
export interface HostStep<B> {
  readonly kind: 'host';
  /** @param bufferOf the buffer of a place in `Program.memory`: its contents begin at the buffer's start */
  run(bufferOf: (memory: number) => B): void;
}

export type ProgramStep<B> = KernelStep<B> | HostStep<B>;

/** Kernel calls in order, on memory that is known beforehand: what `Backend.compile` makes ready to be run many times. */
export interface Program<B> {
  readonly steps: readonly ProgramStep<B>[];
  readonly memory: readonly ProgramMemory<B>[];
}

export interface CompiledProgram<B> {
  /** Bytes that the program holds beside its fixed memory and what runs are given. */
  readonly bytes: number;
  /** The parts of the planned memory that each place lies in, for people: `at` is the buffer or offset. */
  readonly places?: readonly (string | undefined)[];
  /**
   * Runs all steps, as if the kernels were called one after another. Buffers come in the order of `index`, of the backend,
   * and hold at least as many elements as the memory that they stand for. No output is an input, nor another output. The outputs'
   * contents are written whole or in part, as the kernels do.
   */
  run(inputs: readonly B[], outputs: readonly B[]): void;
  /** Gives the memory back. The program isn't run after. */
  dispose(): void;
}
