import type { Job } from './engine';
import type { EngineName } from './engines';
import type { Place, Seat } from './place';
import type { Reply, Span } from './protocol';
import { Rounds } from './rounds';

/** An engine that can't run a network here, and why. */
export class Absent {
  constructor(
    readonly engine: EngineName,
    readonly job: Job,
    readonly reason: string,
  ) {}
}

/** One engine with one network, in its place. */
export class Contender {
  readonly rounds = new Rounds();

  private constructor(
    readonly engine: EngineName,
    readonly job: Job,
    private readonly seat: Seat,
    readonly version: string,
    readonly output: Float32Array,
  ) {}

  /** Takes a seat, loads the network and warms up. @throws Interrupted */
  static async start(place: Place, engine: EngineName, job: Job, warmup: Span): Promise<Contender | Absent> {
    const seat = await place.seat(job);
    const reply = await seat.ask({ kind: 'load', engine, job, warmup });
    if (reply.kind === 'loaded') return new Contender(engine, job, seat, reply.version, reply.output);
    seat.stop();
    return new Absent(engine, job, reasonOf(reply));
  }

  /** Times one more round. @throws Interrupted, Error if the engine can't go on */
  async time(span: Span): Promise<void> {
    const reply = await this.seat.ask({ kind: 'time', span });
    if (reply.kind !== 'timed') throw new Error(`${this.engine}: ${reasonOf(reply)}`);
    this.rounds.add(reply.ms);
  }

  stop(): void {
    this.seat.stop();
  }
}

function reasonOf(reply: Reply): string {
  return reply.kind === 'failed' ? reply.reason : `it answered '${reply.kind}'`;
}
