import { stat } from 'node:fs/promises';
import { UsageError } from '@octet/cli/errors';

/** Refuses a path that is no file, before the work; `made` is one that `digits` writes. @throws UsageError */
export async function checkCheckpoint(file: string | undefined, made: string): Promise<void> {
  if (file === undefined) return;
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return;
  throw new UsageError({
    op: '--checkpoint',
    expected: 'a safetensors file',
    found: `${file}, which can't be read`,
    fix: `pnpm bench digits writes checkpoints/${made}.safetensors.`,
  });
}
