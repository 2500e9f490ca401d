import type { ChildProcess } from 'node:child_process';
import { ChildEnded, nextMessage, startChild } from '../child';
import type { Job } from './engine';
import type { EngineName } from './engines';
import type { Reply, Request, Span } from './protocol';
import { Rounds } from './rounds';

/** An engine that can't run a network here, and why. */
export class Absent {
  constructor(
    readonly engine: EngineName,
    readonly job: Job,
    readonly reason: string,
  ) {}
}

/** One engine with one network, in a process of its own. */
export class Contender {
  readonly rounds = new Rounds();

  private constructor(
    readonly engine: EngineName,
    readonly job: Job,
    private readonly child: ChildProcess,
    readonly version: string,
    readonly output: Float32Array,
  ) {}

  /** Starts the process, loads the network and warms up. @throws Interrupted */
  static async start(engine: EngineName, job: Job, warmup: Span): Promise<Contender | Absent> {
    const child = startChild('engine');
    const reply = await ask(child, { kind: 'load', engine, job, warmup });
    if (reply.kind === 'loaded') return new Contender(engine, job, child, reply.version, reply.output);
    child.kill();
    return new Absent(engine, job, reasonOf(reply));
  }

  /** Times one more round. @throws Interrupted, Error if the engine can't go on */
  async time(span: Span): Promise<void> {
    const reply = await ask(this.child, { kind: 'time', span });
    if (reply.kind !== 'timed') throw new Error(`${this.engine}: ${reasonOf(reply)}`);
    this.rounds.add(reply.ms);
  }

  stop(): void {
    this.child.kill();
  }
}

async function ask(child: ChildProcess, request: Request): Promise<Reply> {
  child.send(request);
  try {
    return await nextMessage<Reply>(child);
  } catch (error) {
    if (error instanceof ChildEnded) return { kind: 'failed', reason: error.message };
    throw error;
  }
}

function reasonOf(reply: Reply): string {
  return reply.kind === 'failed' ? reply.reason : `it answered '${reply.kind}'`;
}
