import { Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { symbolicTrace } from '@octet/onnx';
import { rand, type Tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import { drawingOf } from '../src/worker/drawing';

class Residual extends Module {
  readonly first = new Conv2d(2, 2, 1);
  readonly inner = new Sequential(new Conv2d(2, 2, 3, { padding: 1 }), new ReLU(), new Conv2d(2, 2, 1));

  forward(x: Tensor): Tensor {
    const y = this.first.call(x);
    return y.add(this.inner.call(y)).relu();
  }
}

test('chains are one box, and what joins stands below what it joins', async () => {
  const graph = await symbolicTrace<Tensor | Tensor[]>(new Residual().eval(), [rand([1, 2, 4, 4])]);
  const { boxes, arrows } = drawingOf(graph);
  expect(boxes.map(({ nodes, level }) => [nodes.length, level])).toEqual([
    [1, 0],
    [3, 1],
    [2, 2],
  ]);
  expect(boxes[1].nodes.map(({ op }) => op)).toEqual(['Conv2d', 'ReLU', 'Conv2d']);
  expect(arrows).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
});
