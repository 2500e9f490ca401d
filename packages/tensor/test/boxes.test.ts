import { expect, test } from 'vitest';
import { boxIou, nms, tensor } from '../src';

const boxes = tensor([
  [0, 0, 10, 10],
  [1, 1, 11, 11],
  [20, 20, 30, 30],
  [0, 0, 10, 9],
]);

test('boxIou is what two boxes share of both', () => {
  const iou = boxIou(boxes, boxes.slice(0, 0, 1));
  expect(iou.shape).toEqual([4, 1]);
  [1, 81 / 119, 0, 0.9].forEach((v, i) => {
    expect(iou.dataSync()[i]).toBeCloseTo(v, 6);
  });
});

test('nms keeps the best of those that overlap, in the order of scores', () => {
  const scores = tensor([0.5, 0.9, 0.7, 0.5]);
  expect(Array.from(nms(boxes, scores, 0.5).dataSync())).toEqual([1, 2]);
  expect(Array.from(nms(boxes, scores, 0.7).dataSync())).toEqual([1, 2, 0]);
  expect(Array.from(nms(boxes, scores, 0.95).dataSync())).toEqual([1, 2, 0, 3]);
  expect(nms(boxes.slice(0, 0, 0), scores.slice(0, 0, 0), 0.5).shape).toEqual([0]);
  expect(() => nms(boxes, scores.slice(0, 1), 0.5)).toThrow('a score for each of 4');
});
