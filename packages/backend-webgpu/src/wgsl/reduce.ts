/**
 * Declares `NAME(value, lane, rows)`: one value of every invocation of a workgroup, combined. With `rows` (a power of two,
 * as the workgroup's size) that many reductions run side by side, lane `i` belonging to row `i % rows`; each lane gets its
 * row's result. The order is always the same.
 *
 * @param combine an expression of `a` and `b`
 */
export const reduce = (name: string, type: string, combine: string): string => /* wgsl */ `
var<workgroup> ${name}Lanes: array<${type}, groupSize>;
fn ${name}(value: ${type}, lane: u32, rows: u32) -> ${type} {
  // Results of the call before are still being read.
  workgroupBarrier();
  ${name}Lanes[lane] = value;
  workgroupBarrier();
  for (var step = groupSize / 2u; step >= rows; step /= 2u) {
    if (lane < step) {
      let a = ${name}Lanes[lane];
      let b = ${name}Lanes[lane + step];
      ${name}Lanes[lane] = ${combine};
    }
    workgroupBarrier();
  }
  return ${name}Lanes[lane % rows];
}
`;

export const sumLanes = reduce('sumLanes', 'f32', 'a + b');
export const maxLanes = reduce('maxLanes', 'f32', 'max(a, b)');
