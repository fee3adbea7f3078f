/** What the ids in a text are called, for the person who reads it. */

import { cssColour } from "./discord.js";

/**
 * @param {import("./state.js").State} state
 * @param {(channelId: string, messageId: string | null) => void} open shows a channel, and a message in it
 * @returns {import("./markdown.js").Names}
 */
export function namesIn(state, open) {
  return {
    user(id) {
      const user = state.user(id);
      return {
        name: user ? state.nameOf(user) : "unknown-user",
        colour: cssColour(state.colourOf(id)),
        isMe: id === state.me?.user.id,
      };
    },
    role(id) {
      const role = state.roles.get(id);
      return { name: role?.name ?? "unknown-role", colour: cssColour(role?.color ?? 0) };
    },
    channel(id) {
      const channel = state.channels.get(id);
      return { name: channel ? state.channelName(channel) : "unknown", isKnown: channel !== undefined };
    },
    openChannel: (id) => open(id, null),
    openPlace(guildId, channelId, messageId) {
      const isHere = state.channels.has(channelId) && (guildId === state.guild.id || guildId === "@me");
      if (isHere) open(channelId, messageId);
      return isHere;
    },
  };
}

/**
 * Words as they were typed, with the ids that Discord wants in place of names.
 * @param {string} text @param {import("./state.js").State} state @returns {string}
 */
export function withIds(text, state) {
  const people = [...state.members.values()].map(({ user }) => [`@${state.nameOf(user)}`, `<@${user.id}>`]);
  const roles = [...state.roles.values()].map((role) => [`@${role.name}`, `<@&${role.id}>`]);
  const channels = [...state.channels.values()].filter((one) => one.name).map((one) => [`#${one.name}`, `<#${one.id}>`]);
  const known = new Map([...channels, ...roles, ...people].filter(([name]) => !name.startsWith("@@")));
  const longestFirst = [...known.keys()].sort((one, other) => other.length - one.length);
  if (!longestFirst.length) return text;
  const anyOf = longestFirst.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const outsideCode = text.split(/(`[^`]*`)/);
  const replaced = outsideCode.map((part, index) =>
    index % 2 ? part : part.replace(new RegExp(`(?<![\\w<])(?:${anyOf})(?![\\w-])`, "g"), (name) => known.get(name) ?? name),
  );
  return replaced.join("");
}

/** The reverse, for editing. @param {string} text @param {import("./markdown.js").Names} names @returns {string} */
export function withNames(text, names) {
  return text.replace(/<(@!?|@&|#)(\d{1,20})>/g, (_, kind, id) => {
    if (kind === "#") return `#${names.channel(id).name}`;
    return kind === "@&" ? `@${names.role(id).name}` : `@${names.user(id).name}`;
  });
}
