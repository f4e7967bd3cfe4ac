/**
 * Random schedules for a real fleet. A schedule is the life of a few users with a channel of their own; the weather is
 * what befalls the nodes meanwhile, and all schedules of a batch with them. Both follow from the seed alone.
 */
import fc from "fast-check";

/** How many users a schedule has; the first owns the channel and stays in it. */
export const USERS = 3;
export const NODES = 3;

/** One step of a schedule, some time after the last; `pick` chooses among the tabs or users it can be about. */
export type Step = { afterMs: number } & Deed;

type Deed =
  | { do: "open"; user: number; node: number }
  | { do: "move" | "return"; pick: number; node: number }
  | { do: "cut" | "blackHole"; pick: number }
  | { do: "join" | "leave"; user: number }
  | { do: "publish"; from: "backends" | "clients"; room: "channel" | "user"; user: number };

/** What befalls a node in a round. */
export type Weather =
  | { kind: "calm" }
  | { kind: "kill"; node: number; afterMs: number }
  | { kind: "redisCut"; node: number; afterMs: number; forMs: number };

const pick = fc.nat({ max: 30 }), node = fc.nat({ max: NODES - 1 }), user = fc.nat({ max: USERS - 1 });
const others = fc.integer({ min: 1, max: USERS - 1 });

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant("open" as const), user, node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("move" as const), pick, node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("return" as const), pick, node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut" as const, "blackHole" as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("join" as const, "leave" as const), user: others }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      from: fc.constantFrom("backends" as const, "clients" as const),
      room: fc.constantFrom("channel" as const, "channel" as const, "user" as const),
      user,
    }),
  },
);

const step: fc.Arbitrary<Step> = fc.tuple(fc.record({ afterMs: fc.nat({ max: 150 }) }), deed)
  .map(([when, deed]) => ({ ...when, ...deed }));

const afterMs = fc.nat({ max: 300 });
const WEATHERS: { [Kind in Weather["kind"]]: fc.Arbitrary<Weather> } = {
  calm: fc.record({ kind: fc.constant("calm" as const) }),
  kill: fc.record({ kind: fc.constant("kill" as const), node, afterMs }),
  redisCut: fc.record({
    kind: fc.constant("redisCut" as const),
    node,
    afterMs,
    // 0: the connections are cut, and are made again at once
    forMs: fc.constantFrom(0, 200, 800),
  }),
};

/** A batch: what happens in each of `rounds` rounds to each of `count` schedules, and to the nodes. */
export interface Batch {
  seed: number;
  weather: Weather[];
  /** By schedule, then by round. */
  schedules: Step[][][];
}

/** What a batch is made of. */
export interface BatchOptions {
  /** How many schedules, of how many rounds. */
  count: number;
  rounds: number;
  /** What weather there is; one that stands here twice comes twice as often. */
  kinds: readonly Weather["kind"][];
}

/** The batch of a seed. The schedules do not depend on how many there are. */
export function batchOf(seed: number, { count, rounds, kinds }: BatchOptions): Batch {
  const round = fc.array(step, { minLength: 2, maxLength: 5 });
  const schedule = fc.array(round, { minLength: rounds, maxLength: rounds });
  const weather = fc.oneof(...kinds.map((kind) => WEATHERS[kind]));
  const sky = fc.array(weather, { minLength: rounds, maxLength: rounds });
  return {
    seed,
    weather: fc.sample(sky, { numRuns: 1, seed })[0]!,
    schedules: fc.sample(schedule, { numRuns: count, seed }),
  };
}
