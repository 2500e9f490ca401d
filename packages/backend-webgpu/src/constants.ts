import type { TypedArray } from '@octet/backend';
import type { GpuBuffer } from './buffers';
import { contentKey, LruCache } from './cache';

const maxConstants = 512;

/** Arrays of kernels' attributes on the GPU. The same contents are uploaded once. */
export class Constants {
  readonly #buffers: LruCache<string, GpuBuffer>;
  readonly #upload: (bytes: Uint8Array) => GpuBuffer;

  constructor(upload: (bytes: Uint8Array) => GpuBuffer, free: (buffer: GpuBuffer) => void) {
    this.#upload = upload;
    this.#buffers = new LruCache(maxConstants, free);
  }

  /** Buffers alive and their bytes. */
  get statistics(): { buffers: number; bytes: number } {
    let bytes = 0;
    for (const { length } of this.#buffers.values()) bytes += length;
    return { buffers: this.#buffers.size, bytes };
  }

  get(data: TypedArray): GpuBuffer {
    return this.#buffers.get(contentKey(data), () =>
      this.#upload(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    );
  }

  dispose(): void {
    this.#buffers.clear();
  }
}
