import { style } from './style';

/** A text as HTML, for elements and for attributes. */
export function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (c) => entities[c]);
}

/** A page in one file, without scripts, that needs no network. `parts` are its body, in HTML; empty ones are left out. */
export function page(title: string, parts: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${parts.filter((part) => part !== '').join('\n')}
</body>
</html>
`;
}

/**
 * A table that scrolls by itself where it is too wide. Cells are HTML: `<td>` and `<th>` elements, or what goes into one. Columns are
 * aligned right but for the first one and for cells of class `text`.
 */
export function table(label: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (name: string, texts: readonly string[]) =>
    texts.map((text) => (text.startsWith(`<${name}`) ? text : `<${name}>${text}</${name}>`)).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('');
  return `<div class="scroll" role="region" aria-label="${escaped(label)}" tabindex="0"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${body}</tbody></table></div>`;
}
