/** Functions of one number: WGSL's own are coarse, and promise nothing about NaN and infinities. */

/** By their series on a quarter turn around 0, of x less a multiple of π/2 in three parts. */
export const turns = /* wgsl */ `
fn sineOf(v: f32, quarters: i32) -> f32 {
  if (isStrange(v)) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  let turns = round(v * 0.63661977);
  let x = ((v - turns * 1.5703125) - turns * 4.837512969970703e-4) - turns * 7.549789954891882e-8;
  let z = x * x;
  let quarter = (i32(turns) + quarters) & 3;
  let sine = x + x * z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0))));
  let cosine = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0 - z * (1.0 / 3628800.0)))));
  let value = select(sine, cosine, (quarter & 1) == 1);
  return select(value, -value, quarter >= 2);
}
`;

/** Of the angle of a right triangle; outside of -1 to 1 there is none. */
export const arcs = /* wgsl */ `
fn arcsine(v: f32) -> f32 {
  if (abs(v) > 1.0 || isStrange(v)) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  return angleOf(v, sqrt((1.0 - v) * (1.0 + v)));
}
fn arccosine(v: f32) -> f32 {
  if (abs(v) > 1.0 || isStrange(v)) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  return angleOf(sqrt((1.0 - v) * (1.0 + v)), v);
}
`;

/** Near 0, where a sum or a difference with 1 would round, by their series. */
export const nearOne = /* wgsl */ `
fn logOnePlus(v: f32) -> f32 {
  if (abs(v) > 0.4) { return logarithm(1.0 + v); }
  let s = v / (2.0 + v);
  let z = s * s;
  return 2.0 * (s + s * z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0)))));
}
fn expMinusOne(v: f32) -> f32 {
  if (abs(v) > 0.5) { return exponential(v) - 1.0; }
  return v + v * v * (0.5 + v * (1.0 / 6.0 + v * (1.0 / 24.0 + v * (1.0 / 120.0 + v * (1.0 / 720.0 + v * (1.0 / 5040.0))))));
}
`;

export const hyperbolic = /* wgsl */ `
fn hyperbolicSine(v: f32) -> f32 {
  let z = v * v;
  if (z < 0.25) { return v + v * z * (1.0 / 6.0 + z * (1.0 / 120.0 + z * (1.0 / 5040.0))); }
  return 0.5 * exponential(v) - 0.5 * exponential(-v);
}
fn hyperbolicCosine(v: f32) -> f32 { return 0.5 * exponential(v) + 0.5 * exponential(-v); }
`;

export const areas = /* wgsl */ `
fn areaSine(v: f32) -> f32 {
  let z = abs(v);
  if (z > 1e4) { return sign(v) * (logarithm(z) + 0.69314718); }
  return sign(v) * logOnePlus(z + z * z / (1.0 + sqrt(1.0 + z * z)));
}
fn areaCosine(v: f32) -> f32 {
  if (v < 1.0) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  if (v > 1e4) { return logarithm(v) + 0.69314718; }
  let t = v - 1.0;
  return logOnePlus(t + sqrt(2.0 * t + t * t));
}
fn areaTangent(v: f32) -> f32 {
  let z = abs(v);
  if (z > 1.0) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  if (z == 1.0) { return bitcast<f32>(bitcast<u32>(v) | 0x7f800000u); }
  return sign(v) * 0.5 * logOnePlus(2.0 * z / (1.0 - z));
}
`;

/** By its series near 0, else by the normal distribution. */
export const errorFunction = /* wgsl */ `
fn errorFunction(v: f32) -> f32 {
  let z = v * v;
  if (z < 0.25) {
    return 1.12837917 * v * (1.0 + z * (-1.0 / 3.0 + z * (0.1 + z * (-1.0 / 42.0 + z * (1.0 / 216.0 - z * (1.0 / 1320.0))))));
  }
  if (z > 36.0) { return sign(v); }
  return 2.0 * normalDistribution(v * 1.41421356) - 1.0;
}
`;
