import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { models, report } from '../reader';
import type { Phase } from '../training';
import {
  active,
  failure,
  finish,
  history,
  latest,
  type PlanName,
  pause,
  plans,
  resume,
  type Status,
  startTraining,
  status,
  trained,
  useTrained,
} from '../training-session';
import { type CurveOfSteps, Curves } from './curves';
import { kilobytes, percent } from './format';
import { say } from './speech';

const plan = signal<PlanName>('usual');

const spoken: Readonly<Record<Status, string>> = {
  idle: '',
  loading: 'Loading the digits',
  running: 'Training',
  paused: 'Training paused',
  finishing: 'Training comes to its end',
  done: 'Training done',
};

/** Training in the browser. */
export function Training() {
  useSignalEffect(() => {
    if (spoken[status.value]) say(spoken[status.value]);
  });
  return (
    <section class="card training" aria-labelledby="training-title">
      <h2 id="training-title">Train it yourself</h2>
      <p>
        A network with random weights learns from 8,000 handwritten digits (1.6 MB, loaded when you start),
        first in float, then with the rounding to 8 bits simulated: quantization-aware training, QAT. Nothing
        leaves this device.
      </p>
      <Controls />
      {failure.value && (
        <p class="note" role="alert">
          {failure}
        </p>
      )}
      {latest.value && <Progress />}
      {trained.value && <Result />}
    </section>
  );
}

function Controls() {
  return (
    <div class="row">
      <label>
        <span class="spoken">How long to train</span>
        <select
          value={plan}
          disabled={active}
          onChange={(event) => {
            plan.value = event.currentTarget.value as PlanName;
          }}
        >
          {Object.entries(plans).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {active.value ? (
        <>
          {status.value === 'paused' ? (
            <button type="button" class="primary" onClick={resume}>
              Resume
            </button>
          ) : (
            <button type="button" class="primary" disabled={status.value !== 'running'} onClick={pause}>
              Pause
            </button>
          )}
          <button type="button" disabled={!['running', 'paused'].includes(status.value)} onClick={finish}>
            Finish now
          </button>
        </>
      ) : (
        <button type="button" class="primary" onClick={() => void startTraining(plans[plan.value])}>
          {status.value === 'done' ? 'Train another' : 'Start training'}
        </button>
      )}
    </div>
  );
}

const phases: Readonly<Record<Phase, string>> = { float: 'in float', qat: 'with QAT' };

/** The numbers of the last step, and the curves. */
function Progress() {
  const now = latest.value;
  const loss = useMemo(() => lossCurves(), [now]);
  const measured = useMemo(
    () => history.flatMap(({ step, accuracy }) => (accuracy === undefined ? [] : [{ step, accuracy }])),
    [now],
  );
  if (!now) return null;
  const qat = history.find(({ phase }) => phase === 'qat')?.step;
  const last = measured.at(-1);
  return (
    <>
      <progress max={now.steps} value={now.step} aria-label="Training" />
      <dl class="numbers">
        <Figure title="Step">
          {now.step} <span class="muted small">of {now.steps}</span>
        </Figure>
        <Figure title="Training">{phases[now.phase]}</Figure>
        <Figure title="Loss">
          <span data-testid="loss">{now.loss.toFixed(3)}</span>
        </Figure>
        <Figure title="Accuracy">
          {last ? percent(last.accuracy) : '…'} {last && <span class="muted small">step {last.step}</span>}
        </Figure>
      </dl>
      <div class="charts">
        <Curves
          title="Loss"
          curves={loss}
          format={(value) => value.toFixed(1)}
          steps={now.steps}
          range={[0, 2.5]}
          mark={qat}
        />
        <Curves
          title="Accuracy on held-out digits"
          curves={[
            {
              name: 'accuracy',
              color: 'accent',
              width: 2,
              dots: true,
              points: measured.map(({ step, accuracy }) => [step, accuracy]),
            },
          ]}
          format={(value) => percent(value, 0)}
          steps={now.steps}
          range={[0, 1]}
          mark={qat}
        />
      </div>
      {qat && <p class="muted small">At the dashed line quantization-aware training (QAT) begins.</p>}
    </>
  );
}

/** The loss of each step, and its moving average. */
function lossCurves(): CurveOfSteps[] {
  const raw = history.map(({ step, loss }) => [step, loss] as const);
  // Corrected as Adam's averages are: it doesn't begin with the first loss alone.
  let level = 0;
  const smoothed = raw.map(([step, loss], i) => {
    level = 0.9 * level + 0.1 * loss;
    return [step, level / (1 - 0.9 ** (i + 1))] as const;
  });
  return [
    { name: 'each step', color: 'plain', width: 1, points: raw },
    { name: 'smoothed', color: 'accent', width: 2, points: smoothed },
  ];
}

function Figure({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt class="muted small">{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What came of it. */
function Result() {
  const now = trained.value;
  const url = useMemo(
    () =>
      now &&
      URL.createObjectURL(
        new Blob([new Uint8Array(now.checkpoints.int8)], { type: 'application/octet-stream' }),
      ),
    [now],
  );
  useEffect(() => () => url && URL.revokeObjectURL(url), [url]);
  if (!now) return null;
  const inUse = models.value?.checkpoints === now.checkpoints;
  return (
    <>
      <p>
        Done. Float reads {percent(now.accuracy.float, 2)} of the held-out digits, int8{' '}
        {percent(now.accuracy.int8, 2)}.
      </p>
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={inUse}
          onClick={() => void useTrained().then(() => say('The models you trained are in use'), report)}
        >
          {inUse ? 'In use above' : 'Use these models above'}
        </button>
        <a class="button" href={url} download="digits-int8.safetensors">
          Download int8, {kilobytes(now.checkpoints.int8.length)}
        </a>
      </div>
    </>
  );
}
