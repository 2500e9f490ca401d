import { SingleBar } from 'cli-progress';
import { formatCount } from './format';

export interface Progress {
  /** `done` of the total; `note` says how it goes. The total may become another. */
  update(done: number, note?: string, total?: number): void;
  stop(): void;
}

const secondsBetweenLines = 5;

/** Progress of a long job on stderr: a bar on a terminal, else a line from time to time. */
export function startProgress(
  label: string,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  return stream.isTTY ? bar(label, total, stream) : lines(label, total, stream);
}

function bar(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  const single = new SingleBar({
    stream,
    format: `${label}  {bar}  {note}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    // A program that is killed could not bring it back.
    hideCursor: false,
    // Frames come when the loop calls, for nothing else runs while kernels do.
    synchronousUpdate: true,
    fps: 10,
  });
  single.start(total, 0, { note: '' });
  return {
    update(done, note = '', now = total) {
      single.setTotal(now);
      single.update(Math.min(done, now), { note });
    },
    stop: () => single.stop(),
  };
}

function lines(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  let last = '';
  let next = performance.now() + secondsBetweenLines * 1000;
  return {
    update(done, note = '', now = total) {
      const at = `${label.trim()} ${formatCount(Math.min(done, now))}/${formatCount(now)}`;
      if ((done < now && performance.now() < next) || at === last) return;
      next = performance.now() + secondsBetweenLines * 1000;
      last = at;
      stream.write(`${at}${note && `  ${note}`}\n`);
    },
    stop() {},
  };
}

/** Tells how far a job is: steps done, of how many, and a note. */
export type Report<R = void> = (done: number, total: number, note?: string) => R;

/** Runs a job under a progress display, and measures it. */
export async function withProgress<T>(
  label: string,
  job: (report: Report) => Promise<T>,
): Promise<{ result: T; seconds: number }> {
  let progress: Progress | undefined;
  const start = performance.now();
  try {
    const result = await job((done, total, note) => {
      progress ??= startProgress(label, total);
      progress.update(done, note, total);
    });
    return { result, seconds: (performance.now() - start) / 1000 };
  } finally {
    progress?.stop();
  }
}
