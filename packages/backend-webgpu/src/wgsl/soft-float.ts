/**
 * Floating point by integers alone, for what decides integers: a GPU may divide to 2.5 ULP and has no double. An F64 is
 * the two words of an IEEE 754 double, low one first; results are rounded half to even, subnormals and signed zeros
 * included, and overflow to infinity. Arguments are finite (`divExact` takes any).
 */
export const softFloat = /* wgsl */ `
alias F64 = vec2u;

fn u64Add(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + u32(low < a.x));
}
fn u64Sub(a: vec2u, b: vec2u) -> vec2u { return vec2u(a.x - b.x, a.y - b.y - u32(a.x < b.x)); }
fn u64Less(a: vec2u, b: vec2u) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }
fn u64LeadingZeros(a: vec2u) -> u32 {
  return select(countLeadingZeros(a.y), 32u + countLeadingZeros(a.x), a.y == 0u);
}
// By at most 63. In two steps what comes from the other word, which WGSL can't shift by 32.
fn u64Left(a: vec2u, by: u32) -> vec2u {
  let w = select(a, vec2u(0u, a.x), by >= 32u);
  let s = by & 31u;
  return vec2u(w.x << s, (w.y << s) | ((w.x >> 1u) >> (31u - s)));
}
fn u64Right(a: vec2u, by: u32) -> vec2u {
  let w = select(a, vec2u(a.y, 0u), by >= 32u);
  let s = by & 31u;
  return vec2u((w.x >> s) | ((w.y << 1u) << (31u - s)), w.y >> s);
}

// ±mantissa · 2^exponent
struct Unpacked { sign: u32, mantissa: vec2u, exponent: i32 }

// The mantissa, not 0, in at most so many bits, none of them worth less than 2^lowest.
fn roundTo(a: Unpacked, bits: i32, lowest: i32) -> Unpacked {
  let last = max(a.exponent + 64 - i32(u64LeadingZeros(a.mantissa)) - bits, lowest);
  let by = last - a.exponent;
  var kept = vec2u(0u);
  if (by <= 0) {
    kept = u64Left(a.mantissa, u32(-by));
  } else if (by < 64) {
    kept = u64Right(a.mantissa, u32(by));
    let lost = u64Left(a.mantissa, u32(64 - by));
    let tie = lost.y == 0x80000000u && lost.x == 0u;
    kept = u64Add(kept, vec2u(select(lost.y >> 31u, kept.x & 1u, tie), 0u));
  }
  return Unpacked(a.sign, kept, last);
}

fn unpackBits(a: u32) -> Unpacked {
  let biased = (a >> 23u) & 0xffu;
  let mantissa = (a & 0x7fffffu) | (u32(biased != 0u) << 23u);
  return Unpacked(a & 0x80000000u, vec2u(mantissa, 0u), i32(max(biased, 1u)) - 150);
}
fn unpack(a: F64) -> Unpacked {
  let biased = (a.y >> 20u) & 0x7ffu;
  let mantissa = vec2u(a.x, (a.y & 0xfffffu) | (u32(biased != 0u) << 20u));
  return Unpacked(a.y & 0x80000000u, mantissa, i32(max(biased, 1u)) - 1075);
}
// In both the mantissa's leading bit, where there is one, adds the 1 that the exponent lacks.
fn packBits(a: Unpacked) -> u32 {
  let r = roundTo(a, 24, -149);
  let word = select(r.mantissa.x + (u32(r.exponent + 149) << 23u), 0x7f800000u, r.exponent > 104);
  return a.sign | select(word, 0u, all(a.mantissa == vec2u(0u)));
}
fn pack(a: Unpacked) -> F64 {
  let r = roundTo(a, 53, -1074);
  let number = u64Add(r.mantissa, vec2u(0u, u32(r.exponent + 1074) << 20u));
  let word = select(number, vec2u(0u, 0x7ff00000u), r.exponent > 971);
  return vec2u(0u, a.sign) | select(word, vec2u(0u), all(a.mantissa == vec2u(0u)));
}

fn f64From(a: f32) -> F64 { return pack(unpackBits(bitcast<u32>(a))); }
fn f64To(a: F64) -> f32 { return bitcast<f32>(f64ToBits(a)); }
// The bits of the nearest float32: as f32, a GPU may take a subnormal for 0.
fn f64ToBits(a: F64) -> u32 { return packBits(unpack(a)); }
// The nearest integer, half to even, within ±(2^31 - 1).
fn f64Rint(a: F64) -> i32 {
  let r = roundTo(unpack(a), 31, 0);
  let magnitude = i32(select(min(r.mantissa.x, 0x7fffffffu), 0x7fffffffu, r.exponent > 0));
  return select(magnitude, -magnitude, r.sign != 0u);
}

fn f64Abs(a: F64) -> F64 { return vec2u(a.x, a.y & 0x7fffffffu); }
fn f64Add(a: F64, b: F64) -> F64 {
  let swap = u64Less(f64Abs(a), f64Abs(b));
  let large = unpack(select(a, b, swap));
  let small = unpack(select(b, a, swap));
  // 10 bits of room below. Where bits fall out of the smaller one, the lowest bit stands for them.
  let x = u64Left(large.mantissa, 10u);
  let y = u64Left(small.mantissa, 10u);
  let by = u32(min(large.exponent - small.exponent, 63));
  let kept = u64Right(y, by);
  let aligned = kept | vec2u(u32(any(u64Left(kept, by) != y)), 0u);
  let minus = large.sign != small.sign;
  let sum = select(u64Add(x, aligned), u64Sub(x, aligned), minus);
  let sign = select(large.sign, 0u, minus && all(sum == vec2u(0u)));
  return pack(Unpacked(sign, sum, large.exponent - 10));
}
fn f64Sub(a: F64, b: F64) -> F64 { return f64Add(a, vec2u(b.x, b.y ^ 0x80000000u)); }
// -0 is less than 0.
fn f64Less(a: F64, b: F64) -> bool {
  let x = select(vec2u(a.x, a.y | 0x80000000u), ~a, (a.y >> 31u) != 0u);
  let y = select(vec2u(b.x, b.y | 0x80000000u), ~b, (b.y >> 31u) != 0u);
  return u64Less(x, y);
}

// a / b to 55 bits or more, the lowest of which is also set where the division doesn't come out even; b isn't 0.
fn quotient(a: Unpacked, b: Unpacked) -> Unpacked {
  let aShift = u64LeadingZeros(a.mantissa) - 1u;
  let bShift = u64LeadingZeros(b.mantissa) - 1u;
  let divisor = u64Left(b.mantissa, bShift);
  var rest = u64Left(a.mantissa, min(aShift, 63u));
  var found = vec2u(0u);
  for (var i = 0; i < 56; i++) {
    found = u64Left(found, 1u);
    if (!u64Less(rest, divisor)) {
      rest = u64Sub(rest, divisor);
      found.x |= 1u;
    }
    rest = u64Left(rest, 1u);
  }
  found.x |= u32(any(rest != vec2u(0u)));
  return Unpacked(a.sign ^ b.sign, found, a.exponent - i32(aShift) - b.exponent + i32(bShift) - 55);
}
// b isn't 0.
fn f64Div(a: F64, b: F64) -> F64 { return pack(quotient(unpack(a), unpack(b))); }

// The bits of the float32 nearest to a / b, of their bits.
fn divBits(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & 0x80000000u;
  let x = a & 0x7fffffffu;
  let y = b & 0x7fffffffu;
  const inf = 0x7f800000u;
  if (x > inf || y > inf || (x == y && (x == 0u || x == inf))) { return 0x7fc00000u; }
  if (x == inf || y == 0u) { return sign | inf; }
  if (x == 0u || y == inf) { return sign; }
  return packBits(quotient(unpackBits(a), unpackBits(b)));
}
// The float32 nearest to a / b.
fn divExact(a: f32, b: f32) -> f32 { return bitcast<f32>(divBits(bitcast<u32>(a), bitcast<u32>(b))); }
`;
