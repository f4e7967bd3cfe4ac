/** The names of Socket.IO rooms (contract §5), spelled in this one place. */
import type { ChannelId, DocumentId, NoteId, UserId } from "./ids.ts";

/** All sessions of a user. */
export function userRoom(id: UserId): string {
  return `user:${id}`;
}

/** All sessions of a channel's members. */
export function channelRoom(id: ChannelId): string {
  return `channel:${id}`;
}

/** All sessions that joined a note. */
export function noteRoom(id: NoteId): string {
  return `note:${id}`;
}

/** All sessions that have a document open. */
export function documentRoom(id: DocumentId): string {
  return `doc_${id}`;
}
