/** The roster of a node: its writer, its one tick, and what it reads of the fleet. */
import { Emitter } from "../emitter.ts";
import type { Presence } from "../protocol/events.ts";
import type { UserId } from "../protocol/ids.ts";
import { delay, supervise } from "../supervise.ts";
import { pageOfSessions } from "./page.ts";
import type { Roster, RosterEvents, RosterOptions } from "./roster.ts";
import { ANNOUNCE_INTERVAL_MS, type PresencePage } from "./store.ts";
import { UsagePool } from "./usage.ts";
import { RosterWriter } from "./writer.ts";

// sessions that one step reaps
const REAPED_AT_ONCE = 100;
// between two ticks, however many graces end
const MIN_WAIT_MS = 10;

/** Creates the empty roster of a node and starts its tick. */
export function createRoster(options: RosterOptions): Roster {
  const { store, nodeId, log, nodeLeaseMs = 15_000, tickMs = 1000, batchSize = 200, now = Date.now } =
    options;
  const { leaseMs, graceMs } = options;
  const events = new Emitter<RosterEvents>((error) =>
    log.error("A listener to the roster failed", { error })
  );
  const usage = new UsagePool();
  let models: readonly string[] = [];
  /** When users of this node were last active, as far as that is not written. */
  const lastActive = new Map<UserId, number>();
  let reportedAt = -Infinity, wakeAt = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  let lastPage: Promise<unknown> = Promise.resolve();
  const nextPages = new Map<number, Promise<PresencePage>>();

  const writer = new RosterWriter({
    ...{ store, nodeId, log, leaseMs, graceMs, nodeLeaseMs, batchSize, now, events },
    onLeft: () => wakeIn(writer.nextGraceMs()),
  });

  async function tick(): Promise<void> {
    clearTimeout(timer);
    wakeAt = Infinity;
    const startedAt = now();
    try {
      await writer.flush();
      for (const [id, at] of lastActive) if (at < startedAt) lastActive.delete(id);
      await sweep();
    } catch (error) {
      options.onError?.(error);
      return writer.setAway(error);
    }
    writer.setBack();
    wakeIn(writer.nextGraceMs());
  }

  async function sweep(): Promise<void> {
    let reaped = 0;
    for (let hasMore = true; hasMore;) {
      const used = usage.models(now());
      if (used.length > 0) reportedAt = now();
      const ticked = await store.tick(writer.node, { limit: REAPED_AT_ONCE, models: used });
      await writer.accept(ticked);
      if (ticked.gone.length > 0) events.emit("gone", ticked.gone, "expired");
      models = ticked.usage.models;
      if (ticked.usage.change === "announce") events.emit("usage", ticked.usage.models);
      reaped += ticked.gone.length;
      hasMore = ticked.hasMore;
      if (hasMore) await delay(0);
    }
    if (reaped > 0) log.info("Expired sessions were cleared away", { sessions: reaped });
  }

  function wakeIn(ms: number): void {
    const at = now() + Math.max(ms, MIN_WAIT_MS);
    if (isClosed || ms >= tickMs || at >= wakeAt) return;
    wakeAt = at;
    clearTimeout(timer);
    timer = setTimeout(() => loop.wake(), at - now());
  }

  /** Reports use that has begun or ended, unless that was done within the last second. */
  function report(): void {
    wakeIn(reportedAt + ANNOUNCE_INTERVAL_MS - now());
  }

  function withActivity(users: readonly Presence[]): Presence[] {
    return users.map((user) => {
      const at = lastActive.get(user.id) ?? 0;
      return at > (user.lastActiveAt ?? 0) ? { ...user, lastActiveAt: at } : user;
    });
  }

  /** Those who ask while a page is read share the next read: it is as new as they need. */
  function firstPage(limit: number): Promise<PresencePage> {
    let page = nextPages.get(limit);
    if (!page) {
      page = lastPage.then(() => {
        nextPages.delete(limit);
        return store.recent({ limit });
      });
      nextPages.set(limit, page);
      lastPage = page.catch(() => {});
    }
    return page;
  }

  const loop = supervise("The roster's tick", tick, { intervalMs: tickMs, log });
  // the node is known before its first session
  loop.wake();
  const unwatch = store.onBack(() => {
    writer.rewrite();
    loop.wake();
  });

  return {
    get size() {
      return writer.size;
    },
    open: (record, how) => writer.open(record, how),
    alive(sid, active) {
      const record = writer.alive(sid, active);
      if (record && active) lastActive.set(record.user.id, record.lastSeenAt);
    },
    update: (sid, change) => writer.update(sid, change),
    save: (sid, value, how) => writer.save(sid, value, how),
    close(sid, how) {
      writer.close(sid, how);
      if (usage.end(sid)) report();
    },
    flush: () => writer.flush(),
    sweep,
    readSaved: (pid) => store.readSaved(pid),
    takeSaved: (pid) => store.takeSaved(pid),
    get: (sid) => store.get(sid),
    countOfUser: (userId) => store.countOfUser(userId),
    page: (page) => pageOfSessions(store, page),
    presence: async (userIds) => withActivity(await store.presence(userIds)),
    async recent(page) {
      const { users, ...rest } =
        await (page.after === undefined ? firstPage(page.limit) : store.recent(page));
      return { users: withActivity(users), ...rest };
    },
    use(sid, model) {
      if (usage.use(sid, model, { now: now() })) report();
    },
    onChange: (listener) => events.on("change", listener),
    onGone: (listener) => events.on("gone", listener),
    models: () => models,
    onUsage: (listener) => events.on("usage", listener),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(timer);
      unwatch();
      await loop[Symbol.asyncDispose]();
      try {
        await writer.flush();
        await store.write({ ...writer.node, leaseMs: 0 }, { leaves: [], entries: [] });
      } catch (error) {
        log.warn("The node could not sign off; its lease will", { error });
      }
    },
  };
}
