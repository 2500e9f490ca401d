import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ArgumentError, BackendError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { Conv2d, ReLU, Sequential } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { manualSeed, noGrad, randn, setBackend } from '@octet/tensor';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadModel } from '../src';
import { ModelWorker, serveModels, type WorkerLike } from '../src/worker';

// Two ends of a channel in the place of a worker and its page; tests/browser has real ones.

let file: Uint8Array;
beforeAll(async () => {
  manualSeed(1);
  const model = new Sequential(new Conv2d(3, 4, 3), new ReLU()).eval();
  file = await exportOnnx(model, randn([1, 3, 8, 8]), { dynamicBatch: true });
});
afterEach(() => setBackend(referenceBackend));

function channel(): { page: WorkerLike; worker: WorkerLike } {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => {
    port1.close();
    port2.close();
  });
  port1.start();
  return { page: port1 as unknown as WorkerLike, worker: port2 as unknown as WorkerLike };
}

function started(): ModelWorker {
  const { page, worker } = channel();
  serveModels(worker);
  return new ModelWorker(page, { order: ['js'] });
}

const numbers = async (batch: number) => {
  const x = randn([batch, 3, 8, 8]);
  return { x, sent: { data: Float32Array.from(await x.data()), shape: x.shape } };
};

describe('a model in a worker', () => {
  test('gives what it gives here, whatever the shapes', async () => {
    const there = started();
    expect(await there.backend()).toEqual({ name: 'js', passedOver: [] });
    const model = await there.loadModel(file);
    expect([model.inputs[0].name, model.outputNames.length]).toEqual(['input', 1]);
    const here = await loadModel(file);
    for (const batch of [1, 2, 2, 1]) {
      const { x, sent } = await numbers(batch);
      const [y] = await model.run(sent);
      const expected = [noGrad(() => here.call(x))].flat()[0];
      expect(y.shape).toEqual(expected.shape);
      expect(y.data).toEqual(await expected.data());
    }
  });

  test('runs that are not waited for come in their order', async () => {
    const model = await started().loadModel(file);
    const sent = await Promise.all([1, 3, 2, 1].map(numbers));
    const outputs = await Promise.all(sent.map(({ sent }) => model.run(sent)));
    expect(outputs.map(([y]) => y.shape[0])).toEqual([1, 3, 2, 1]);
  });

  test('errors come with their names, and the model works on', async () => {
    const there = started();
    await expect(there.loadModel(Uint8Array.from(Buffer.from('PK  ')))).rejects.toMatchObject({
      name: 'OnnxImportError',
      message: expect.stringContaining('a zip file'),
    });
    const model = await there.loadModel(file);
    await expect(model.run({ data: new Float32Array(8), shape: [1, 8] })).rejects.toThrow(/rank|dims|shape/i);
    const { sent } = await numbers(1);
    expect((await model.run(sent)).length).toBe(1);
    await model.dispose();
  });

  test('a signal ends the loading with its reason', async () => {
    const reason = new Error('enough');
    await expect(started().loadModel(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    // A server that never gets beyond the first half.
    const server = createServer((_, response) => void response.writeHead(200).write(file.subarray(0, 100)));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    const controller = new AbortController();
    const loading = started().loadModel(`http://localhost:${port}/model.onnx`, {
      signal: controller.signal,
      onProgress: ({ loaded }) => loaded === 100 && controller.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
  });

  test('calls are rejected when the worker fails or is terminated', async () => {
    const { page } = channel();
    const nobody = new ModelWorker(page);
    const loading = nobody.loadModel(file);
    nobody.terminate();
    await expect(loading).rejects.toThrow(BackendError);
    const { page: broken } = channel();
    const failing = new ModelWorker(broken).loadModel(file);
    (broken as unknown as EventTarget).dispatchEvent(new Event('error'));
    await expect(failing).rejects.toThrow('serveModels');
  });

  test('refuses what is no worker, options it does not know, and no backend', async () => {
    expect(() => new ModelWorker(undefined as never)).toThrow(ArgumentError);
    expect(() => new ModelWorker(channel().page, { orders: [] } as never)).toThrow('order');
    await expect(started().loadModel(file, { inputs: {} } as never)).rejects.toThrow(ArgumentError);
    const { page, worker } = channel();
    serveModels(worker);
    await expect(new ModelWorker(page, { order: [] }).backend()).rejects.toThrow('an empty order');
  });
});
