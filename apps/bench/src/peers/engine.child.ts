/** The process of one engine with one network. It ends with the process that started it. */
import { readFile } from 'node:fs/promises';
import type { Session } from './engine';
import { engines } from './engines';
import type { Reply, Request, Span } from './protocol';

let session: Session;
let input: Float32Array;

async function answer(request: Request): Promise<Reply> {
  if (request.kind === 'time') {
    await session.run(input);
    return { kind: 'timed', ms: await time(request.span) };
  }
  const { engine, job, warmup } = request;
  session = await engines[engine].start(job);
  const { buffer } = new Uint8Array(await readFile(job.input.file));
  const data = new Float32Array(buffer);
  input = session.layIn?.(data) ?? data;
  // Compilers warm up, weights are packed.
  await time(warmup);
  const output = await session.run(input);
  return { kind: 'loaded', version: session.version, output: session.layOut?.(output) ?? output };
}

async function time({ runs, ms }: Span): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + ms; times.length < runs || performance.now() < end; ) {
    const start = performance.now();
    await session.run(input);
    times.push(performance.now() - start);
  }
  return times;
}

process.on('message', async (request: Request) => {
  const reply = await answer(request).catch(
    (error: unknown): Reply => ({
      kind: 'failed',
      reason: (error instanceof Error ? error.message : String(error)).split('\n')[0],
    }),
  );
  process.send?.(reply);
});
// Ctrl-C is for the command, which then ends this.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
