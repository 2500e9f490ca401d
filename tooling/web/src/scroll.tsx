import type { ComponentChildren } from 'preact';

/** What may be wider or higher than its place: it scrolls by itself, by keys too. */
export function Scroll(props: { label: string; class?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class={props.class ?? 'scroll'} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  );
}
