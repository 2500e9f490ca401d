/**
 * A number as an integer that is ordered as it is, zeros alike, NaN above all: a compiler may take it that floats are no NaNs,
 * integers say it for sure.
 */
export const keys = {
  float: /* wgsl */ `
fn sortKey(word: u32) -> i32 {
  let magnitude = i32(word & 0x7fffffffu);
  if (magnitude > 0x7f800000) { return 0x7fffffff; }
  return select(magnitude, -magnitude, (word >> 31u) == 1u);
}
`,
  int: /* wgsl */ `
fn sortKey(word: u32) -> i32 { return bitcast<i32>(word); }
`,
};
