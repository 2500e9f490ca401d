/**
 * Scale and zero point of a range, the reference's to the last bit. Needs `softFloat`. A range that is NaN
 * or infinite has a scale that is too, and the zero point 0.
 */
export const qparams = /* wgsl */ `
struct Qparams { scale: f32, zeroPoint: i32 }

// The bits of NaN or infinity for a range that is, else 0.
fn strangeRange(minVal: f32, maxVal: f32) -> u32 {
  let low = bitcast<u32>(minVal);
  let high = bitcast<u32>(maxVal);
  if (max(low & 0x7fffffffu, high & 0x7fffffffu) > 0x7f800000u) { return 0x7fc00000u; }
  return select(0u, 0x7f800000u, low == 0xff800000u || high == 0x7f800000u);
}

// docs/numerics.md "Observer qparams", affine
fn affineQparams(minVal: f32, maxVal: f32, quantMin: f32, quantMax: f32, eps: f32) -> Qparams {
  let strange = strangeRange(minVal, maxVal);
  if (strange != 0u) { return Qparams(bitcast<f32>(strange), 0); }
  let low = min(minVal, 0.0);
  let scale = max(divExact(max(maxVal, 0.0) - low, quantMax - quantMin), eps);
  // Past 2^23 it will be clamped anyway.
  let zero = quantMin - max(round(divExact(low, scale)), -8388608.0);
  return Qparams(scale, i32(clamp(zero, quantMin, quantMax)));
}

// docs/numerics.md "Observer qparams", symmetric
fn symmetricScale(minVal: f32, maxVal: f32, quantMin: f32, quantMax: f32, eps: f32) -> f32 {
  let strange = strangeRange(minVal, maxVal);
  if (strange != 0u) { return bitcast<f32>(strange); }
  let far = max(max(-minVal, maxVal), 0.0);
  return max(divExact(far, (quantMax - quantMin) * 0.5), eps);
}

// docs/numerics.md "Fused observer qparams"
fn chooseQparams(minVal: f32, maxVal: f32, quantMin: f32, quantMax: f32, symmetric: bool) -> Qparams {
  let steps = quantMax - quantMin;
  // By their bits: a GPU may take a subnormal for 0.
  let centred = symmetric && bitcast<u32>(minVal) > 0x80000000u && bitcast<i32>(maxVal) > 0;
  let strange = strangeRange(minVal, maxVal);
  if (strange != 0u) { return Qparams(bitcast<f32>(strange | 0x7fc00000u), 0); }
  var low = min(minVal, 0.0);
  var high = max(maxVal, 0.0);
  if (centred) {
    let half = floor(steps * 0.5);
    let s = max(divExact(-low, half + 1.0), divExact(high, half));
    low = -s * (half + 1.0);
    high = s * half;
  }

  var scale = f64Div(f64Sub(f64From(high), f64From(low)), f64From(steps));
  // At most 2^-128: the reciprocal overflows. Then it is 0.1.
  if (f64ToBits(scale) <= 0x00200000u) { scale = F64(0x9999999au, 0x3fb99999u); }
  // float32 6.1e-5
  const smallestBits = 0x387fda40u;
  let smallest = bitcast<f32>(smallestBits);
  if (f64Less(scale, f64From(smallest))) {
    let growth = bitcast<f32>(divBits(smallestBits, f64ToBits(scale)));
    if (low == 0.0) {
      high = smallest * steps;
    } else if (high == 0.0) {
      low = -smallest * steps;
    } else {
      low *= growth;
      high *= growth;
    }
    scale = f64From(smallest);
  }

  if (centred) { return Qparams(f64To(scale), i32(round((quantMin + quantMax) * 0.5))); }

  // A loop: drivers take twice as long to compile the same code twice.
  let ends = vec2f(low, high);
  let bounds = vec2f(quantMin, quantMax);
  var zero = F64();
  var leastError = F64();
  for (var i = 0; i < 2; i++) {
    let atEnd = f64Div(f64From(ends[i]), scale);
    let bound = f64From(bounds[i]);
    let error = f64Sub(f64Abs(bound), f64Abs(atEnd));
    // Where both are equal, the upper end decides.
    if (i == 0 || !f64Less(leastError, error)) {
      leastError = error;
      zero = f64Sub(bound, atEnd);
    }
  }
  return Qparams(f64To(scale), clamp(f64Rint(zero), i32(quantMin), i32(quantMax)));
}
`;
