import { Bars } from '@octet/web/bars';
import { choices } from '@octet/web/choices';
import { useSignalEffect } from '@preact/signals';
import type { Kind } from '../model';
import { answers, backend, models } from '../reader';
import type { Answer } from '../workers/reader';
import { milliseconds, percent } from './format';
import { sayWhenSettled } from './speech';

const titles: Readonly<Record<Kind, string>> = { float: 'Float', int8: 'Int8' };

/** What both models say of the drawing. */
export function Answers() {
  useSignalEffect(() => {
    const now = answers.value;
    if (now) sayWhenSettled(`${sentence('float', now.float)} ${sentence('int8', now.int8)}`);
  });
  return (
    <div class="answers">
      <AnswerCard kind="float" answer={answers.value?.float} />
      <AnswerCard kind="int8" answer={answers.value?.int8} />
    </div>
  );
}

function best({ probabilities }: Answer): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

function sentence(kind: Kind, answer: Answer): string {
  const digit = best(answer);
  return `${titles[kind]} says ${digit}, ${percent(answer.probabilities[digit], 0)}.`;
}

function AnswerCard({ kind, answer }: { kind: Kind; answer: Answer | undefined }) {
  const digit = answer && best(answer);
  return (
    <section class="card answer" aria-labelledby={`${kind}-title`} data-kind={kind}>
      <h2 id={`${kind}-title`}>{titles[kind]}</h2>
      <p class={answer ? 'digit' : 'digit muted'}>
        <span class="spoken">says </span>
        {digit ?? '–'}
      </p>
      <p class="time muted">
        {answer ? milliseconds(answer.milliseconds) : models.value ? 'draw a digit' : 'loading'}
      </p>
      <p class="where muted small">{backend.value && choices[backend.value.name].label}</p>
      <Bars
        label={`Probabilities, ${titles[kind]}`}
        rows={Array.from({ length: 10 }, (_, name) => {
          const part = answer?.probabilities[name] ?? 0;
          return { name, part, text: answer ? percent(part, 0) : '', best: name === digit };
        })}
      />
    </section>
  );
}
