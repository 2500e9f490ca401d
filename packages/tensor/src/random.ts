/** A seeded stream of random numbers: sfc32 (Chris Doty-Humphrey's PractRand), the same on every machine. */
export class Generator {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;
  private spare: number | undefined;

  constructor(seed = 0) {
    this.manualSeed(seed);
  }

  /** Starts the stream anew. */
  manualSeed(seed: number): this {
    this.a = 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = seed | 0;
    this.counter = 1;
    this.spare = undefined;
    for (let i = 0; i < 12; i++) this.next();
    return this;
  }

  /** 32 random bits. */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** In [0, 1), 53 random bits. */
  uniform(): number {
    return ((this.next() >>> 5) * 67108864 + (this.next() >>> 6)) / 9007199254740992;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    if (this.spare !== undefined) {
      const s = this.spare;
      this.spare = undefined;
      return s;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** 0 … n - 1 shuffled (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const p = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.uniform() * (i + 1));
      [p[i], p[j]] = [p[j], p[i]];
    }
    return p;
  }
}

/** What the factories use when no generator is passed. */
export const defaultGenerator = new Generator();

/** Starts the default generator anew, so that a program gives the same numbers at every run. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
