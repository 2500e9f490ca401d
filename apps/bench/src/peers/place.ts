import { ChildEnded, nextMessage, startChild } from '../child';
import type { Job } from './engine';
import type { Reply, Request } from './protocol';

/** Where one engine runs one network. */
export interface Seat {
  /** @throws Interrupted */
  ask(request: Request): Promise<Reply>;
  stop(): void;
}

/** Where engines run. */
export interface Place {
  seat(job: Job): Promise<Seat>;
}

/** Node: each engine in a process of its own. */
export const processes: Place = {
  async seat() {
    const child = startChild('engine');
    return {
      async ask(request) {
        child.send(request);
        try {
          return await nextMessage<Reply>(child);
        } catch (error) {
          if (error instanceof ChildEnded) return { kind: 'failed', reason: error.message };
          throw error;
        }
      },
      stop: () => child.kill(),
    };
  },
};
