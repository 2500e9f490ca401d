/**
 * c[i,j] = Σ_k a[i,k] · b[j,k] for row-major a [m,k], b [n,k], c [m,n]; with `accumulate`, c[i,j] grows by it.
 *
 * Doubles, also for integers: a sum of int8 products stays far below 2^53, so it is exact, and V8 multiplies doubles
 * faster than integers. Both operands have k innermost: 16 sums per step share 8 loads.
 */
export function gemm(
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  m: number,
  n: number,
  k: number,
  accumulate = false,
): void {
  if (!accumulate) c.fill(0, 0, m * n);
  const m4 = m - (m % 4);
  const n2 = n - (n % 2);
  for (let j = 0; j < n2; j += 2) {
    const b0 = j * k;
    const b1 = b0 + k;
    for (let i = 0; i < m4; i += 4) {
      const a0 = i * k;
      const a1 = a0 + k;
      const a2 = a1 + k;
      const a3 = a2 + k;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      let s20 = 0;
      let s21 = 0;
      let s30 = 0;
      let s31 = 0;
      for (let p = 0; p < k; p++) {
        const v0 = b[b0 + p];
        const v1 = b[b1 + p];
        const u0 = a[a0 + p];
        s00 += u0 * v0;
        s01 += u0 * v1;
        const u1 = a[a1 + p];
        s10 += u1 * v0;
        s11 += u1 * v1;
        const u2 = a[a2 + p];
        s20 += u2 * v0;
        s21 += u2 * v1;
        const u3 = a[a3 + p];
        s30 += u3 * v0;
        s31 += u3 * v1;
      }
      let at = i * n + j;
      c[at] += s00;
      c[at + 1] += s01;
      at += n;
      c[at] += s10;
      c[at + 1] += s11;
      at += n;
      c[at] += s20;
      c[at + 1] += s21;
      at += n;
      c[at] += s30;
      c[at + 1] += s31;
    }
  }
  if (m4 < m) edge(a, b, c, m4, m, 0, n2, n, k);
  if (n2 < n) edge(a, b, c, 0, m, n2, n, n, k);
}

/** The rows from m0 to m1 and columns from n0 to n1 that fill no tile. */
function edge(
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  m0: number,
  m1: number,
  n0: number,
  n1: number,
  n: number,
  k: number,
): void {
  for (let i = m0; i < m1; i++) {
    for (let j = n0; j < n1; j++) {
      const a0 = i * k;
      const b0 = j * k;
      let sum = 0;
      for (let p = 0; p < k; p++) sum += a[a0 + p] * b[b0 + p];
      c[i * n + j] += sum;
    }
  }
}
