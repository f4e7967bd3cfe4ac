/**
 * Who watches whom on this node, and what each watcher was told last. Changes are gathered, and told at most ten times
 * a second, in turns of the event loop that leave room for others. It knows neither rooms nor stores.
 */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { UserId } from "../protocol/ids.ts";
import { delay } from "../supervise.ts";

/** Milliseconds from the first change to its telling, and at the least from one telling to the next. */
export const GATHER_MS = 100;
/** The most users that a session can watch. */
export const MAX_WATCHED = 5_000;
// how long the event loop is kept from others, and how much is written meanwhile: the system's part of it comes after
const TURN_MS = 5, TURN_BYTES = 1_000_000;
// what a frame costs beside its bytes, as bytes
const FRAME_BYTES = 4_000;
const RETRY_MS = 1_000;

/** Somebody who is watched. */
interface Subject {
  presence: Presence;
  /** The same as it is sent, once it was. */
  text?: string;
  /** What each watcher was told last; `unknown`: nothing that can be relied on. */
  told: Map<Watcher, PresenceStatus | "unknown">;
}

/** A session that watches; its owner makes it, and the feed fills it. Nobody is both asked for and on the page. */
export interface Watcher {
  readonly userId: UserId;
  /** Where its frames go. */
  readonly conn: { write(frame: string): unknown };
  /** Those it asked for by their ids. */
  asked: Subject[];
  /** Those it lists without: who goes offline leaves, and who comes takes a free place. */
  page?: { readonly places: number; readonly users: Set<Subject> };
}

export interface PresenceFeedOptions {
  /** A change as it stands in frames. */
  encode: (change: Presence) => string;
  /** The frames that tell of these changes. */
  frames: (changes: readonly string[]) => string[];
  /** The most users that a watcher is told of at once; the others wait for the next time. */
  maxTold: number;
  /** Those of `others` whom `userId` may see. */
  visible: (userId: UserId, others: readonly UserId[]) => Promise<readonly UserId[]>;
  /** Gets what went wrong and will be tried again. */
  onError: (error: unknown) => void;
  /** Milliseconds, for the length of turns; default: the platform's. */
  now?: () => number;
}

type Changed = Map<UserId, { presence: Presence; came: boolean }>;

/** The watchers of a node that are told in the same way. */
export class PresenceFeed {
  readonly #options: PresenceFeedOptions;
  readonly #now: () => number;
  readonly #watchers = new Set<Watcher>();
  /** Those who have a page. */
  readonly #pages = new Set<Watcher>();
  readonly #subjects = new Map<UserId, Subject>();
  /** What changed since the last round began; `came`: the user was online at some time since. */
  #changed: Changed = new Map();
  /** What the round that is under way tells of. */
  #underway: Changed = new Map();
  /** Those who may not have been told everything. */
  readonly #behind = new Set<Watcher>();
  /** What was told last: many are told the same. */
  #last: { changes: readonly string[]; frames: readonly string[] } = { changes: [], frames: [] };
  /** Users who have left a channel: what they see and who sees them is checked before anything else is told. */
  #suspects = new Set<UserId>();
  readonly #closing = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turnEnd = 0;
  #written = 0;

  constructor(options: PresenceFeedOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Watches users whom a watcher asked for by their ids and is being told of now, as many as it can watch. `tell` it of
   * those who are new to it, where it may know something else.
   */
  watch(watcher: Watcher, users: readonly Presence[], { tell = false } = {}): void {
    this.#watchers.add(watcher);
    for (const user of users) {
      const isNew = !this.#watches(watcher, user);
      if (isNew ? isFull(watcher) : tell) continue;
      const subject = this.#begin(watcher, user, tell);
      if (isNew || watcher.page?.users.delete(subject)) watcher.asked.push(subject);
    }
  }

  /** Watches the same way those of `users` who are not offline as the watcher's page; with `tell`, it is added to. */
  watchPage(
    watcher: Watcher,
    users: readonly Presence[],
    { places, tell = false }: { places: number; tell?: boolean },
  ): void {
    this.#watchers.add(watcher);
    this.#pages.add(watcher);
    const before = watcher.page?.users ?? new Set();
    const page = watcher.page = { places, users: tell ? before : new Set<Subject>() };
    for (const user of users) {
      const isNew = !this.#watches(watcher, user);
      if (isNew ? isFull(watcher) || !tell && user.status === "offline" : tell) continue;
      const subject = this.#begin(watcher, user, tell);
      if (isNew || before.delete(subject)) page.users.add(subject);
    }
    if (!tell) this.#drop(watcher, before);
  }

  /** Whether the watcher can watch all of `users` too. */
  hasRoom(watcher: Watcher, users: readonly Presence[]): boolean {
    return sizeOf(watcher) + users.filter((user) => !this.#watches(watcher, user)).length <= MAX_WATCHED;
  }

  /** Forgets a watcher. */
  end(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#pages.delete(watcher);
    this.#behind.delete(watcher);
    this.#drop(watcher, watchedBy(watcher));
  }

  /** Users have changed. */
  change(changes: readonly Presence[]): void {
    for (const presence of changes) {
      const { id, status } = presence;
      const subject = this.#subjects.get(id), before = this.#changed.get(id) ?? this.#underway.get(id);
      const came = status === "online" || before?.came === true;
      if (subject !== undefined) Object.assign(subject, { presence, text: undefined });
      else if (!came || this.#pages.size === 0) continue;
      this.#changed.set(id, { presence, came });
    }
    if (this.#changed.size > 0) this.#wake();
  }

  /** What these users see, and who sees them, is to be checked; all, without ids. */
  check(userIds: readonly UserId[] | null): void {
    for (const id of userIds ?? Array.from(this.#watchers, ({ userId }) => userId)) this.#suspects.add(id);
    if (this.#watchers.size > 0) this.#wake();
    else this.#suspects.clear();
  }

  /** Tells nobody any more. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
    for (const kept of [this.#watchers, this.#pages, this.#subjects, this.#changed, this.#behind]) {
      kept.clear();
    }
  }

  #wake(ms = GATHER_MS): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => void this.#run(), ms);
  }

  async #run(): Promise<void> {
    let failed = false;
    try {
      this.#beginTurn();
      await this.#round();
    } catch (error) {
      failed = true;
      this.#options.onError(error);
    }
    this.#timer = undefined;
    this.#underway.clear();
    if (this.#changed.size + this.#behind.size + this.#suspects.size > 0) {
      this.#wake(failed ? RETRY_MS : GATHER_MS);
    }
  }

  /** Works out whom to tell of what changed until now, and tells them how it is when their turn comes. */
  async #round(): Promise<void> {
    await this.#recheck();
    const newcomers: Presence[] = [], subjects: Subject[] = [], due = new Set<Watcher>();
    this.#underway = this.#changed;
    this.#changed = new Map();
    for (const [id, { presence, came }] of this.#underway) {
      if (came && presence.status !== "offline") newcomers.push(presence);
      const subject = this.#subjects.get(id);
      if (subject === undefined) continue;
      subjects.push(subject);
      for (const watcher of subject.told.keys()) due.add(watcher);
      if (this.#isTurnOver()) await this.#nextTurn();
    }
    if (newcomers.length > 0) await this.#greet(newcomers);
    for (const watcher of due.union(this.#behind)) {
      if (!this.#watchers.has(watcher)) continue;
      const isBehind = this.#behind.delete(watcher) || sizeOf(watcher) < subjects.length;
      this.#tell(watcher, isBehind ? watchedBy(watcher) : subjects);
      if (!this.#isTurnOver()) continue;
      await this.#nextTurn();
      await this.#recheck();
    }
  }

  /** Gives those who came the free places on the pages of those who may see them. */
  async #greet(newcomers: readonly Presence[]): Promise<void> {
    for (const watcher of this.#pages) {
      if (isPageFull(watcher)) continue;
      const unknown = newcomers.filter((user) => !this.#watches(watcher, user));
      if (unknown.length === 0) continue;
      const visible = new Set(await this.#options.visible(watcher.userId, unknown.map(({ id }) => id)));
      for (const presence of unknown) {
        if (!this.#pages.has(watcher) || isPageFull(watcher)) break;
        if (!visible.has(presence.id)) continue;
        const subject = this.#subjectOf(presence);
        subject.told.set(watcher, "offline");
        watcher.page!.users.add(subject);
        this.#behind.add(watcher);
      }
      if (this.#isTurnOver()) await this.#nextTurn();
    }
  }

  /** Tells a watcher of those of `subjects` of whom it knows something else. */
  #tell(watcher: Watcher, subjects: readonly Subject[]): void {
    const changes: string[] = [];
    for (const subject of subjects) {
      const { presence, told } = subject, { status } = presence, last = told.get(watcher);
      if (last === undefined) continue;
      if (last !== status) {
        if (changes.length === this.#options.maxTold) {
          this.#behind.add(watcher);
          break;
        }
        told.set(watcher, status);
        changes.push(subject.text ??= this.#options.encode(presence));
      }
      if (status === "offline" && watcher.page?.users.has(subject)) this.#drop(watcher, [subject]);
    }
    if (changes.length === 0) return;
    const isSame = changes.length === this.#last.changes.length &&
      changes.every((change, index) => change === this.#last.changes[index]);
    if (!isSame) this.#last = { changes, frames: this.#options.frames(changes) };
    for (const frame of this.#last.frames) {
      watcher.conn.write(frame);
      this.#written += FRAME_BYTES + frame.length;
    }
  }

  /** Ends the watching of those who do not share a channel any more. */
  async #recheck(): Promise<void> {
    const suspects = this.#suspects, { visible } = this.#options;
    if (suspects.size === 0) return;
    this.#suspects = new Set();
    try {
      for (const id of suspects) {
        const subject = this.#subjects.get(id);
        if (subject === undefined) continue;
        const watchers = [...subject.told.keys()];
        const seers = new Set(await visible(id, watchers.map(({ userId }) => userId)));
        for (const watcher of watchers) if (!seers.has(watcher.userId)) this.#hide(watcher, [subject]);
        if (this.#isTurnOver()) await this.#nextTurn();
      }
      for (const watcher of this.#watchers) {
        if (!suspects.has(watcher.userId)) continue;
        const subjects = watchedBy(watcher);
        const seen = new Set(await visible(watcher.userId, subjects.map(({ presence }) => presence.id)));
        this.#hide(watcher, subjects.filter(({ presence }) => !seen.has(presence.id)));
        if (this.#isTurnOver()) await this.#nextTurn();
      }
    } catch (error) {
      for (const id of suspects) this.#suspects.add(id);
      throw error;
    }
  }

  #watches(watcher: Watcher, { id }: Presence): boolean {
    return this.#subjects.get(id)?.told.has(watcher) === true;
  }

  #subjectOf(presence: Presence): Subject {
    const { id } = presence;
    let subject = this.#subjects.get(id);
    if (subject === undefined) {
      // which is all that is noted of somebody whom nobody watches
      subject = { presence: this.#changed.get(id)?.presence ?? presence, told: new Map() };
      this.#subjects.set(id, subject);
    }
    return subject;
  }

  /** Sets out from what a watcher is told of a user. */
  #begin(watcher: Watcher, user: Presence, tell: boolean): Subject {
    const subject = this.#subjectOf(user);
    // what was just read is newer than what was heard before
    if (subject.presence.status !== user.status) this.change([user]);
    subject.told.set(watcher, tell ? "unknown" : user.status);
    if (tell) {
      this.#behind.add(watcher);
      this.#wake();
    }
    return subject;
  }

  #hide(watcher: Watcher, subjects: readonly Subject[]): void {
    this.#drop(watcher, subjects);
    if (subjects.length > 0) watcher.asked = watcher.asked.filter(({ told }) => told.has(watcher));
  }

  /** Ends the watching of `subjects`; whoever was asked for stays in that list. */
  #drop(watcher: Watcher, subjects: Iterable<Subject>): void {
    for (const subject of subjects) {
      watcher.page?.users.delete(subject);
      subject.told.delete(watcher);
      if (subject.told.size === 0) this.#subjects.delete(subject.presence.id);
    }
  }

  #beginTurn(): void {
    this.#turnEnd = this.#now() + TURN_MS;
    this.#written = 0;
  }

  #isTurnOver(): boolean {
    return this.#written >= TURN_BYTES || this.#now() >= this.#turnEnd;
  }

  async #nextTurn(): Promise<void> {
    await delay(0, this.#closing.signal);
    this.#beginTurn();
  }
}

/** Whom a watcher watches. */
function watchedBy({ asked, page }: Watcher): Subject[] {
  return [...asked, ...page?.users ?? []];
}

function sizeOf({ asked, page }: Watcher): number {
  return asked.length + (page?.users.size ?? 0);
}

function isFull(watcher: Watcher): boolean {
  return sizeOf(watcher) >= MAX_WATCHED;
}

function isPageFull(watcher: Watcher): boolean {
  const { page } = watcher;
  return page === undefined || page.users.size >= page.places || isFull(watcher);
}
