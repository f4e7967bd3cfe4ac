/**
 * What the Streams adapter takes for a client of the Redis package. Behind it are the link and our own connections, so
 * that it neither polls nor queues, and nothing it leaves unawaited ever rejects.
 */
import { Buffer } from "node:buffer";
import type { Redis } from "../redis/redis.ts";
import type { Log } from "../supervise.ts";
import type { Fields, Link } from "./link.ts";

/** Options of {@linkcode createStreamClient}. */
export interface StreamClientOptions {
  redis: Redis;
  /** A connection for subscriptions. */
  subscriber: Redis;
  link: Link;
  log: Log;
}

/** The part of a client that the adapter calls. */
export interface StreamClient {
  duplicate(): StreamClient;
  connect(): Promise<void>;
  disconnect(): void;
  on(): void;
  /** Its being there tells the adapter which package's manners to use. */
  sSubscribe(): void;
  xRead(): Promise<never>;
  xAdd(stream: string, id: string, fields: Fields): Promise<string>;
  publish(channel: string, payload: Uint8Array): Promise<void>;
  subscribe(channels: string[], listener: (payload: Buffer) => void): void;
  sendCommand(args: string[]): Promise<[channel: string, count: number]>;
}

/** Makes the client. */
export function createStreamClient({ redis, subscriber, link, log }: StreamClientOptions): StreamClient {
  const ignore = (error: unknown): void => log.debug("Redis took no message of the adapter", { error });
  const client: StreamClient = {
    duplicate: () => client,
    connect: () => Promise.resolve(),
    disconnect() {},
    on() {},
    sSubscribe() {},
    // the link reads, and hands over what it hears
    xRead: () => new Promise(() => {}),
    xAdd: (_stream, _id, fields) =>
      new Promise((resolve, reject) => {
        link.send(fields, {
          deliver: (position) =>
            position === undefined ? reject(new Error("The fleet cannot be reached")) : resolve(position),
        });
      }),
    publish: (channel, payload) => redis.publish(channel, payload).catch(ignore),
    subscribe(channels, listener) {
      for (const channel of channels) {
        const listen = ({ buffer, byteOffset, byteLength }: Uint8Array): void =>
          listener(Buffer.from(buffer, byteOffset, byteLength));
        subscriber.subscribe(channel, listen).catch(ignore);
      }
    },
    async sendCommand(args) {
      const channel = args.at(-1)!;
      try {
        const replies = await redis.sendToMasters(args) as [string, number][];
        return [channel, replies.reduce((sum, [, count]) => sum + Number(count), 0)];
      } catch (error) {
        ignore(error);
        // alone, as far as can be told
        return [channel, 1];
      }
    },
  };
  return client;
}
