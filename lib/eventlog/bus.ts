/** What nodes tell and ask each other, over the fleet's link. */
import type { Log } from "../supervise.ts";
import type { Bus } from "./node_bus.ts";
import type { Heard, Link } from "./link.ts";

/** Options of {@linkcode createFleetBus}. */
export interface FleetBusOptions {
  /** The link, which begins to hear only after this is made. */
  link: () => Link;
  nodeId: string;
  /** Larger messages are not published. */
  maxPayloadBytes: number;
  log: Log;
}

/** The bus, and the way in for what the link hears. */
export interface FleetBus extends Bus {
  /** Takes a message of the link; `false`: it is none of the bus. */
  hear(message: Heard): boolean;
}

interface Question {
  answers: unknown[];
  /** The nodes that have not answered. */
  open: Set<string>;
  settle: () => void;
}

// a node that is alive answers within a few milliseconds
const ANSWER_TIMEOUT_MS = 1000;

/** Makes the bus. */
export function createFleetBus({ link, nodeId, maxPayloadBytes, log }: FleetBusOptions): FleetBus {
  const listeners = new Map<string, ((data: unknown) => void)[]>();
  const answerers = new Map<string, (question: unknown) => unknown>();
  const questions = new Map<string, Question>();

  function send(topic: string, data: unknown, fields: Record<string, string> = {}): void {
    const json = JSON.stringify(data) ?? "null";
    if (json.length > maxPayloadBytes) log.error("A message is too large to be published", { topic });
    else link().send({ topic, data: json, ...fields });
  }

  function hearAnswer(id: string, { answer, data }: { answer: string; data: unknown }): void {
    const question = questions.get(id);
    if (!question?.open.delete(answer)) return;
    question.answers.push(data);
    if (question.open.size === 0) question.settle();
  }

  return {
    publish: (topic, data) => send(topic, data),
    on(topic, listener) {
      listeners.set(topic, [...listeners.get(topic) ?? [], listener]);
    },
    async ask(topic, data) {
      const open = new Set(link().others());
      if (open.size === 0) return [];
      const id = crypto.randomUUID();
      const settled = Promise.withResolvers<void>();
      const timer = setTimeout(settled.resolve, ANSWER_TIMEOUT_MS);
      const question: Question = { answers: [], open, settle: settled.resolve };
      questions.set(id, question);
      send(topic, data, { question: id });
      await settled.promise;
      clearTimeout(timer);
      questions.delete(id);
      return question.answers;
    },
    onAsk(topic, answer) {
      answerers.set(topic, answer);
    },
    hear({ fields: { topic, data: json = "null", question, answer }, past }) {
      if (topic === undefined) return false;
      if (past) return true;
      const data: unknown = JSON.parse(json);
      if (question === undefined) { for (const listener of listeners.get(topic) ?? []) listener(data); }
      else if (answer !== undefined) hearAnswer(question, { answer, data });
      else if (answerers.has(topic)) send(topic, answerers.get(topic)!(data), { question, answer: nodeId });
      return true;
    },
  };
}
