import {
  bytesPerElement,
  type KernelName,
  type KernelStep,
  type Program,
  type ProgramTensor,
  placeInArena,
} from '@octet/backend';
import type { WasmBuffer } from './buffers';

/** Bytes that a step's activations may fill so that the next one finds them in the second-level cache. */
const cacheBytes = 2 ** 19;
/** Images, or groups of them, that each thread must have. */
const leastPerThread = 3;

type Step = KernelStep<WasmBuffer>;

/**
 * The kernels that do each image by itself: all operands but weights have images as their first dimension, whole or, `flat`,
 * together with the rest, where each element is by itself. None does work for a whole call that images would repeat.
 */
const kernels: Partial<Record<KernelName, 'images' | 'flat'>> = {
  conv2d: 'images',
  maxPool2d: 'images',
  avgPool2d: 'images',
  adaptiveAvgPool2d: 'images',
  qconv2d: 'images',
  qmaxPool2d: 'images',
  qavgPool2d: 'images',
  qadaptiveAvgPool2d: 'images',
  qresample2d: 'images',
  qadd: 'flat',
  qmul: 'flat',
  qlookup: 'flat',
  quantize: 'flat',
  dequantize: 'flat',
};

/** Steps that do a part of a batch before the next part, so that what is between them stays in the cache. */
export interface ImageRun {
  /** Steps first to last - 1 of the program. */
  readonly first: number;
  readonly last: number;
  /** Parts of the batch. */
  readonly parts: number;
  /** Where in a piece of `bytes` bytes a part of the memory lies that no other step uses. */
  readonly own: ReadonlyMap<number, number>;
  readonly bytes: number;
}

/** A step's operands that have images; undefined where it isn't one that does each by itself. */
function imagesOf(
  step: Program<WasmBuffer>['steps'][number],
  { memory }: Program<WasmBuffer>,
): ProgramTensor[] | undefined {
  if (step.kind !== 'kernel' || !kernels[step.name]) return undefined;
  const { scale, zeroPoint } = step.attrs as { scale?: ArrayLike<number>; zeroPoint?: ArrayLike<number> };
  // A scale for each channel, wherever that is.
  if (kernels[step.name] === 'flat' && ((scale?.length ?? 1) > 1 || (zeroPoint?.length ?? 1) > 1))
    return undefined;
  // What has no images must be the same for all parts.
  const asExpected = Object.entries({ ...step.inputs, ...step.outputs }).every(
    ([name, t]) => !t || (memory[t.memory].kind === 'fixed') !== hasImages(name),
  );
  return asExpected ? operandsOf(step as Step) : undefined;
}

/** Whether an operand of one of `kernels` has images: the others are the same for all. */
export function hasImages(operand: string): boolean {
  return operand !== 'weight' && operand !== 'bias';
}

function operandsOf({ inputs, outputs }: Step): ProgramTensor[] {
  return Object.entries({ ...inputs, ...outputs }).flatMap(([name, t]) => (t && hasImages(name) ? [t] : []));
}

/** The largest divisor of `n` up to `most`. */
function divisor(n: number, most: number): number {
  for (let d = Math.max(1, Math.floor(most)); ; d--) if (n % d === 0) return d;
}

/** Where doing a program image by image pays. */
export function imageRuns(
  program: Program<WasmBuffer>,
  isOurs: (step: Step) => boolean,
  threads: number,
): ImageRun[] {
  const { steps } = program;
  const runs: ImageRun[] = [];
  for (let first = 0; first < steps.length; first++) {
    let batch = 0;
    let last = first;
    for (; last < steps.length; last++) {
      const step = steps[last];
      const operands = imagesOf(step, program);
      if (!operands || !isOurs(step as Step)) break;
      const whole = kernels[(step as Step).name] === 'images';
      if (!batch && !whole) break;
      batch ||= operands[0].shape[0];
      if (!operands.every(({ shape }) => (whole ? shape[0] === batch : shape[0] % batch === 0))) break;
    }
    const run = batch > 1 && last - first > 1 ? runOf(program, first, last, batch, threads) : undefined;
    if (run) runs.push(run);
    first = Math.max(first, last - 1);
  }
  return runs;
}

function runOf(
  program: Program<WasmBuffer>,
  first: number,
  last: number,
  batch: number,
  threads: number,
): ImageRun | undefined {
  const { memory, steps } = program;
  const bytesOf = (m: number) => memory[m].length * bytesPerElement(memory[m].dtype);
  const most = Math.max(
    ...steps
      .slice(first, last)
      .map((step) => operandsOf(step as Step).reduce((sum, t) => sum + bytesOf(t.memory), 0)),
  );
  // All of them stay in the cache as they are.
  if (most <= cacheBytes) return undefined;
  const enough = threads > 1 ? batch / (leastPerThread * threads) : batch;
  if (enough < 1) return undefined;
  const parts = batch / divisor(batch, Math.min(enough, (cacheBytes * batch) / most));
  const own = memory.flatMap((m, i) =>
    m.kind === 'planned' && m.first >= first && m.last < last
      ? [{ i, bytes: bytesOf(i) / parts, first: m.first, last: m.last }]
      : [],
  );
  const { offsets, bytes } = placeInArena(own, 64);
  return { first, last, parts, own: new Map(own.map(({ i }, n) => [i, offsets[n]])), bytes: bytes + 64 };
}
