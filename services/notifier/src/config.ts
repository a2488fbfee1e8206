import { baseConfigSchema } from '@crucible/service-kit';
import { z } from 'zod';

const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

/** No message here repeats the value: a webhook's address and key are both secrets of somebody. */
const receiver = z.string().superRefine((text, context) => {
  const problem = problemWith(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const problemWith = (text: string): string | undefined => {
  if (text.length > 2_000 || !URL.canParse(text)) return 'must be a URL of at most 2,000 characters';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  return url.hash === '' ? undefined : 'must not have a fragment';
};

const secret = z.string().refine((text) => {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (base64 === undefined) return false;
  const bytes = Buffer.from(base64, 'base64');
  return (
    bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '') &&
    bytes.length >= SECRET_BYTES_MIN &&
    bytes.length <= SECRET_BYTES_MAX
  );
}, `must be whsec_ and the base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes, as Standard Webhooks has it`);

const given = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && (value as Record<string, unknown>)[name] !== undefined;

export const notifierConfigSchema = baseConfigSchema
  .extend({
    /** Where finished evaluations and urgent alerts are announced; nothing is announced without it. */
    CRUCIBLE_WEBHOOK_URL: receiver.optional(),
    CRUCIBLE_WEBHOOK_SECRET: secret.optional(),
    CRUCIBLE_WEBHOOK_ATTEMPTS_MAX: z.coerce.number().int().min(1).max(20).default(8),
    CRUCIBLE_WEBHOOK_TIMEOUT_MS_MAX: z.coerce.number().int().min(100).max(15_000).default(10_000),
  })
  .superRefine((config, context) => {
    const url = given(config, 'CRUCIBLE_WEBHOOK_URL');
    if (url === given(config, 'CRUCIBLE_WEBHOOK_SECRET')) return;
    const missing = url ? 'CRUCIBLE_WEBHOOK_SECRET' : 'CRUCIBLE_WEBHOOK_URL';
    const present = url ? 'CRUCIBLE_WEBHOOK_URL' : 'CRUCIBLE_WEBHOOK_SECRET';
    context.addIssue({ code: 'custom', path: [missing], message: `must be set together with ${present}` });
  });
export type NotifierConfig = z.infer<typeof notifierConfigSchema>;
