import { parseCheckpoint, serializeCheckpoint } from '@octet/formats';
import { AveragedModel, getEmaAvgFn, type Module } from '@octet/nn';
import { Adam, CosineAnnealingLR, LinearLR, ReduceLROnPlateau, SequentialLR } from '@octet/optim';
import { convert, getDefaultQatQConfigMapping, prepareQat } from '@octet/quantization';
import { Generator, manualSeed, noGrad, randn } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';
import { expect, test } from 'vitest';

/** A run of quantization-aware training with all that has a state. */
function run() {
  const model = new DigitClassifier({ width: 0.25 });
  model.fuseModel();
  const prepared: Module = prepareQat(model.train(), getDefaultQatQConfigMapping());
  const optimizer = new Adam(prepared.parameters(), { lr: 0.01, amsgrad: true });
  const scheduler = new SequentialLR(optimizer, {
    schedulers: [new LinearLR(optimizer, { totalIters: 2 }), new CosineAnnealingLR(optimizer, { tMax: 5 })],
    milestones: [2],
  });
  const plateau = new ReduceLROnPlateau(optimizer, { patience: 0 });
  const averaged = new AveragedModel(prepared, { avgFn: getEmaAvgFn(0.9) });
  const state = { model: prepared, optimizer, scheduler, plateau, averaged };
  const steps = (from: number, to: number) => {
    const losses: number[] = [];
    for (let i = from; i < to; i++) {
      const x = randn([4, 1, 28, 28], { generator: new Generator().manualSeed(i) });
      const loss = prepared.call(x).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      scheduler.step();
      plateau.step(losses.at(-1) ?? 1);
      averaged.updateParameters(prepared);
      losses.push(loss.itemSync());
    }
    return losses;
  };
  return { state, steps };
}

test('a run that is resumed from a checkpoint goes on bit for bit, to its int8 form', async () => {
  manualSeed(0);
  const first = run();
  first.steps(0, 4);
  const bytes = await serializeCheckpoint({ ...first.state, epoch: 4 });
  manualSeed(1);
  const second = run();
  const { epoch } = await parseCheckpoint(bytes, second.state);
  expect(epoch).toBe(4);
  expect(second.steps(4, 7)).toEqual(first.steps(4, 7));
  const x = randn([2, 1, 28, 28]);
  const [a, b] = await Promise.all(
    [first, second].map(async ({ state }) => {
      const int8 = await convert(state.model.eval());
      const outputs = [int8, state.averaged.eval()].map((m) => noGrad(() => m.call(x)).dataSync());
      return [...outputs, ...Object.values(int8.stateDict()).map((t) => t.dataSync())];
    }),
  );
  expect(a).toEqual(b);
});

test('a state that doesn’t fit leaves the whole run as it was', async () => {
  manualSeed(0);
  const [first, second] = [run(), run()];
  first.steps(0, 2);
  second.steps(2, 3);
  const { plateau: _, ...rest } = first.state;
  const bytes = await serializeCheckpoint({ ...rest, plateau: { best: 1 } });
  const before = await serializeCheckpoint(second.state);
  await expect(parseCheckpoint(bytes, second.state)).rejects.toThrow('ReduceLROnPlateau.loadStateDict');
  expect(await serializeCheckpoint(second.state)).toEqual(before);
});
