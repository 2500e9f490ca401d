import { ArgumentError } from '@octet/backend';
import type { Group } from './scheduler';

/** Sets the momentum (SGD) or the first beta (Adam) of a group. @throws ArgumentError for a group without either */
export function setMomentum(op: string, group: Group, value: number): void {
  if (group.betas) group.betas = [value, group.betas[1]];
  else if (group.momentum) group.momentum = value;
  else {
    throw new ArgumentError({
      op,
      expected: 'an optimizer with momentum or betas, for cycleMomentum',
      found: 'one without',
      fix: 'Give SGD a momentum, or pass cycleMomentum: false.',
    });
  }
}
