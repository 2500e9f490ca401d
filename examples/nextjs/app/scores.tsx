'use client';

import { useEffect, useState } from 'react';
import { type Run, run } from '../lib/model';

/** Runs the network in the browser, on an image that the seed makes up. */
export function Scores({ seed }: { seed: number }) {
  const [shown, show] = useState<Run | string>('running');
  useEffect(() => {
    run(seed).then(show, (error) => show(`${error}`));
  }, [seed]);
  return <output>{typeof shown === 'string' ? shown : JSON.stringify(shown)}</output>;
}
