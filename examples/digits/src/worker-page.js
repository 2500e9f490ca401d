import { ModelWorker } from 'octet/worker';
import { images } from './digits.js';
import { showPage } from './page.js';

/**
 * Runs an ONNX file in a worker, and shows what it gave, and the longest that the page waited for a turn meanwhile.
 *
 * @param {URL | string} modelUrl
 */
export function showInWorker(modelUrl) {
  return showPage(modelUrl, async (file, show) => {
    const worker = new ModelWorker(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
    show('backend', (await worker.backend()).name);
    let loaded = 0;
    const model = await worker.loadModel(modelUrl, {
      onProgress: (progress) => {
        loaded = progress.loaded;
      },
    });
    show('loaded', `${loaded === file.length ? 'all' : loaded} of the file`);
    const data = Float32Array.from({ length: images * 28 * 28 }, (_, i) => (i % 255) / 255);
    const [scores] = await model.run({ data, shape: [images, 1, 28, 28] });
    show('shape', scores.shape);
    show(
      'sum',
      Array.from(scores.data)
        .reduce((sum, value) => sum + value, 0)
        .toFixed(4),
    );
    worker.terminate();
  });
}
