import { median } from '../timing';

/** A round whose median is this far above the least time of all was that of a busy machine. */
const noisy = 1.15;

/** The times that one engine took, round by round. Other load can only make a round slower, never faster. */
export class Rounds {
  readonly #rounds: number[][] = [];

  get count(): number {
    return this.#rounds.length;
  }

  /** The milliseconds of the runs of one more round. */
  add(ms: number[]): void {
    this.#rounds.push(ms);
  }

  /** How many are not noisy. */
  get quiet(): number {
    const most = noisy * Math.min(...this.#rounds.flat());
    return this.#rounds.filter((ms) => median(ms) <= most).length;
  }

  /** The times of the `count` rounds with the least medians. */
  quietest(count: number): number[] {
    const sorted = [...this.#rounds].sort((a, b) => median(a) - median(b));
    return sorted.slice(0, count).flat();
  }
}
