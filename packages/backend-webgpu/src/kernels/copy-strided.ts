import { bytesPerElement, type CopyAxis, mergeAxes } from '@octet/backend';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { program, type UniformType } from '../program';

/** A copy of elements, or of whole words of four bytes. */
interface Copy {
  axes: CopyAxis[];
  xOffset: number;
  yOffset: number;
}

/** Axes of one dispatch. */
const rank = 6;

const axisUniforms = Object.fromEntries(
  Array.from({ length: rank }, (_, i): [string, UniformType][] => [
    [`length${i}`, 'u32'],
    [`xStride${i}`, 'i32'],
    [`yStride${i}`, 'i32'],
  ]).flat(),
);
const uniforms = { n: 'u32', xOffset: 'i32', yOffset: 'i32', ...axisUniforms } as const;

/** Where element i of the copy is in x and in y; the last axis runs fastest. */
const positions = `
fn positions(i: u32) -> vec2i {
  var rest = i;
  var at = vec2i(u.xOffset, u.yOffset);
${Array.from({ length: rank }, (_, i) => rank - 1 - i)
  .map(
    (i) => `  at += i32(rest % u.length${i}) * vec2i(u.xStride${i}, u.yStride${i});
  rest /= u.length${i};\n`,
  )
  .join('')}  return at;
}
fn byteOf(word: u32, at: i32) -> u32 { return (word >> (8u * (u32(at) & 3u))) & 255u; }
`;

const copyWords = program({
  name: 'copyStrided of words',
  inputs: { x: 'u32' },
  outputs: { y: 'u32' },
  uniforms,
  workgroup: [64],
  include: [positions],
  main: `
  if (index >= u.n) { return; }
  let at = positions(index);
  y[at.y] = x[at.x];`,
});

/** Into bytes of y that follow each other: one invocation for each word of y that has any of them. */
const copyToRun = program({
  name: 'copyStrided to a run of bytes',
  inputs: { x: 'u32' },
  outputs: { y: 'u32' },
  uniforms,
  workgroup: [64],
  include: [positions],
  main: `
  let wordAt = index + u32(u.yOffset) / 4u;
  let first = 4 * i32(wordAt) - u.yOffset;
  if (first >= i32(u.n)) { return; }
  var word = y[wordAt];
  for (var i = 0; i < 4; i++) {
    let element = first + i;
    if (element < 0 || element >= i32(u.n)) { continue; }
    let at = positions(u32(element)).x;
    word = insertBits(word, byteOf(x[at / 4], at), u32(8 * i), 8u);
  }
  y[wordAt] = word;`,
});

/** Into bytes anywhere: neighbours in a word belong to different invocations. */
const copyBytes = program({
  name: 'copyStrided of bytes',
  inputs: { x: 'u32' },
  outputs: { y: 'atomic<u32>' },
  uniforms,
  workgroup: [64],
  include: [positions],
  main: `
  if (index >= u.n) { return; }
  let at = positions(index);
  let shift = 8u * (u32(at.y) & 3u);
  // Each has its own byte of the word, so the two steps need not be one.
  atomicAnd(&y[at.y / 4], ~(255u << shift));
  atomicOr(&y[at.y / 4], byteOf(x[at.x / 4], at.x) << shift);`,
});

/** The same copy of bytes by words, if everything lies at words. */
function inWords({ axes, xOffset, yOffset }: Copy): Copy | undefined {
  const outer = axes.slice(0, -1);
  const run = axes.at(-1);
  const numbers = [xOffset, yOffset, run?.length ?? 1, ...outer.flatMap((a) => [a.xStride, a.yStride])];
  if (run?.xStride !== 1 || run.yStride !== 1 || numbers.some((n) => n % 4 !== 0)) return undefined;
  return {
    axes: [
      ...outer.map((a) => ({ ...a, xStride: a.xStride / 4, yStride: a.yStride / 4 })),
      { ...run, length: run.length / 4 },
    ],
    xOffset: xOffset / 4,
    yOffset: yOffset / 4,
  };
}

/** Whether the copy fills bytes that follow each other, in order. */
function fillsRun(axes: readonly CopyAxis[]): boolean {
  let stride = 1;
  return axes.every((_, i) => {
    const axis = axes[axes.length - 1 - i];
    const follows = axis.yStride === stride;
    stride *= axis.length;
    return follows;
  });
}

function run(gpu: Gpu, x: GpuTensor, y: GpuTensor, copy: Copy, isBytes: boolean): void {
  const { axes, xOffset, yOffset } = copy;
  if (axes.length > rank) {
    const [{ length, xStride, yStride }, ...inner] = axes;
    for (let i = 0; i < length; i++) {
      const part = { axes: inner, xOffset: xOffset + i * xStride, yOffset: yOffset + i * yStride };
      run(gpu, x, y, part, isBytes);
    }
    return;
  }
  const n = axes.reduce((product, { length }) => product * length, 1);
  const padded = [
    ...new Array<CopyAxis>(rank - axes.length).fill({ length: 1, xStride: 0, yStride: 0 }),
    ...axes,
  ];
  const values: Record<string, number> = { n, xOffset, yOffset };
  for (const [i, { length, xStride, yStride }] of padded.entries()) {
    values[`length${i}`] = length;
    values[`xStride${i}`] = xStride;
    values[`yStride${i}`] = yStride;
  }
  const toRun = isBytes && fillsRun(axes);
  const invocations = toRun && n > 0 ? Math.ceil(((yOffset % 4) + n) / 4) : n;
  const kernel = toRun ? copyToRun : isBytes ? copyBytes : copyWords;
  gpu.run(kernel, { x, y }, values as never, Math.ceil(invocations / 64));
}

export const copyStrided: KernelFamily<'copyStrided'> = (gpu) => ({
  copyStrided({ x, y }, attrs) {
    const copy = { axes: mergeAxes(attrs), xOffset: attrs.xOffset, yOffset: attrs.yOffset };
    const isBytes = bytesPerElement(y.dtype) === 1;
    const words = isBytes ? inWords(copy) : undefined;
    run(gpu, x, y, words ?? copy, isBytes && !words);
  },
});
