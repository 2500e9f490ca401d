/** How far numbers are from those they should be. */
export interface Difference {
  /** 10 log10(Σ float² / Σ (float - other)²); null where there is no difference. */
  readonly sqnrDb: number | null;
  readonly cosine: number;
  readonly maxAbs: number;
}

/** Sums over batches. */
export class Differences {
  private signal = 0;
  private noise = 0;
  private product = 0;
  private other = 0;
  private maxAbs = 0;

  add(expected: ArrayLike<number>, actual: ArrayLike<number>): void {
    for (let i = 0; i < expected.length; i++) {
      const [a, b] = [expected[i], actual[i]];
      const d = a - b;
      this.signal += a * a;
      this.noise += d * d;
      this.product += a * b;
      this.other += b * b;
      if (!(Math.abs(d) <= this.maxAbs)) this.maxAbs = Math.abs(d);
    }
  }

  get difference(): Difference {
    const { signal, noise, product, other, maxAbs } = this;
    const lengths = Math.sqrt(signal * other);
    return {
      sqnrDb: noise === 0 ? null : 10 * Math.log10(signal / noise),
      cosine: lengths === 0 ? Number(signal === other) : product / lengths,
      maxAbs,
    };
  }
}
