import './theme.css';
import { type ComponentChild, type ComponentChildren, render } from 'preact';
import { OfflineReady } from './offline-ready';

/** What a page is about, what went wrong, its parts, and its foot. */
interface ShellProps {
  title: string;
  /** What the page does, in a sentence or two. */
  lead: ComponentChildren;
  /** What went wrong, for people; nothing where nothing did. */
  problem?: string | undefined;
  /** What works offline, once it does. */
  offline?: string;
  /** Whose work the page shows, beside Octet's. */
  credit?: string;
  children: ComponentChildren;
}

/** What every page has around its own parts. */
export function Shell({ title, lead, problem, offline, credit = '', children }: ShellProps) {
  return (
    <div class="page">
      <header>
        <h1>{title}</h1>
        <p class="muted">{lead}</p>
      </header>
      {problem && (
        <p class="note" role="alert">
          {problem}
        </p>
      )}
      <main>{children}</main>
      <footer class="muted small">
        <OfflineReady {...(offline !== undefined && { what: offline })} />
        Made with Octet, int8 neural networks in TypeScript. {credit}
      </footer>
    </div>
  );
}

/** Puts the page in its place, `#app` of `index.html`. */
export function mount(page: ComponentChild): void {
  const root = document.querySelector('#app');
  if (root) render(page, root);
}
