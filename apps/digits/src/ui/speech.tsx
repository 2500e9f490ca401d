import { signal } from '@preact/signals';

const words = signal('');

/** Has a screen reader say something, when it is done with what it says. */
export function say(text: string): void {
  words.value = text;
}

/** Says the latest of some texts, when nothing newer has come for a while. */
export function sayWhenSettled(text: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => say(text), 800);
}
let timer: ReturnType<typeof setTimeout>;

export function Speech() {
  return (
    <p class="spoken" role="status">
      {words}
    </p>
  );
}
