/** What a storage buffer is an array of. Bytes (uint8, int8, bool) are 'u32': four to a word, the first one lowest. */
export type WgslElement = 'f32' | 'i32' | 'u32' | 'vec4i' | 'vec4u' | 'atomic<u32>' | 'atomic<i32>';
export type UniformType = 'u32' | 'i32' | 'f32';

/**
 * A compute shader, made once at module level. Its buffers and uniforms are declared from the names here, so that WGSL
 * reads `x[i]` and `u.n`.
 */
export interface Program {
  /** What errors call it. */
  readonly name: string;
  /** Read-only storage buffers. One GPU buffer may be given for several of them. */
  readonly inputs: Readonly<Record<string, WgslElement>>;
  /** Storage buffers to read and write. Together with the inputs at most 8. */
  readonly outputs: Readonly<Record<string, WgslElement>>;
  /** At most 64. Infinity and NaN come through unharmed, which WGSL's own constants don't. */
  readonly uniforms: Readonly<Record<string, UniformType>>;
  /** Invocations of a workgroup, x first; at most 256 in all. */
  readonly workgroup: readonly [x: number, y?: number, z?: number];
  /** Declarations shared between programs: functions from src/wgsl. Those given twice are written once. */
  readonly include?: readonly string[];
  /** Whether it uses `dot4I8Packed` and its like: only for a `gpu` with `dotProduct`. */
  readonly dotProduct?: boolean;
  /** Declarations of its own at module level: functions, constants, `var<workgroup>`. */
  readonly code?: string;
  /**
   * The body of `fn main`. It has in scope
   * - `index: u32`, the invocation's number in the whole dispatch (x runs fastest within a workgroup),
   * - `group: u32`, the workgroup's number, and `groupSize: u32`, its invocations,
   * - `lane: u32`, the invocation's number in its workgroup,
   * - `lid: vec3u` and `wid: vec3u`, WGSL's local_invocation_id and workgroup_id, for workgroups in 2-D or 3-D.
   *
   * `index` and `group` hold for numbers of workgroups that were folded into 2-D. Folding adds a few workgroups at the
   * end: `group` may reach past the number asked for, so test it, or `index`, against a uniform.
   */
  readonly main: string;
}

/** Slots of the uniform buffer: what every device lets offsets be multiples of, and 64 uniforms. */
export const uniformBytes = 256;

/** Declares a program. What it returns is what it was given, typed by its names. */
export function program<const P extends Program>(p: P): P {
  return p;
}

/** The program's WGSL. */
export function wgsl({
  inputs,
  outputs,
  uniforms,
  workgroup,
  include = [],
  dotProduct,
  code = '',
  main,
}: Program): string {
  const fields = Object.entries(uniforms).map(([name, type]) => `  ${name}: ${type},\n`);
  const buffers = [
    ...Object.entries(inputs).map(([name, type]) => `<storage, read> ${name}: array<${type}>;\n`),
    ...Object.entries(outputs).map(([name, type]) => `<storage, read_write> ${name}: array<${type}>;\n`),
  ];
  const [x, y = 1, z = 1] = workgroup;
  return `${dotProduct ? 'requires packed_4x8_integer_dot_product;\n' : ''}
struct Uniforms {
${fields.join('') || '  unused: u32,\n'}}
@group(0) @binding(0) var<uniform> u: Uniforms;
${buffers.map((buffer, i) => `@group(0) @binding(${i + 1}) var${buffer}`).join('')}
const groupSize = ${x * y * z}u;
${[...new Set(include)].join('\n')}
${code}
@compute @workgroup_size(${x}, ${y}, ${z})
fn main(
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groupCounts: vec3u,
) {
  let group = wid.x + groupCounts.x * (wid.y + groupCounts.y * wid.z);
  let index = group * groupSize + lane;
${main}
}
`;
}
