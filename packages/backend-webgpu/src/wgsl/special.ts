/** By its bits: a compiler may take it that there are no NaNs. */
export const isNan = /* wgsl */ `
fn isNan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }
`;

/** A NaN, of any number's bits: as a constant WGSL refuses it. */
export const asNan = /* wgsl */ `
fn asNan(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
`;

/** Functions of WGSL, which promises nothing about NaN and infinities: NaN stays one, and infinities give their limits. */
export const limits = /* wgsl */ `
fn isStrange(v: f32) -> bool { return (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u; }
fn keepingNan(v: f32, result: f32) -> f32 { return select(result, v, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(v: f32) -> f32 { return select(exp(v), select(v, 0.0, v < 0.0), isStrange(v)); }
fn logarithm(v: f32) -> f32 {
  if (v < 0.0) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  return select(log(v), v, isStrange(v));
}
`;

/** `clamp`, but a NaN stays one, by its bits. */
export const bounded = /* wgsl */ `
fn bounded(v: f32, low: f32, high: f32) -> f32 {
  let a = select(v, low, v < low);
  let b = select(a, high, a > high);
  return select(b, v, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u);
}
`;

/** max(v, 0). By its bits, so that a NaN stays one: what lies below -0, down to -infinity, becomes 0. */
export const rectified = /* wgsl */ `
fn rectified(v: f32) -> f32 {
  let bits = bitcast<u32>(v);
  return select(v, 0.0, bits > 0x80000000u && bits <= 0xff800000u);
}
`;

/** WGSL's own may be off by 1e-5. The series of the hyperbolic tangent where the quotient would cancel. */
export const accurateTanh = /* wgsl */ `
fn accurateTanh(v: f32) -> f32 {
  let z = v * v;
  if (z < 0.09) {
    return v + v * z * (-1.0 / 3.0 + z * (2.0 / 15.0 + z * (-17.0 / 315.0 + z * (62.0 / 2835.0))));
  }
  let t = exp(-2.0 * abs(v));
  return sign(v) * (1.0 - t) / (1.0 + t);
}
`;

/**
 * Φ, the distribution function of the standard normal, to about 1e-7 of its value: half the complementary error function of
 * Numerical Recipes ("erfcc", 2nd edition, 6.2).
 */
export const normal = /* wgsl */ `
fn normalDistribution(v: f32) -> f32 {
  let z = abs(v) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(p - z * z);
  return select(1.0 - tail, tail, v < 0.0);
}
fn normalDensity(v: f32) -> f32 { return 0.39894228 * exp(-0.5 * v * v); }
`;

/** Whole exponents to 64 are multiplied out: the `pow` of WGSL knows no negative numbers. */
export const power = /* wgsl */ `
fn power(v: f32, exponent: f32, ofNegative: f32) -> f32 {
  if ((bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u && exponent != 0.0) { return v; }
  if (abs(exponent) <= 64.0 && trunc(exponent) == exponent) {
    var result = 1.0;
    var square = v;
    for (var rest = u32(abs(exponent)); rest > 0u; rest >>= 1u) {
      if ((rest & 1u) == 1u) { result *= square; }
      square *= square;
    }
    return select(result, 1.0 / result, exponent < 0.0);
  }
  if (v == 0.0) { return select(1.0 / abs(v), 0.0, exponent > 0.0); }
  if ((bitcast<u32>(v) & 0x7fffffffu) == 0x7f800000u) { return select(0.0, abs(v), exponent > 0.0); }
  if (v < 0.0 && abs(ofNegative) != 1.0) { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
  return pow(abs(v), exponent) * select(1.0, ofNegative, v < 0.0);
}
`;
