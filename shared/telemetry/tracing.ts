/** OpenTelemetry spans that follow a video across topics and jobs by the W3C `traceparent` in events and records. */
import { type Attributes, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node';

export interface ActiveSpan {
  /** Of this span, for whatever it causes; undefined while tracing is off. */
  traceparent: string | undefined;
  end(error?: unknown): void;
}

const propagator = new W3CTraceContextPropagator();

/**
 * Turns tracing on for this process. Without it spans cost nothing and have no traceparent.
 * @param endpoint OTLP/HTTP collector, such as `http://127.0.0.1:4318/v1/traces`
 * @returns sends what is left and turns tracing off
 */
export function initTracing(endpoint: string, processor?: SpanProcessor): () => Promise<void> {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'cinedex' }),
    spanProcessors: [processor ?? new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint }))],
  });
  provider.register({ propagator });
  return async () => {
    await provider.shutdown();
    trace.disable();
    propagation.disable();
  };
}

export function startSpan(
  name: string,
  options: { traceparent?: string | undefined; attributes?: Attributes } = {},
): ActiveSpan {
  const parent = options.traceparent
    ? propagator.extract(ROOT_CONTEXT, { traceparent: options.traceparent }, recordGetter)
    : ROOT_CONTEXT;
  const span = trace.getTracer('cinedex').startSpan(name, { attributes: options.attributes }, parent);
  const carrier: Record<string, string> = {};
  if (span.isRecording()) propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, recordSetter);
  return {
    traceparent: carrier.traceparent ?? options.traceparent,
    end: (error) => {
      if (error !== undefined) {
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

const recordGetter = {
  keys: (carrier: Record<string, string>) => Object.keys(carrier),
  get: (carrier: Record<string, string>, key: string) => carrier[key],
};
const recordSetter = {
  set: (carrier: Record<string, string>, key: string, value: string) => {
    carrier[key] = value;
  },
};
