import { describe, expect, it } from 'vitest';
import { utf8 } from '../bytes.ts';
import { verifierOf } from '../node.ts';
import { evaluationId, event, newSigner, noteAt, wholeExport } from '../testing/example-log.ts';
import { verifyExportInThreads } from './parallel.ts';
import { verifyExport } from './verify.ts';

const EVENTS = 12_000;
const signer = newSigner();
const options = { verifier: verifierOf(signer) };
const subject = `crucible.events.evaluation.${evaluationId}`;
/** Enough for blocks of several threads: 10 MB. */
const events = Array.from({ length: EVENTS }, (_, index) =>
  event(index + 1, 'crucible.evaluation.admitted.v1', { evaluationId, note: 'x'.repeat(500) }, subject),
);
const telling = { signer, events, checkpoints: [5_000, EVENTS], chunks: [], contents: [], leaves: false };
const honest = wholeExport(telling);

const source = async function* (lines: readonly string[]): AsyncGenerator<Uint8Array> {
  const bytes = utf8(lines.join(''));
  for (let at = 0; at < bytes.length; at += 100_000) yield await Promise.resolve(bytes.slice(at, at + 100_000));
};

describe('verification in threads', () => {
  it('says what verification in one thread says', async () => {
    const kept = [{ note: noteAt(events, 7_777, signer), from: 'kept' }];
    const progress: number[] = [];
    const result = await verifyExportInThreads(
      source(honest),
      { ...options, kept },
      (now) => progress.push(now.events),
      2,
    );
    expect(result).toEqual(await verifyExport(source(honest), { ...options, kept }));
    expect(result).toMatchObject({ ok: true, events: EVENTS, checkpoints: 2 });
    expect(progress.length).toBeGreaterThan(5);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
  });

  it('finds the same first thing wrong, early and late', async () => {
    const longer = [...events, ...events.slice(0, 1)];
    const wrongs = [
      honest.toSpliced(11_500, 1),
      honest.toSpliced(20, 1),
      honest.with(11_000, honest[11_000]?.replace('admitted', 'omitted') ?? ''),
      honest.slice(0, 9_000),
      [...honest.slice(0, 8_000), `${'y'.repeat(300_000)}\n`, ...honest.slice(8_000)],
      wholeExport({ ...telling, events: longer, signed: events }),
    ];
    for (const lines of wrongs) {
      const result = await verifyExportInThreads(source(lines), options, undefined, 2);
      expect(result.ok).toBe(false);
      expect(result).toEqual(await verifyExport(source(lines), options));
    }
  });

  it('passes on what its source throws, and leaves no thread behind', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield* source(honest);
      throw new Error('the disk is gone');
    };
    await expect(verifyExportInThreads(broken(), options, undefined, 2)).rejects.toThrow('the disk is gone');
  });
});
