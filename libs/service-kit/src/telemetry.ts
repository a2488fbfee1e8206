import type { CrucibleEvent, Origin } from '@crucible/events';
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = () => trace.getTracer('crucible');

/**
 * Starts OpenTelemetry when an OTLP endpoint is configured; without one nothing of it is loaded.
 * @returns what ends it, sending the spans still held
 */
export const startTelemetry = async (service: string, endpoint: string | undefined): Promise<() => Promise<void>> => {
  if (endpoint === undefined) return () => Promise.resolve();
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: `crucible-${service}`,
    traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }),
    instrumentations: [],
  });
  sdk.start();
  return () => sdk.shutdown().catch(() => undefined);
};

/** W3C traceparent of the span we are in, to be carried by the next event or message. */
export const currentTraceparent = (): string | undefined => {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'];
};

/** Runs `work` in a span that continues the given traceparent. */
export const traced = <T>(name: string, traceparent: string | undefined, work: () => Promise<T>): Promise<T> => {
  const parent = traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent });
  return tracer().startActiveSpan(name, {}, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
};

/**
 * The origin of an event that a service writes in answer to another event. The trace goes on from that event, unless the
 * caller is in a span that does so already: what is being handled just now may belong to another trace.
 */
export const inAnswerTo = (service: string, cause: CrucibleEvent, traceparent = cause.traceparent): Origin => ({
  source: service,
  team: cause.team,
  actor: `service:${service}`,
  correlationId: cause.correlationid,
  causationId: cause.id,
  traceparent,
});
