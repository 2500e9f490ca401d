import type { Handler } from '../golden-case';

/** Stands where a handler is to come: its cases fail, so that nobody takes them for done. */
export const noHandlerYet: Handler = ({ op }) => {
  throw new Error(`no handler yet for '${op}'`);
};
