/** Pictures of people, made of their names: nothing is loaded, and the same person always looks the same. */

import { h } from "./element.js";

const COLOURS = ["#3b6fd4", "#a3458f", "#2f7d5b", "#b4532a", "#6a52c9", "#0f7a8a", "#b03a48", "#7a6a1f"];

/**
 * @param {import("./discord.js").User} user
 * @param {string} name what they are called here
 * @returns {HTMLElement} silent to screen readers: the name stands beside it
 */
export function avatar(user, name) {
  if (user.bot) return h("img", { class: "avatar", src: "/page/mynah.svg", alt: "", draggable: "false" });
  const colour = COLOURS[[...user.id].reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0)) % 9973, 7) % COLOURS.length];
  return h("span", { class: "avatar", "aria-hidden": "true", style: { "background-color": colour } }, initials(name));
}

/** @param {string} name @returns {string} */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter((word) => word);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}
