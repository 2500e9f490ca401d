import { describe, expect, test } from 'vitest';
import { fillPlace, markdownTable, placesIn } from '../src/markdown';
import { list, oneOf, whole } from '../src/options';
import { correlation } from '../src/peers/correlation';
import { type PeerRow, peerRatios } from '../src/peers/results';
import { Rounds } from '../src/peers/rounds';
import { right } from '../src/terminal-table';

test('correlation', () => {
  expect(correlation([1, 2, 3], [10, 20, 30])).toBeCloseTo(1, 12);
  expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  expect(correlation([1, 2, 3, 4], [1, -1, -1, 1])).toBeCloseTo(0, 12);
  expect(correlation([1, 2], [1, 2, 3])).toBeNaN();
});

test('ratios: Octet to its peers in the same work, and to itself', () => {
  const row = (engine: PeerRow['engine'], dtype: PeerRow['dtype'], threads: number, medianMs: number) =>
    ({ model: 'tutorial', engine, dtype, threads, medianMs }) as PeerRow;
  const ratios = peerRatios([
    row('octet', 'float32', 1, 8),
    row('octet', 'int8', 1, 4),
    row('octet', 'int8', 2, 2),
    row('onnxruntime-web', 'int8', 1, 20),
    row('onnxruntime-web', 'int8', 2, 12),
    row('tfjs', 'float32', 1, 12),
    { ...row('tfjs', 'float32', 1, 1), model: 'mlp' },
  ]);
  expect(ratios.map(({ dtype, threads, over, ratio }) => [dtype, threads, over, ratio])).toEqual([
    ['float32', 1, 'tfjs', 1.5],
    ['int8', 1, 'onnxruntime-web', 5],
    ['int8', 1, 'float32', 2],
    ['int8', 2, 'onnxruntime-web', 6],
    ['int8', 2, 'one thread', 2],
  ]);
});

test('rounds: noisy ones are left out, as far as there are quiet ones', () => {
  const rounds = new Rounds();
  rounds.add([10, 11, 12]);
  expect([rounds.count, rounds.quiet]).toEqual([1, 1]);
  rounds.add([19, 20, 21]);
  rounds.add([10, 11.5, 30]);
  expect([rounds.count, rounds.quiet]).toEqual([3, 2]);
  expect(rounds.quietest(2)).toEqual([10, 11, 12, 10, 11.5, 30]);
  expect(rounds.quietest(4)).toHaveLength(9);
  // What was thought quiet isn't beside a faster round.
  rounds.add([8, 8, 8]);
  expect(rounds.quiet).toBe(1);
  expect(rounds.quietest(2)).toEqual([8, 8, 8, 10, 11, 12]);
});

test('options that take several values', () => {
  expect(list(whole({ min: 1 }))('1, 2,1')).toEqual([1, 2]);
  expect(() => list(whole({ min: 1 }))('1,')).toThrow('whole number >= 1');
  expect(list(oneOf(['a', 'b']))('b,a')).toEqual(['b', 'a']);
  expect(() => oneOf(['a', 'b'])('c')).toThrow('Allowed are a, b.');
});

describe('Markdown', () => {
  test('a table', () => {
    const columns = [{ title: 'name' }, right('ms')];
    expect(
      markdownTable({
        columns,
        rows: [
          ['a', '1'],
          ['b', ''],
        ],
      }),
    ).toBe('| name | ms |\n| --- | ---: |\n| a | 1 |\n| b |  |');
  });

  test('places in a document are filled by name, again and again', () => {
    const document = 'A\n<!-- bench a -->x<!-- /bench -->\n<!-- bench a-b -->\n<!-- /bench -->\nB';
    expect(placesIn(document)).toEqual(['a', 'a-b']);
    const filled = fillPlace(fillPlace(document, 'a', 'old'), 'a', '$& 1');
    expect(filled).toBe(
      'A\n<!-- bench a -->\n\n$& 1\n\n<!-- /bench -->\n<!-- bench a-b -->\n<!-- /bench -->\nB',
    );
    expect(placesIn(filled)).toEqual(['a', 'a-b']);
  });
});
