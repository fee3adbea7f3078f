/** People, roles and channels to choose from, for options of commands and for selects. */

import { avatar } from "./avatar.js";
import { cssColour } from "./discord.js";
import { h } from "./element.js";
import { icon } from "./icons.js";

/**
 * @param {import("./state.js").State} state
 * @returns {import("./picker.js").Suggestion[]}
 */
export function people(state) {
  return [...state.members.values()].map(({ user }) => ({
    label: `@${state.nameOf(user)}`,
    detail: user.username,
    picture: avatar(user, state.nameOf(user)),
    value: user.id,
  }));
}

/** @param {import("./state.js").State} state @returns {import("./picker.js").Suggestion[]} */
export function roles(state) {
  return [...state.roles.values()]
    .filter((role) => role.id !== state.guild.id)
    .map((role) => ({
      label: `@${role.name}`,
      detail: "role",
      picture: h("span", { class: "role-dot", style: { background: cssColour(role.color) ?? "currentcolor" } }),
      value: role.id,
    }));
}

/** @param {import("./state.js").State} state @param {number[]} [types] only these @returns {import("./picker.js").Suggestion[]} */
export function channels(state, types = []) {
  return [...state.channels.values()]
    .filter((channel) => channel.name && (!types.length || types.includes(channel.type)))
    .map((channel) => ({ label: `#${channel.name}`, detail: channel.topic ?? "", picture: icon("hash"), value: channel.id }));
}
