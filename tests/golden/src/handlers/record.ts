import type { Tensor } from '@octet/tensor';
import type { HostLike } from '../compare';

/** What a tensor holds now: it may be overwritten in place later. */
export async function snapshot(t: Tensor): Promise<HostLike> {
  return { shape: t.shape, data: await t.data() };
}

/** Snapshots of many, each name behind `prefix`. */
export async function snapshots(
  prefix: string,
  tensors: Readonly<Record<string, Tensor>>,
): Promise<Record<string, HostLike>> {
  const entries = Object.entries(tensors).map(
    async ([name, t]) => [`${prefix}${name}`, await snapshot(t)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Values of one step after another; row i of the outputs is that of step i. */
export class Rows {
  private readonly rows: Record<string, HostLike[]> = {};

  async push(tensors: Readonly<Record<string, Tensor>>): Promise<void> {
    for (const [name, host] of Object.entries(await snapshots('', tensors))) {
      this.rows[name] ??= [];
      this.rows[name].push(host);
    }
  }

  outputs(): Record<string, HostLike> {
    return Object.fromEntries(
      Object.entries(this.rows).map(([name, rows]) => [
        name,
        { shape: [rows.length, ...rows[0].shape], data: rows.flatMap(({ data }) => Array.from(data)) },
      ]),
    );
  }
}
