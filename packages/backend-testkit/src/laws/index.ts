import { clamped } from './clamped';
import { collected } from './collected';
import { copies } from './copies';
import { doubleFree } from './double-free';
import { extension } from './extension';
import { fallback } from './fallback';
import { hooks } from './hooks';
import type { Law } from './law';
import { missingKernel } from './missing-kernel';
import { noGrowth } from './no-growth';
import { programs } from './programs';
import { refusedDTypes } from './refused-dtypes';
import { roundTrip } from './round-trip';
import { shortWrite } from './short-write';
import { useAfterFree } from './use-after-free';

/** What holds for every backend, whatever its kernels. */
export const laws: readonly Law[] = [
  roundTrip,
  shortWrite,
  copies,
  doubleFree,
  useAfterFree,
  refusedDTypes,
  noGrowth,
  collected,
  missingKernel,
  fallback,
  extension,
  hooks,
  programs,
  clamped,
];
