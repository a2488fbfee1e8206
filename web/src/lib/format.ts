const msOf = (time: string): number => new Date(time).getTime();

const pad = (value: number): string => String(value).padStart(2, '0');

/** A duration in the two units that matter: `840 ms`, `12.4 s`, `3 min 05 s`, `2 h 10 min`. */
export const duration = (ms: number): string => {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
};

/** The same for a clock that runs: whole seconds, so that the text does not tremble. */
export const elapsed = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
};

/** Milliseconds an evaluation or trial has taken, up to `nowMs` while it goes on; null before it started. */
export const spanMs = (from: string | null, to: string | null, nowMs: number): number | null =>
  from === null ? null : Math.max(0, (to === null ? nowMs : msOf(to)) - msOf(from));

const byteUnits = ['B', 'KiB', 'MiB', 'GiB'] as const;

export const bytes = (count: number): string => {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${byteUnits[unit]}`;
};

const numbers = new Intl.NumberFormat('en');
export const count = (value: number): string => numbers.format(value);

/** A count with its noun: `1 sample`, `164 samples`. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A score of 0 to 1 as a percentage. It says 100% only when everything is right, and 0% only when nothing is. */
export const score = (value: number | null): string => {
  if (value === null) return '–';
  if (value === 1 || value === 0) return `${value * 100}%`;
  return `${Math.min(99.9, Math.max(0.1, value * 100)).toFixed(1)}%`;
};

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });

/** How long ago, in words; within the first minute `just now`. */
export const ago = (time: string, nowMs: number): string => {
  const seconds = Math.round((msOf(time) - nowMs) / 1_000);
  if (seconds > -60) return 'just now';
  if (seconds > -3_600) return relative.format(Math.trunc(seconds / 60), 'minute');
  if (seconds > -86_400) return relative.format(Math.trunc(seconds / 3_600), 'hour');
  return relative.format(Math.trunc(seconds / 86_400), 'day');
};

const instants = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
/** Date and time on the reader's clock. */
export const instant = (time: string): string => instants.format(new Date(time));

const clockTimes = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
/** Time of day to the millisecond on the reader's clock: `12:03:04.123`. */
export const clockTime = (ms: number): string => clockTimes.format(ms);

/** Time since a trial's start, as a log shows it: `0:03.241`. */
export const offset = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.floor((ms % 60_000) / 1_000);
  return `${minutes}:${pad(seconds)}.${String(Math.floor(ms % 1_000)).padStart(3, '0')}`;
};

/** The end of a UUID: version 7 ids of one hour share their beginning. */
export const shortId = (id: string): string => id.slice(-8);
