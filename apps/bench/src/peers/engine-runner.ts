import type { ReadFile, Session, StartEngine } from './engine';
import type { EngineName } from './engines';
import type { Reply, Request, Span } from './protocol';

/** One engine with one network, where it runs: answers what it is asked. */
export class EngineRunner {
  private session: Session | undefined;
  private input: Float32Array = new Float32Array();

  /** @param starts how the engines of this place start */
  constructor(
    private readonly starts: Partial<Record<EngineName, StartEngine>>,
    private readonly read: ReadFile,
  ) {}

  async answer(request: Request): Promise<Reply> {
    try {
      return await (request.kind === 'load' ? this.load(request) : this.time(request.span));
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
      return { kind: 'failed', reason };
    }
  }

  private async load({ engine, job, warmup }: Request & { kind: 'load' }): Promise<Reply> {
    const start = this.starts[engine];
    if (!start) return { kind: 'failed', reason: 'it does not run here' };
    const session = await start(job, this.read);
    this.session = session;
    const { buffer } = await this.read(job.input.file);
    const data = new Float32Array(buffer);
    this.input = session.layIn?.(data) ?? data;
    // Compilers warm up, weights are packed.
    await this.times(session, warmup);
    const output = await session.run(this.input);
    return { kind: 'loaded', version: session.version, output: session.layOut?.(output) ?? output };
  }

  private async time(span: Span): Promise<Reply> {
    if (!this.session) return { kind: 'failed', reason: 'it was not loaded' };
    await this.session.run(this.input);
    return { kind: 'timed', ms: await this.times(this.session, span) };
  }

  private async times(session: Session, { runs, ms }: Span): Promise<number[]> {
    const times: number[] = [];
    for (const end = performance.now() + ms; times.length < runs || performance.now() < end; ) {
      const start = performance.now();
      await session.run(this.input);
      times.push(performance.now() - start);
    }
    return times;
  }
}
