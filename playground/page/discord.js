/**
 * Discord's own objects, as docs/playground.md sends them, and what can be said of them without knowing anything else.
 *
 * @typedef {{id: string, username: string, global_name?: string | null, bot?: boolean}} User
 * @typedef {{user: User, nick?: string | null, roles: string[]}} Member
 * @typedef {{id: string, name: string, color: number, position: number, hoist: boolean, permissions: string}} Role
 * @typedef {{user: User, member: Member | null, label: string, about: string}} Person
 * @typedef {{id: string, type: number, name?: string, topic?: string | null, parent_id?: string | null,
 *   position?: number, permissions?: string, recipients?: User[]}} Channel
 * @typedef {{id: string | null, name: string}} Emoji
 * @typedef {{emoji: Emoji, count: number, me: boolean}} Reaction
 * @typedef {{id: string, filename: string, url: string, size: number, content_type?: string, description?: string,
 *   width?: number, height?: number}} Attachment
 * @typedef {{id: string, channel_id: string, author: User, content: string, timestamp: string,
 *   edited_timestamp: string | null, flags: number, type: number, mentions: User[], mention_everyone?: boolean,
 *   mention_roles?: string[], attachments: Attachment[], embeds: Record<string, any>[], components: Component[],
 *   reactions?: Reaction[], message_reference?: {message_id?: string}, referenced_message?: Message | null,
 *   interaction_metadata?: Record<string, any>, pinned?: boolean}} Message
 * @typedef {Record<string, any> & {type: number}} Component
 * @typedef {{id: string, type: number, name: string, description: string, options?: Option[]}} Command
 * @typedef {{type: number, name: string, description: string, required?: boolean, autocomplete?: boolean,
 *   choices?: {name: string, value: string | number}[], options?: Option[], min_value?: number, max_value?: number,
 *   min_length?: number, max_length?: number, channel_types?: number[]}} Option
 */

export const ChannelType = Object.freeze({ TEXT: 0, DM: 1, CATEGORY: 4, NEWS: 5, PUBLIC_THREAD: 11, PRIVATE_THREAD: 12 });
export const Flag = Object.freeze({ EPHEMERAL: 64, THINKING: 128, COMPONENTS_V2: 32768 });
export const CommandType = Object.freeze({ SLASH: 1, USER: 2, MESSAGE: 3 });
export const OptionType = Object.freeze({
  SUBCOMMAND: 1, GROUP: 2, TEXT: 3, INTEGER: 4, BOOLEAN: 5, USER: 6, CHANNEL: 7, ROLE: 8, MENTIONABLE: 9, NUMBER: 10, FILE: 11,
});
export const Permission = Object.freeze({
  ADD_REACTIONS: 1n << 6n,
  SEND_MESSAGES: 1n << 11n,
  MANAGE_MESSAGES: 1n << 13n,
  ATTACH_FILES: 1n << 15n,
  CREATE_PUBLIC_THREADS: 1n << 35n,
  SEND_MESSAGES_IN_THREADS: 1n << 38n,
});

export const MAX_CHARACTERS = 2000;
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** @param {string} one @param {string} other @returns {number} the order of two ids, older first */
export function compareIds(one, other) {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** @param {User} user @param {Member | null} [member] @returns {string} what people call somebody */
export function nameOf(user, member = null) {
  return member?.nick || user.global_name || user.username;
}

/** @param {Channel} channel @returns {boolean} */
export function isThread(channel) {
  return channel.type === ChannelType.PUBLIC_THREAD || channel.type === ChannelType.PRIVATE_THREAD;
}

/** @param {Channel} channel @param {bigint} permission @returns {boolean} whether the person may do that there */
export function may(channel, permission) {
  if (channel.type === ChannelType.DM || channel.permissions === undefined) return true;
  return (BigInt(channel.permissions) & permission) === permission;
}

/** @param {number} colour @returns {string | null} as CSS; null for Discord's "no colour" */
export function cssColour(colour) {
  return colour ? `#${colour.toString(16).padStart(6, "0")}` : null;
}

/** @param {Emoji} emoji @returns {string} as the addresses of reactions have it */
export function emojiKey(emoji) {
  return emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name;
}

/**
 * Where an attachment lies on this server, whatever name of the machine its address was written with.
 * @param {string | undefined} url
 * @returns {string | null} null for places that the page does not load from
 */
export function ownAddress(url) {
  if (!url) return null;
  try {
    const parsed = new URL(url, location.origin);
    const isOwn = ["127.0.0.1", "localhost"].includes(parsed.hostname) && parsed.port === location.port;
    return isOwn && parsed.pathname.startsWith("/cdn/") ? parsed.pathname + parsed.search : null;
  } catch {
    return null;
  }
}
