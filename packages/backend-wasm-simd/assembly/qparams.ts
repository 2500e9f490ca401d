/**
 * The scale (float32) and zero point (int32) of a range, the reference's chooseQparams to the last bit: docs/numerics.md "Fused
 * observer qparams".
 */
export function chooseScale(
  low: f32, high: f32, quantMin: f64, quantMax: f64, symmetric: bool, scaleAt: usize, zeroPointAt: usize,
): void {
  const smallest: f32 = 6.1e-5;
  const steps = quantMax - quantMin;
  const centred = symmetric && low < 0 && high > 0;
  if (centred) {
    const half = <f32>floor<f64>(steps / 2);
    const s = max(-low / (half + 1), high / half);
    low = -s * (half + 1);
    high = s * half;
  }
  low = min<f32>(low, 0);
  high = max<f32>(high, 0);
  // Not a number, or infinite.
  if (high - high != 0 || low - low != 0) {
    store<f32>(scaleAt, f32.NaN);
    store<i32>(zeroPointAt, 0);
    return;
  }
  let scale = (<f64>high - <f64>low) / steps;
  const rounded = <f32>scale;
  if (rounded == 0 || <f32>1 / rounded == f32.MAX_VALUE * 2) scale = 0.1;
  if (scale < smallest) {
    const growth: f32 = smallest / <f32>scale;
    if (low == 0) high = <f32>(<f64>smallest * steps);
    else if (high == 0) low = <f32>(-<f64>smallest * steps);
    else {
      low *= growth;
      high *= growth;
    }
    scale = smallest;
  }
  const atLow = <f64>low / scale;
  const atHigh = <f64>high / scale;
  const end = abs(quantMin) - abs(atLow) < abs(quantMax) - abs(atHigh) ? quantMin - atLow : quantMax - atHigh;
  const zero = nearest<f64>(centred ? (quantMin + quantMax) / 2 : end);
  store<f32>(scaleAt, <f32>scale);
  store<i32>(zeroPointAt, <i32>min<f64>(max<f64>(zero, quantMin), quantMax));
}
