import { createWasmBackend } from '@octet/backend-wasm-simd';
import { images, measure } from './digits.js';

/**
 * Loads the checkpoint, does something with it that has numbers to show, and says when all is done.
 *
 * @param {URL | string} modelUrl
 * @param {(checkpoint: Uint8Array, show: (title: string, value: unknown) => void) => Promise<void>} work
 */
export async function showPage(modelUrl, work) {
  /** @type {(title: string, value: unknown) => void} */
  const show = (title, value) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = title;
    dd.textContent = `${value}`;
    document.querySelector('dl')?.append(dt, dd);
  };
  const status = /** @type {HTMLElement} */ (document.querySelector('[role=status]'));
  try {
    const checkpoint = new Uint8Array(await (await fetch(modelUrl)).arrayBuffer());
    show('checkpoint', `${(checkpoint.length / 1000).toFixed(1)} kB`);
    await work(checkpoint, show);
    status.textContent = 'done';
  } catch (error) {
    status.textContent = `${error}`;
    throw error;
  }
}

/**
 * Runs the checkpoint on one thread and on all, and shows the numbers. `?threads=N` in the address asks for so many
 * threads.
 *
 * @param {URL | string} modelUrl
 * @param {import('@octet/backend-wasm-simd').WasmBackendOptions} [options] of the backend
 */
export function showDigits(modelUrl, options = {}) {
  return showPage(modelUrl, async (checkpoint, show) => {
    show('cross-origin isolated', crossOriginIsolated);

    const wanted = new URLSearchParams(location.search).get('threads');
    for (const threads of [1, wanted ? Number(wanted) : /** @type {const} */ ('auto')]) {
      const backend = await createWasmBackend({ ...options, threads });
      await backend.ready; // all threads have started: for the timing only
      const { milliseconds, checksum } = await measure(checkpoint, backend);
      const info = backend.info();
      if (threads === 1) {
        show('wasm', `${info.variant}: ${info.variantReason}`);
        show('checksum on one thread', checksum);
        show(`${images} images on one thread`, `${milliseconds.toFixed(2)} ms`);
      } else {
        show('threads', info.threads);
        show('why so many', info.threadsReason);
        show('checksum on all threads', checksum);
        show(`${images} images on all threads`, `${milliseconds.toFixed(2)} ms`);
      }
      backend.dispose();
    }
  });
}
