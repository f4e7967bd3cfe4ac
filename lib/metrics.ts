/** The process's metrics in Prometheus' text format; the only importer of the metrics library. */
import { Counter, Gauge, Registry } from "prom-client";

/** A counter with a fixed set of label names. */
interface LabelledCounter<Label extends string> {
  inc(labels: Record<Label, string>): void;
}

/** What the process counts. Label values come from closed sets, never from a payload. */
export interface Metrics {
  /** Handshakes that were admitted or refused, by the code (`ok` when admitted). */
  readonly handshakes: LabelledCounter<"code">;
  /** Sessions that ended, by Socket.IO's reason. */
  readonly endedSessions: LabelledCounter<"reason">;
  /** Events that were answered with an error, by its code. */
  readonly failedEvents: LabelledCounter<"code">;
  /** Errors in background loops, by the loop's name. */
  readonly loopErrors: LabelledCounter<"loop">;
  /** Registers a value that is read when the metrics are. */
  gauge(name: string, options: { help: string; read: () => number }): void;
  /** All metrics as Prometheus text. */
  text(): Promise<string>;
  /** The media type of {@linkcode text}. */
  readonly contentType: string;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  function counter<Label extends string>(name: string, help: string, label: Label): LabelledCounter<Label> {
    return new Counter({ name, help, labelNames: [label], registers: [registry] });
  }
  return {
    handshakes: counter("tether_handshakes_total", "Handshakes by outcome", "code"),
    endedSessions: counter("tether_sessions_ended_total", "Ended sessions by reason", "reason"),
    failedEvents: counter("tether_events_failed_total", "Events answered with an error", "code"),
    loopErrors: counter("tether_loop_errors_total", "Errors in background loops", "loop"),
    gauge(name, { help, read }) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
