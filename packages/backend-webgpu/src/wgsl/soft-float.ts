/**
 * Floating point by integers alone, for what decides integers: a GPU may divide to 2.5 ULP and has no double. An F64 is
 * the two words of an IEEE 754 double, low one first; results are rounded half to even, subnormals and signed zeros
 * included, and overflow to infinity. Arguments are finite (`divExact` takes any).
 */
export const softFloat = /* wgsl */ `
alias F64 = vec2u;

fn u64Add(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}
fn u64Sub(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}
fn u64Less(a: vec2u, b: vec2u) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}
fn u64LeadingZeros(a: vec2u) -> u32 {
  return select(countLeadingZeros(a.y), 32u + countLeadingZeros(a.x), a.y == 0u);
}
// A shift by 32 or more is no shift in WGSL: words move first, and a shift by 0 takes nothing from the other word.
fn u64Left(a: vec2u, by: u32) -> vec2u {
  if (by >= 64u) { return vec2u(0u); }
  if (by >= 32u) { return vec2u(0u, a.x << (by - 32u)); }
  return vec2u(a.x << by, (a.y << by) | select(a.x >> ((32u - by) & 31u), 0u, by == 0u));
}
fn u64Right(a: vec2u, by: u32) -> vec2u {
  if (by >= 64u) { return vec2u(0u); }
  if (by >= 32u) { return vec2u(a.y >> (by - 32u), 0u); }
  return vec2u((a.x >> by) | select(a.y << ((32u - by) & 31u), 0u, by == 0u), a.y >> by);
}
// u64Right whose lowest bit is also set where a bit fell out.
fn u64RightSticky(a: vec2u, by: u32) -> vec2u {
  let kept = u64Right(a, by);
  return kept | vec2u(select(0u, 1u, any(u64Left(kept, by) != a)), 0u);
}

// ±mantissa · 2^exponent
struct Unpacked { sign: u32, mantissa: vec2u, exponent: i32 }
// mantissa · 2^exponent in at most so many bits, none of them worth less than 2^lowest.
struct Rounded { mantissa: vec2u, exponent: i32 }

fn roundTo(mantissa: vec2u, exponent: i32, bits: i32, lowest: i32) -> Rounded {
  let last = max(exponent + 64 - i32(u64LeadingZeros(mantissa)) - bits, lowest);
  if (last <= exponent) { return Rounded(u64Left(mantissa, u32(exponent - last)), last); }
  // Two bits more: the half, and whether anything lies beyond it.
  let by = u32(last - exponent);
  let extra = select(u64RightSticky(mantissa, by - 2u), u64Left(mantissa, 1u), by == 1u);
  let kept = u64Right(extra, 2u);
  let up = (extra.x & 3u) + (kept.x & 1u) > 2u;
  return Rounded(u64Add(kept, vec2u(select(0u, 1u, up), 0u)), last);
}

fn f64Unpack(a: F64) -> Unpacked {
  let biased = (a.y >> 20u) & 0x7ffu;
  let mantissa = vec2u(a.x, (a.y & 0xfffffu) | select(0u, 0x100000u, biased != 0u));
  return Unpacked(a.y & 0x80000000u, mantissa, i32(max(biased, 1u)) - 1075);
}
fn f64Pack(a: Unpacked) -> F64 {
  if (all(a.mantissa == vec2u(0u))) { return vec2u(0u, a.sign); }
  let r = roundTo(a.mantissa, a.exponent, 53, -1074);
  // The mantissa's leading bit, where there is one, adds the 1 that the exponent lacks.
  if (r.exponent > 971) { return vec2u(0u, a.sign | 0x7ff00000u); }
  let word = u64Add(r.mantissa, vec2u(0u, u32(r.exponent + 1074) << 20u));
  return vec2u(word.x, word.y | a.sign);
}

fn f64FromBits(a: u32) -> F64 {
  let biased = (a >> 23u) & 0xffu;
  let mantissa = (a & 0x7fffffu) | select(0u, 0x800000u, biased != 0u);
  return f64Pack(Unpacked(a & 0x80000000u, vec2u(mantissa, 0u), i32(max(biased, 1u)) - 150));
}
fn f64From(a: f32) -> F64 { return f64FromBits(bitcast<u32>(a)); }
// The bits of the nearest float32: as f32, a GPU may take a subnormal for 0.
fn f64ToBits(a: F64) -> u32 {
  let u = f64Unpack(a);
  if (all(u.mantissa == vec2u(0u))) { return u.sign; }
  let r = roundTo(u.mantissa, u.exponent, 24, -149);
  if (r.exponent > 104) { return u.sign | 0x7f800000u; }
  return u.sign | (r.mantissa.x + (u32(r.exponent + 149) << 23u));
}
fn f64To(a: F64) -> f32 { return bitcast<f32>(f64ToBits(a)); }
// The nearest integer, half to even, within ±(2^31 - 1).
fn f64Rint(a: F64) -> i32 {
  let u = f64Unpack(a);
  if (all(u.mantissa == vec2u(0u))) { return 0; }
  let r = roundTo(u.mantissa, u.exponent, 31, 0);
  let magnitude = i32(select(min(r.mantissa.x, 0x7fffffffu), 0x7fffffffu, r.exponent > 0));
  return select(magnitude, -magnitude, u.sign != 0u);
}

fn f64Negate(a: F64) -> F64 { return vec2u(a.x, a.y ^ 0x80000000u); }
fn f64Abs(a: F64) -> F64 { return vec2u(a.x, a.y & 0x7fffffffu); }
fn f64Add(a: F64, b: F64) -> F64 {
  let swap = u64Less(f64Abs(a), f64Abs(b));
  let large = f64Unpack(select(a, b, swap));
  let small = f64Unpack(select(b, a, swap));
  // 10 bits of room below: where bits fall out of the smaller one, the sum is rounded above them.
  let x = u64Left(large.mantissa, 10u);
  let y = u64RightSticky(u64Left(small.mantissa, 10u), u32(large.exponent - small.exponent));
  if (large.sign == small.sign) { return f64Pack(Unpacked(large.sign, u64Add(x, y), large.exponent - 10)); }
  let difference = u64Sub(x, y);
  let sign = select(large.sign, 0u, all(difference == vec2u(0u)));
  return f64Pack(Unpacked(sign, difference, large.exponent - 10));
}
fn f64Sub(a: F64, b: F64) -> F64 { return f64Add(a, f64Negate(b)); }
fn f64Less(a: F64, b: F64) -> bool {
  let d = f64Sub(a, b);
  return (d.y >> 31u) != 0u && any(f64Abs(d) != vec2u(0u));
}
// b isn't 0.
fn f64Div(a: F64, b: F64) -> F64 {
  let n = f64Unpack(a);
  let d = f64Unpack(b);
  let sign = n.sign ^ d.sign;
  if (all(n.mantissa == vec2u(0u))) { return vec2u(0u, sign); }
  let nShift = u64LeadingZeros(n.mantissa) - 11u;
  let dShift = u64LeadingZeros(d.mantissa) - 11u;
  let divisor = u64Left(d.mantissa, dShift);
  var rest = u64Left(n.mantissa, nShift);
  var quotient = vec2u(0u);
  for (var i = 0; i < 56; i++) {
    quotient = u64Left(quotient, 1u);
    if (!u64Less(rest, divisor)) {
      rest = u64Sub(rest, divisor);
      quotient.x |= 1u;
    }
    rest = u64Left(rest, 1u);
  }
  quotient.x |= select(0u, 1u, any(rest != vec2u(0u)));
  return f64Pack(Unpacked(sign, quotient, n.exponent - i32(nShift) - d.exponent + i32(dShift) - 55));
}

// The bits of the float32 nearest to a / b, of their bits. Rounding the double again is right: it has 53 > 2 · 24 + 1 bits.
fn divBits(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & 0x80000000u;
  let x = a & 0x7fffffffu;
  let y = b & 0x7fffffffu;
  const inf = 0x7f800000u;
  if (x > inf || y > inf || (x == y && (x == 0u || x == inf))) { return 0x7fc00000u; }
  if (x == inf || y == 0u) { return sign | inf; }
  if (x == 0u || y == inf) { return sign; }
  return f64ToBits(f64Div(f64FromBits(a), f64FromBits(b)));
}
// The float32 nearest to a / b.
fn divExact(a: f32, b: f32) -> f32 { return bitcast<f32>(divBits(bitcast<u32>(a), bitcast<u32>(b))); }
`;
