interface BarsProps {
  /** What the bars are of, for screen readers. */
  label: string;
  rows: readonly { name: string | number /** 0 … 1. */; part: number; text: string; best: boolean }[];
  class?: string;
}

/** Numbers of classes, as bars. */
export function Bars({ label, rows, class: style = '' }: BarsProps) {
  return (
    <table class={`bars ${style}`}>
      <caption class="spoken">{label}</caption>
      <tbody>
        {rows.map(({ name, part, text, best }) => (
          <tr key={name} class={best ? 'best' : ''}>
            <th scope="row">{name}</th>
            <td class="bar" aria-hidden="true">
              <div style={{ width: `${100 * part}%` }} />
            </td>
            <td class="number">{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
