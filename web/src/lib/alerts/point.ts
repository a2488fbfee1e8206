import { evidencePointName } from '@crucible/domain';
import type { AlertView } from '@crucible/domain';
import type { EvidencePoint } from '@crucible/events';

/** What an address asks to be shown. A made-up one leads nowhere and does no harm. */
export interface Wanted {
  /** What was said has a page of its own; the others are seen side by side. */
  readonly isSaid: boolean;
  readonly record: number | null;
  readonly stream: 'stdout' | 'stderr' | null;
  readonly offset: number;
}

export const wantedOf = (name: string | null): Wanted | null => {
  const output = /^output:(stdout|stderr):(\d{1,15})$/u.exec(name ?? '');
  if (output !== null)
    return { isSaid: false, record: null, stream: output[1] as 'stdout' | 'stderr', offset: Number(output[2]) };
  const [, channel, record] = /^(kernel|transcript):(\d{1,15})$/u.exec(name ?? '') ?? [];
  return channel === undefined
    ? null
    : { isSaid: channel === 'transcript', record: Number(record), stream: null, offset: 0 };
};

/** Where the page shows a piece of an alert's evidence. */
export const hrefOfPoint = ({ evaluationId, trialId }: AlertView, point: EvidencePoint): string => {
  const parameters = new URLSearchParams({ trial: trialId, evidence: evidencePointName(point) });
  return `/evaluations/${encodeURIComponent(evaluationId)}?${parameters}`;
};

export const severities = ['critical', 'high', 'medium', 'low'] as const;

/** Numbers of the kernel's records that alerts rest on. */
export const recordsOf = (alerts: readonly AlertView[]): ReadonlySet<number> =>
  new Set(
    alerts.flatMap(({ evidence }) =>
      evidence.flatMap(({ channel, record }) => (channel === 'kernel' && record !== null ? [record] : [])),
    ),
  );
