export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** Left out where the terminal is too narrow: those with 1 first. */
  spare?: number;
}

/** A column of numbers. */
export const right = (title: string): Column => ({ title, align: 'right' });

/** What a table says, without a form. */
export interface TableData {
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}
