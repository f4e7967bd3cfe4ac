/** Identifiers as branded strings: each kind has one constructor, and a string from outside is none of them. */
import { ProtocolError } from "./codes.ts";

/** Where the kind of an id stands; at run time nothing is there. */
export declare const brand: unique symbol;
/** Text that was checked to be an id of one kind. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A user's id: the token's `sub` or `id`. */
export type UserId = Branded<"UserId">;
/** A session's id: the Socket.IO socket id, kept through a recovery. */
export type SessionId = Branded<"SessionId">;
/** A server process's id, new at every start. */
export type NodeId = Branded<"NodeId">;
/** A channel's id. */
export type ChannelId = Branded<"ChannelId">;
/** A message's id: a ULID, so that ids sort by time. */
export type MessageId = Branded<"MessageId">;
/** A note's id. */
export type NoteId = Branded<"NoteId">;

/** The longest id, in UTF-16 code units. */
export const MAX_ID_LENGTH = 200;
// no control characters, and no half of a surrogate pair: such a string cannot be stored and read back unchanged
const UNSAFE = /\p{Cc}|\p{Cs}/u;

/** Whether `value` is text that can be an id. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_LENGTH && !UNSAFE.test(value);
}

function constructor<Id extends string>(what: string): (value: unknown) => Id {
  return (value) => {
    if (isId(value)) return value as Id;
    throw new ProtocolError("request/invalid", `A ${what} must be text of 1 to ${MAX_ID_LENGTH} characters.`);
  };
}

/** Each throws `request/invalid` unless `value` is printable text of 1–200 characters. */
export const userId: (value: unknown) => UserId = constructor("user id");
export const sessionId: (value: unknown) => SessionId = constructor("session id");
export const nodeId: (value: unknown) => NodeId = constructor("node id");
export const channelId: (value: unknown) => ChannelId = constructor("channel id");
export const messageId: (value: unknown) => MessageId = constructor("message id");
