import { capabilitySchema, responseSchema, severitySchema } from '@crucible/events';
import { z } from 'zod';
import { eventKinds, eventSchemas } from './typed-event.ts';
import type { EventKind, TypedEvent } from './typed-event.ts';

export const ruleBounds = {
  fileBytesMax: 65_536,
  rulesMax: 1_000,
  problemsMax: 100,
  thresholdCountMax: 10_000,
  durationMsMax: 3_600_000,
  tagsMax: 20,
  examplesMax: 50,
} as const;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d{1,7})(ms|s|m|h)$/;

const duration = z
  .string()
  .regex(DURATION, 'is a number with its unit: 500ms, 10s, 5m or 1h')
  .transform((text) => {
    const [, count, unit] = DURATION.exec(text) ?? [];
    return Number(count) * (UNITS[unit ?? ''] ?? 1);
  })
  .refine((ms) => ms >= 1 && ms <= ruleBounds.durationMsMax, 'is between 1ms and 1h');

const tag = z
  .string()
  .regex(
    /^(?:attack\.t\d{4}(?:\.\d{3})?|atlas\.aml\.t\d{4}(?:\.\d{3})?|custom\.[a-z0-9-]{1,60})$/,
    'is a technique such as attack.t1611, attack.t1552.001 or atlas.aml.t0025, or custom.<name>',
  );

const line = (charsMax: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(charsMax)
    .regex(/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/, 'is one line');

const kind = z.enum(eventKinds, { error: `is one of ${eventKinds.join(', ')}` });

const exampleSchema = z.looseObject({ kind }).transform((value, context): TypedEvent => {
  const read = eventSchemas[value.kind].safeParse(value);
  if (read.success) return read.data as TypedEvent;
  read.error.issues.forEach((issue) =>
    context.addIssue({ code: 'custom', message: issue.message, path: [...issue.path] }),
  );
  return z.NEVER;
});
const examples = z.array(exampleSchema).max(ruleBounds.examplesMax).default([]);

/** A rule's file: YAML, one rule. */
export const ruleFileSchema = z.strictObject({
  id: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'is lower-case words with hyphens'),
  version: z.int().min(1).max(1_000_000),
  title: line(120),
  description: z.string().trim().min(1).max(2_000),
  severity: severitySchema,
  capability: capabilitySchema,
  tags: z.array(tag).min(1).max(ruleBounds.tagsMax),
  on: z
    .union([kind, z.array(kind).min(1)], { error: `is a kind of event or a list of them: ${eventKinds.join(', ')}` })
    .transform((kinds): readonly EventKind[] => [...new Set([kinds].flat())]),
  condition: z.string().trim().min(1),
  threshold: z.strictObject({ count: z.int().min(2).max(ruleBounds.thresholdCountMax), within: duration }).optional(),
  window: duration.default(60_000),
  response: responseSchema,
  summary: line(300).optional(),
  /** Events for which the condition has to hold, and such for which it must not: tried whenever the rule is loaded. */
  examples: z.strictObject({ fires: examples, passes: examples }).default({ fires: [], passes: [] }),
});
export type RuleFileContent = z.infer<typeof ruleFileSchema>;
