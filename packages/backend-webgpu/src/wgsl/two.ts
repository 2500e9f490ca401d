/** Functions of two numbers, in which WGSL's own are coarse, or promise nothing about NaN and infinities. */

/** Of two numbers, of which a NaN is either's. */
export const extremes = /* wgsl */ `
fn larger(a: f32, b: f32) -> f32 {
  if ((bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u) { return a; }
  return select(a, b, b > a || (bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u);
}
fn smaller(a: f32, b: f32) -> f32 {
  if ((bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u) { return a; }
  return select(a, b, b < a || (bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u);
}
`;

/** The exact rest of a / b by their bits, and what follows of it. */
export const rests = /* wgsl */ `
fn restOf(a: f32, b: f32) -> f32 {
  let negative = bitcast<u32>(a) & 0x80000000u;
  var x = bitcast<u32>(a) & 0x7fffffffu;
  var y = bitcast<u32>(b) & 0x7fffffffu;
  if (y == 0u || y > 0x7f800000u || x >= 0x7f800000u) { return bitcast<f32>(x | 0x7fc00000u); }
  if (x < y) { return a; }
  // Numbers below the normal ones have the exponent of the least of these, and no hidden bit.
  var exponent = max(x >> 23u, 1u);
  let last = max(y >> 23u, 1u);
  x = select(x & 0x7fffffu, (x & 0x7fffffu) | 0x800000u, x >= 0x800000u);
  y = select(y & 0x7fffffu, (y & 0x7fffffu) | 0x800000u, y >= 0x800000u);
  loop {
    if (x >= y) { x -= y; }
    if (exponent == last || x == 0u) { break; }
    x <<= 1u;
    exponent--;
  }
  if (x == 0u) { return bitcast<f32>(negative); }
  loop {
    if (x >= 0x800000u || exponent == 1u) { break; }
    x <<= 1u;
    exponent--;
  }
  let bits = select(x, (x & 0x7fffffu) | (exponent << 23u), x >= 0x800000u);
  return bitcast<f32>(bits | negative);
}
fn remainderOf(a: f32, b: f32) -> f32 {
  let rest = restOf(a, b);
  return select(rest, rest + b, rest != 0.0 && (rest < 0.0) != (b < 0.0));
}
fn floorQuotient(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return a / b; }
  let rest = restOf(a, b);
  if ((bitcast<u32>(rest) & 0x7fffffffu) > 0x7f800000u) { return rest; }
  let whole = select((a - rest) / b, 0.0, (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u);
  return round(whole - select(0.0, 1.0, rest != 0.0 && (rest < 0.0) != (b < 0.0)));
}
`;

/**
 * The arc tangent: of x reduced to what lies within tan(π/16) of 0, tan(π/8) or 1, by atan(x) = atan(c) + atan((x - c) / (1 + x·c)),
 * and there by its series.
 */
export const arctangent = /* wgsl */ `
fn arctangent(v: f32) -> f32 {
  if ((bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u) { return v; }
  let z = abs(v);
  if (z > 1e8) { return select(-1.57079633, 1.57079633, v > 0.0); }
  let inner = select(z, 1.0 / z, z > 1.0);
  var near = vec2f(0.0, 0.0);
  if (inner > 0.66817864) { near = vec2f(1.0, 0.78539816); } else if (inner > 0.19891237) { near = vec2f(0.41421356, 0.39269908); }
  let x = (inner - near.x) / (1.0 + inner * near.x);
  let q = x * x;
  let angle = near.y + (x - x * q * (1.0 / 3.0 - q * (0.2 - q * (1.0 / 7.0 - q * (1.0 / 9.0)))));
  return sign(v) * select(angle, 1.57079633 - angle, z > 1.0);
}
`;

/** The angle of the point (x, y), from -π to π. */
export const angles = /* wgsl */ `
fn angleOf(y: f32, x: f32) -> f32 {
  let high = bitcast<u32>(y) & 0x7fffffffu;
  let wide = bitcast<u32>(x) & 0x7fffffffu;
  if (high > 0x7f800000u) { return y; }
  if (wide > 0x7f800000u) { return x; }
  var angle = 0.0;
  if (high == 0x7f800000u) {
    angle = select(1.57079633, 0.78539816, wide == 0x7f800000u);
  } else if (high != 0u && wide != 0x7f800000u) {
    angle = select(arctangent(abs(y) / abs(x)), 1.57079633 - arctangent(abs(x) / abs(y)), abs(y) > abs(x));
  }
  angle = select(angle, 3.14159265 - angle, (bitcast<u32>(x) >> 31u) == 1u);
  return select(angle, -angle, (bitcast<u32>(y) >> 31u) == 1u);
}
`;

/** a to the power of b, with the limits at 0 and the infinities. */
export const powers = /* wgsl */ `
fn powerOf(a: f32, b: f32) -> f32 {
  let exponent = bitcast<u32>(b) & 0x7fffffffu;
  if (a == 1.0 || b == 0.0) { return 1.0; }
  if (exponent > 0x7f800000u) { return b; }
  if (exponent == 0x7f800000u) {
    if ((bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u) { return a; }
    if (a == -1.0) { return 1.0; }
    return select(0.0, bitcast<f32>(0x7f800000u + (bitcast<u32>(a) & 0u)), (abs(a) > 1.0) == (b > 0.0));
  }
  let whole = trunc(b) == b;
  let odd = whole && abs(b) < 16777216.0 && (u32(abs(b)) & 1u) == 1u;
  return power(a, b, select(2.0, select(1.0, -1.0, odd), whole));
}
`;

/** a to the power of b by products that wrap around. */
export const integerPowers = /* wgsl */ `
fn integerPower(a: i32, b: i32) -> i32 {
  if (b < 0) { return select(0, select(-1, 1, a == 1 || (b & 1) == 0), a == 1 || a == -1); }
  var result = 1;
  var square = a;
  for (var rest = u32(b); rest > 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { result *= square; }
    square *= square;
  }
  return result;
}
`;

/** Quotients of int32 rounded down, and their rests; 0 for a division by 0. */
export const integerQuotients = /* wgsl */ `
fn integerRest(a: i32, b: i32) -> i32 {
  if (b == 0 || b == -1) { return 0; }
  return a % b;
}
fn integerRemainder(a: i32, b: i32) -> i32 {
  let rest = integerRest(a, b);
  return select(rest, rest + b, rest != 0 && (rest < 0) != (b < 0));
}
fn integerFloor(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  if (b == -1) { return -a; }
  let rest = a % b;
  return a / b - select(0, 1, rest != 0 && (rest < 0) != (b < 0));
}
`;
