import type { SandboxCgroup } from './cgroup.ts';
import type { SandboxContainer } from './container.ts';
import { EngineError, PreflightMiss } from './engine-error.ts';
import { displayableLine } from '@crucible/events';
import { encodeProbe, newNonce } from './header.ts';
import { hostFindingsOf } from './host-findings.ts';
import { judgeFindings, type Asked, type Check } from './preflight.ts';
import { RecordReader, parseProbeRecord, type GuestFindings } from './record.ts';

const STRAY_BYTES_MAX = 2_048;
const STRAY_CHARS_MAX = 300;

export interface Probed {
  readonly checks: Check[];
  /** The host's id of gVisor's process. */
  readonly processId: number;
}

/** What init finds inside. Anything else that comes first is an error of what should have become init. */
const askInit = async (container: SandboxContainer): Promise<GuestFindings> => {
  const nonce = newNonce();
  const reader = new RecordReader(nonce);
  let stray = Buffer.alloc(0);
  container.stream.write(encodeProbe(nonce));
  for (;;) {
    const pieces = await container.stream.next();
    if (pieces === null) {
      const said = displayableLine(stray.toString('utf8'), STRAY_CHARS_MAX);
      throw new EngineError(`the sandbox ended before its program started${said === '' ? '' : `: ${said}`}`);
    }
    for (const piece of pieces) {
      for (const part of reader.push(piece.bytes)) {
        const findings = 'record' in part ? parseProbeRecord(part.record) : null;
        if (findings !== null) return findings;
        if ('bytes' in part) stray = Buffer.concat([stray, part.bytes]).subarray(0, STRAY_BYTES_MAX);
      }
    }
  }
};

const inTime = async <T>(work: Promise<T>, msMax: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new EngineError(`the sandbox did not answer its probe in ${msMax} ms`)), msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Looks at a started container from inside and from outside. Nothing of a program is in it yet.
 * @throws PreflightMiss when a single thing is not as asked; EngineError when it did not answer
 */
export const probe = async (
  container: SandboxContainer,
  cgroup: SandboxCgroup,
  asked: Asked,
  msMax: number,
): Promise<Probed> => {
  const guest = await inTime(askInit(container), msMax);
  const host = hostFindingsOf(container.id, cgroup);
  const checks = judgeFindings(asked, { engineMisses: container.engineMisses, guest, host });
  if (host.sentry === null || checks.some(({ held }) => !held)) throw new PreflightMiss(checks);
  return { checks, processId: host.sentry.processId };
};
