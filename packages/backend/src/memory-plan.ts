/** Memory that is needed from step `first` to step `last`, both included. */
export interface MemoryRequest {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

function overlap(a: MemoryRequest, b: MemoryRequest): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The requests' places, the largest first, then the one that is needed first. */
function bySize(requests: readonly MemoryRequest[]): number[] {
  return requests
    .map((_, i) => i)
    .sort((a, b) => requests[b].bytes - requests[a].bytes || requests[a].first - requests[b].first);
}

/**
 * Offsets in one arena, so that requests which are needed at the same time don't overlap: the largest first, each at the
 * lowest offset of the smallest gap that takes it (greedy by size, as XNNPACK's memory planner). Multiples of `alignment`.
 */
export function placeInArena(
  requests: readonly MemoryRequest[],
  alignment: number,
): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(requests.length).fill(0);
  const placed: number[] = [];
  const sizeOf = (i: number) => Math.ceil(requests[i].bytes / alignment) * alignment;
  let bytes = 0;
  for (const i of bySize(requests)) {
    const size = sizeOf(i);
    const neighbours = placed
      .filter((other) => overlap(requests[i], requests[other]))
      .sort((a, b) => offsets[a] - offsets[b]);
    let end = 0;
    let best: number | undefined;
    let smallest = Number.POSITIVE_INFINITY;
    for (const other of neighbours) {
      const gap = offsets[other] - end;
      if (gap >= size && gap < smallest) {
        smallest = gap;
        best = end;
      }
      end = Math.max(end, offsets[other] + sizeOf(other));
    }
    offsets[i] = best ?? end;
    bytes = Math.max(bytes, offsets[i] + size);
    placed.push(i);
  }
  return { offsets, bytes };
}

/**
 * Which buffer each request gets, where buffers are used whole, by one request at a time: the largest first, each in the
 * smallest buffer so far that is free while it is needed. `bytes` are the buffers' sizes. Requests of different `group`s never
 * share.
 */
export function shareBuffers(requests: readonly (MemoryRequest & { readonly group?: unknown })[]): {
  buffers: number[];
  bytes: number[];
} {
  const buffers = new Array<number>(requests.length).fill(0);
  const users: number[][] = [];
  const bytes: number[] = [];
  for (const i of bySize(requests)) {
    // The last ones are the smallest, and all are large enough.
    let at = users.length - 1;
    const fits = (b: number) =>
      users[b].every((u) => requests[u].group === requests[i].group && !overlap(requests[u], requests[i]));
    while (at >= 0 && !fits(at)) at--;
    if (at < 0) {
      at = users.length;
      users.push([]);
      bytes.push(requests[i].bytes);
    }
    users[at].push(i);
    buffers[i] = at;
  }
  return { buffers, bytes };
}
