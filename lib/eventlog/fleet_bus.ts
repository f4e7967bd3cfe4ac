/** The nodes' bus over their inboxes: one table of the questions that wait, whatever they are about. */
import { unavailable } from "../redis/errors.ts";
import type { Log } from "../log.ts";
import { type Message, messageHeader } from "./entry.ts";
import type { Answers, NodeBus, Target } from "./node_bus.ts";
import type { Outgoing } from "./outbox.ts";
import type { Routes } from "./routes.ts";

/** Options of {@linkcode createFleetBus}. */
interface FleetBusOptions {
  send: (item: Outgoing) => void;
  routes: Pick<Routes, "hold" | "leave">;
  /** Whether a node has shown a sign of life within {@linkcode LEASE_MS}, by what is known of it since a second. */
  isAlive: (node: string) => boolean;
  /** Larger messages are not sent. */
  maxPayloadBytes: number;
  log: Log;
}

/** The bus, and the way in for what the inbox brings. */
export interface FleetBus extends NodeBus {
  /** As in `NodeBus`, and to one node. */
  publish(topic: string, data: unknown, to?: { rooms: readonly string[] } | { node: string }): void;
  read(message: Message, from: string): void;
  /** Ends the wait for nodes that are dead. */
  tick(): void;
}

interface Question {
  /** By the node that gave them; they can come before it is known who was asked. */
  answers: Map<string, unknown>;
  asked?: readonly string[];
  since: number;
  settle(outcome: Answers | Error): void;
}

const KNOWN_AFTER_MS = 3_000;
/** Who was silent so long is dead, and its sessions are reaped. */
export const LEASE_MS = 15_000;

/** Makes the bus. */
export function createFleetBus(options: FleetBusOptions): FleetBus {
  const { send, routes, isAlive, maxPayloadBytes, log } = options;
  const listeners = new Map<string, ((data: unknown) => void)[]>();
  const answerers = new Map<string, (question: unknown) => unknown>();
  const questions = new Map<string, Question>();

  function tell({ data, ...message }: Message, how: Partial<Outgoing>): void {
    const text = JSON.stringify(data) ?? "null";
    if (text.length <= maxPayloadBytes) return send({ header: messageHeader(message), text, ...how });
    log.error("A message is too large to be sent", { topic: message.topic });
    how.sent?.([]);
  }

  /** Ends the wait when nobody is left who could answer. */
  function check({ asked, answers, since, settle }: Question): void {
    // of who has just come nothing is known yet
    const isEarly = performance.now() - since < KNOWN_AFTER_MS;
    if (asked === undefined || asked.some((node) => !answers.has(node) && (isEarly || isAlive(node)))) return;
    settle({ answers: [...answers.values()], isComplete: true });
  }

  function ask(target: Target, topic: string, data: unknown, timeoutMs: number): Promise<Answers> {
    const { promise, resolve, reject } = Promise.withResolvers<Answers>();
    const id = crypto.randomUUID();
    const question: Question = {
      answers: new Map(),
      since: performance.now(),
      settle(outcome) {
        clearTimeout(timer);
        questions.delete(id);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      },
    };
    const timer = setTimeout(() => {
      question.settle({ answers: [...question.answers.values()], isComplete: false });
    }, timeoutMs);
    questions.set(id, question);
    tell({ topic, data, id }, {
      ...addressOf(target),
      sent(nodes) {
        if (nodes === undefined) return question.settle(unavailable());
        question.asked = nodes;
        check(question);
      },
    });
    return promise;
  }

  async function answer({ topic, data, id }: Message, node: string): Promise<void> {
    try {
      tell({ topic, data: await answerers.get(topic)!(data), id: id!, isAnswer: true }, { node });
    } catch (error) {
      log.error("A question of another node could not be answered", { topic, error });
    }
  }

  return {
    publish: (topic, data, to) => tell({ topic, data }, to ?? { missedBy: [] }),
    on(topic, listener) {
      listeners.set(topic, [...listeners.get(topic) ?? [], listener]);
    },
    ask: (target, topic, question, { timeoutMs }) => ask(target, topic, question, timeoutMs),
    onAsk: (topic, answer) => void answerers.set(topic, answer),
    join: (room) => void routes.hold([room]),
    leave: (room) => routes.leave(room),
    read(message, from) {
      const { topic, data, id, isAnswer } = message;
      if (isAnswer) {
        const question = questions.get(id!);
        question?.answers.set(from, data);
        if (question !== undefined) check(question);
      } else if (id !== undefined) void answer(message, from);
      else for (const listener of listeners.get(topic) ?? []) listener(data);
    },
    tick() {
      for (const question of questions.values()) check(question);
    },
  };
}

function addressOf(target: Target): Partial<Outgoing> {
  if (target === "others") return {};
  if ("node" in target) return target;
  return { rooms: ["room" in target ? target.room : target.session] };
}
