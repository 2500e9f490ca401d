import {
  ArgumentError,
  type Backend,
  composable,
  type KernelName,
  kernelOf,
  type Profile,
  profiles,
  type StorageDType,
} from '@octet/backend';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type KernelCase, kernelCases } from './cases';
import { checkCase, dtypesOf } from './check-case';
import { ConformanceError } from './compare';
import { laws } from './laws';

export interface TestBackendOptions {
  /** The backend, or what makes it; one that is made here is disposed at the end. */
  backend: Backend | (() => Backend | Promise<Backend>);
  /** Every kernel of the profile must be there and do what its definition says. */
  profile: Profile;
  /** Kernels to leave out, each with the reason, which is printed. */
  skip?: Readonly<Partial<Record<KernelName, string>>>;
}

/** All that a backend of the profile runs by itself: its own kernels, and those composed of them. */
function kernelsOf(profile: Profile): readonly KernelName[] {
  return [...profiles[profile], ...composable[profile]];
}

/** What every backend has; float64 is an extra of the reference's. */
const common: readonly StorageDType[] = ['float32', 'int32', 'uint8', 'int8', 'bool'];

/** For making a backend, in milliseconds: it may compile, and on a busy machine. */
const startTimeout = 60_000;

/** @throws ArgumentError for a kernel that doesn't exist or a reason that says nothing. */
export function checkSkips(skip: Readonly<Partial<Record<string, string>>>): void {
  for (const [kernel, reason] of Object.entries(skip)) {
    if (!(kernel in kernelCases)) {
      throw new ArgumentError({
        op: 'testBackend',
        expected: 'names of kernels in skip',
        found: `'${kernel}'`,
        fix: "Use the kernel's name as in KernelTable, or remove the line.",
      });
    }
    if (!reason?.trim()) {
      throw new ArgumentError({
        op: 'testBackend',
        expected: `a reason for skipping '${kernel}'`,
        found: 'an empty one',
        fix: 'Write why: it is printed with the results.',
      });
    }
  }
}

/** @throws ConformanceError, naming the kernel, if the backend itself lacks it and what to compose it of. */
export function checkKernel(backend: Backend, kernel: KernelName, profile: Profile): void {
  if (kernelOf(backend, kernel)) return;
  throw new ConformanceError(
    `backend '${backend.name}' lacks the kernel '${kernel}' of the profile '${profile}'. ` +
      "Add it to the backend's kernels, or name it in skip, with the reason.",
  );
}

/**
 * Declares Octet's conformance suite for a backend, in a test file of vitest: the laws of storage and dispatch, and per
 * kernel of the profile, composites included, its cases, compared with its definition. Integers must be equal, floats within each case's
 * tolerance. float64 is for backends that claim it: of a backend that is made here it isn't tested.
 *
 * @throws ArgumentError for a skip without a reason or of an unknown kernel.
 */
export function testBackend({ backend: given, profile, skip = {} }: TestBackendOptions): void {
  checkSkips(skip);
  const dtypes = typeof given === 'function' ? common : given.dtypes;
  const title = typeof given === 'function' ? profile : `${given.name}, ${profile}`;
  for (const [kernel, reason] of Object.entries(skip)) {
    if (!kernelsOf(profile).includes(kernel as KernelName)) continue;
    console.info(`${title}: kernel '${kernel}' is skipped: ${reason}`);
  }
  describe(title, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = typeof given === 'function' ? await given() : given;
      if (!backend.memory) {
        console.info(
          `${backend.name}, ${profile}: leaks are not looked for: the backend has no memory(). Give it one that counts its buffers.`,
        );
      }
    }, startTimeout);
    afterAll(() => {
      if (typeof given === 'function') backend?.dispose?.();
    });

    describe('laws', () => {
      for (const law of laws) {
        // Collecting garbage takes its time in a large heap.
        it(law.name, { timeout: 30_000 }, async ({ skip: leaveOut }) => {
          const lacking = law.lacks?.(backend);
          if (lacking) leaveOut(lacking);
          await law.check(backend);
        });
      }
    });

    for (const kernel of kernelsOf(profile)) {
      const reason = skip[kernel];
      if (reason) {
        it.skip(`${kernel} (${reason})`, () => {});
        continue;
      }
      describe(kernel, () => {
        it(`is part of the backend`, () => checkKernel(backend, kernel, profile));
        for (const kernelCase of kernelCases[kernel]() as KernelCase[]) {
          if (!dtypesOf(kernelCase).every((dtype) => dtypes.includes(dtype))) continue;
          it(kernelCase.name, async ({ skip: leaveOut }) => {
            if (!kernelOf(backend, kernel)) leaveOut(`there is no kernel '${kernel}'`);
            await checkCase(backend, kernel, kernelCase);
          });
        }
      });
    }
  });
}
