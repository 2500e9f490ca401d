/**
 * The error function, 2/√π ∫₀ˣ e^(-t²) dt, to about 1e-15: its Maclaurin-like series where that converges fast, else the
 * continued fraction of the complement.
 */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (z > 6) return Math.sign(x);
  const square = z * z;
  const front = (2 / Math.sqrt(Math.PI)) * z * Math.exp(-square);
  if (z < 2.5) {
    // erf x = 2/√π · x e^(-x²) · Σ (2x²)^n / (1·3·5···(2n + 1)); every term is positive, nothing cancels.
    let term = 1;
    let sum = 1;
    for (let n = 1; term > 1e-17 * sum; n++) {
      term *= (2 * square) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * front * sum;
  }
  // erfc x = e^(-x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))
  let tail = z;
  for (let n = 60; n > 0; n--) tail = z + n / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-square) / (Math.sqrt(Math.PI) * tail));
}
