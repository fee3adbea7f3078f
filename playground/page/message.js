/** One message as a row: who, when, in answer to what, the words, and everything below them. */

import { attachmentList } from "./attachment.js";
import { avatar } from "./avatar.js";
import { moment, timeOfDay, inStyle, isSameDay } from "./clock.js";
import { componentList } from "./components.js";
import { cssColour, emojiKey, Flag } from "./discord.js";
import { h, unseen } from "./element.js";
import { embedNode, isShownByOne } from "./embed.js";
import { icon } from "./icons.js";
import { inlineMarkdown, markdown, plainText } from "./markdown.js";

const GROUP_MS = 7 * 60 * 1000;
const REPLY = 19;
const PLAIN_TYPES = new Set([0, REPLY, 20, 23]);
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic}|\p{Emoji_Modifier})*\s*){1,12}$/u;

/**
 * @typedef {object} Look how a row stands among its neighbours
 * @property {boolean} isGrouped under the name of the row before
 * @property {boolean} beginsDay
 * @property {boolean} beginsNew the first one that was not read
 *
 * @typedef {object} Around
 * @property {import("./state.js").State} state
 * @property {import("./markdown.js").Names} names
 * @property {import("./message_actions.js").MessageActions} actions
 */

/**
 * @param {import("./discord.js").Message} message
 * @param {import("./discord.js").Message | undefined} before
 * @param {string | null} firstNew
 * @returns {Look}
 */
export function lookOf(message, before, firstNew) {
  const time = new Date(message.timestamp);
  const beginsDay = before === undefined || !isSameDay(new Date(before.timestamp), time);
  const beginsNew = message.id === firstNew;
  const isGrouped =
    before !== undefined && !beginsDay && !beginsNew && before.author.id === message.author.id && PLAIN_TYPES.has(before.type) &&
    message.type === 0 && !message.message_reference && !message.interaction_metadata &&
    (before.flags & Flag.EPHEMERAL) === (message.flags & Flag.EPHEMERAL) &&
    time.getTime() - new Date(before.timestamp).getTime() < GROUP_MS;
  return { isGrouped, beginsDay, beginsNew };
}

/**
 * @param {import("./discord.js").Message} message
 * @param {Look} look
 * @param {Around} around
 * @returns {HTMLElement}
 */
export function messageNode(message, look, around) {
  const row = h("li", { class: "message", tabindex: "-1", data: { id: message.id } });
  fillMessage(row, message, look, around);
  return row;
}

/** @param {HTMLElement} row @param {import("./discord.js").Message} message @param {Look} look @param {Around} around */
export function fillMessage(row, message, look, around) {
  const { state } = around;
  const isEphemeral = Boolean(message.flags & Flag.EPHEMERAL);
  row.className = [
    "message",
    look.isGrouped ? "message-grouped" : "message-first",
    isEphemeral && "message-ephemeral",
    state.mentionsMe(message) && message.author.id !== state.me?.user.id && "message-mentions-me",
  ].filter(Boolean).join(" ");
  row.setAttribute("aria-labelledby", `name-${message.id} words-${message.id} time-${message.id}`);
  const body = PLAIN_TYPES.has(message.type) ? plainMessage(message, look, around) : [systemMessage(message, around)];
  row.replaceChildren(...dividers(message, look), ...body.filter((part) => part !== null));
}

/** @param {import("./discord.js").Message} message @param {Look} look @returns {HTMLElement[]} */
function dividers(message, look) {
  const found = [];
  if (look.beginsDay) {
    found.push(h("div", { class: "divider", role: "separator" }, h("span", {}, inStyle(new Date(message.timestamp), "D", new Date()))));
  }
  if (look.beginsNew) found.push(h("div", { class: "divider divider-new", role: "separator", "aria-label": "New messages" }, h("span", {}, "New")));
  return found;
}

/** @param {import("./discord.js").Message} message @param {Look} look @param {Around} around @returns {(HTMLElement | null)[]} */
function plainMessage(message, look, around) {
  const { state, actions } = around;
  const name = state.nameOf(message.author);
  const time = new Date(message.timestamp);
  const stamp = { id: `time-${message.id}`, datetime: message.timestamp, title: inStyle(time, "F", time) };
  const openPerson = (/** @type {Event} */ event) =>
    actions.openPersonMenu(message.author.id, /** @type {Element} */ (event.currentTarget));
  const head = look.isGrouped
    ? [unseenName(message, name), h("time", { ...stamp, class: "gutter-time" }, timeOfDay(time))]
    : [
        h("button", { class: "avatar-button", type: "button", tabindex: "-1", "aria-hidden": "true", on: { click: openPerson } },
          avatar(message.author, name)),
        h("h3", { class: "message-head" },
          h("button", {
            class: "author", type: "button", id: `name-${message.id}`, tabindex: "-1", on: { click: openPerson },
            style: { color: nameColour(message, state) },
          }, name),
          message.author.bot && h("span", { class: "bot-tag" }, "BOT"),
          h("time", stamp, moment(time, new Date()))),
      ];
  return [quoteLine(message, around), ...head, h("div", { class: "message-body", id: `words-${message.id}` }, bodyParts(message, around))];
}

/** @param {import("./discord.js").Message} message @param {string} name @returns {HTMLElement} */
function unseenName(message, name) {
  const node = unseen(`${name} `);
  node.id = `name-${message.id}`;
  return node;
}

/** @param {import("./discord.js").Message} message @param {import("./state.js").State} state @returns {string} */
function nameColour(message, state) {
  const colour = cssColour(state.colourOf(message.author.id));
  return colour ? `color-mix(in oklab, ${colour} 70%, var(--text-strong))` : "var(--text-strong)";
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {(Node | null)[]} */
function bodyParts(message, around) {
  const isThinking = Boolean(message.flags & Flag.THINKING);
  const isV2 = Boolean(message.flags & Flag.COMPONENTS_V2);
  return [
    isThinking ? thinking(around.state.nameOf(message.author)) : words(message, around),
    ...message.embeds.map((embed) => embedNode(embed, around.names, message.attachments)),
    isV2 ? null : attachmentList(message.attachments.filter((attachment) => !isShownByOne(attachment, message.embeds))),
    componentList(message.components ?? [], {
      state: around.state,
      names: around.names,
      message,
      press: (component, values) => around.actions.press(message, component, values),
      isPressed: (customId) => around.actions.isPressed(message.id, customId),
    }),
    failure(message, around),
    reactionList(message, around),
    threadLink(message, around),
    ephemeralNote(message, around),
  ];
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement | null} */
function words(message, around) {
  if (!message.content) return null;
  const node = markdown(message.content, around.names);
  if (ONLY_EMOJI.test(message.content)) node.classList.add("markdown-huge");
  if (message.edited_timestamp) {
    const title = inStyle(new Date(message.edited_timestamp), "F", new Date());
    const mark = h("span", { class: "edited", title }, "(edited)");
    const last = node.lastElementChild;
    (last?.classList.contains("lines") ? last : node).append(" ", mark);
  }
  return node;
}

/** @param {string} name @returns {HTMLElement} */
function thinking(name) {
  return h("div", { class: "thinking" }, dots(), `${name} is thinking…`);
}

/** @returns {HTMLElement} three dots that move */
export function dots() {
  return h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

/** What the message answers: another message, or a command. @param {import("./discord.js").Message} message @param {Around} around */
function quoteLine(message, around) {
  const { state, names, actions } = around;
  const asked = message.interaction_metadata;
  if (asked?.user && message.type !== 0 && message.type !== REPLY) {
    const user = state.user(asked.user.id) ?? asked.user;
    const command = asked.name ? h("span", { class: "mention" }, `${asked.type === 2 && message.type === 20 ? "/" : ""}${asked.name}`) : "a command";
    return h("div", { class: "quote-line" }, avatar(user, state.nameOf(user)), h("strong", {}, state.nameOf(user)), h("span", {}, " used "), command);
  }
  if (!message.message_reference?.message_id || message.type !== REPLY) return null;
  const quoted = state.timelines.get(message.channel_id)?.get(message.message_reference.message_id) ?? message.referenced_message;
  if (!quoted) return h("div", { class: "quote-line" }, h("em", {}, "The message was deleted"));
  const name = state.nameOf(quoted.author);
  const snippet = quoted.content ? inlineMarkdown(quoted.content.slice(0, 300), names) : [h("em", {}, "A card or a file")];
  const isPlain = snippet.every((part) => part instanceof Text || !(/** @type {Element} */ (part).matches("a, button")));
  const shown = isPlain ? snippet : [document.createTextNode(plainText(quoted.content.slice(0, 300), names))];
  return h(
    "div",
    { class: "quote-line" },
    avatar(quoted.author, name),
    h("strong", {}, name),
    h("button", { class: "quote-words", type: "button", tabindex: "-1", "aria-label": `In answer to ${name}: go to that message`,
      on: { click: () => actions.reveal(quoted.id) } }, shown),
  );
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement | null} */
function reactionList(message, { actions }) {
  if (!message.reactions?.length) return null;
  const buttons = message.reactions.map((reaction) =>
    h(
      "button",
      {
        class: reaction.me ? "reaction reaction-mine" : "reaction",
        type: "button",
        "aria-pressed": String(reaction.me),
        "aria-label": `${reaction.emoji.name}, ${reaction.count} ${reaction.count === 1 ? "reaction" : "reactions"}`,
        on: { click: () => actions.react(message, emojiKey(reaction.emoji), !reaction.me) },
      },
      h("span", {}, reaction.emoji.name ?? ""),
      h("span", { class: "reaction-count" }, reaction.count),
    ));
  const add = h("button", { class: "reaction reaction-add", type: "button", "aria-label": "Add a reaction",
    on: { click: (/** @type {Event} */ event) => actions.chooseReaction(message, /** @type {Element} */ (event.currentTarget)) } }, icon("smile"));
  return h("div", { class: "reactions" }, buttons, add);
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement | null} */
function threadLink(message, { state, actions }) {
  const thread = state.channels.get(message.id);
  if (thread === undefined) return null;
  return h("button", { class: "thread-link", type: "button", on: { click: () => actions.openChannel(thread.id) } },
    icon("thread"), h("strong", {}, thread.name ?? "Thread"), h("span", {}, "Open thread"));
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement | null} */
function ephemeralNote(message, { state }) {
  if (!(message.flags & Flag.EPHEMERAL)) return null;
  const dismiss = h("button", { class: "link-button", type: "button", on: { click: () => state.dismiss(message.channel_id, message.id) } }, "Dismiss message");
  return h("p", { class: "ephemeral-note" }, icon("eye"), "Only you can see this", h("span", { "aria-hidden": "true" }, " · "), dismiss);
}

/** @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement | null} */
function failure(message, { actions }) {
  const text = actions.failureOf(message.id);
  return text ? h("p", { class: "component-failure", role: "alert" }, icon("warning"), text) : null;
}

/** What the server itself says. @param {import("./discord.js").Message} message @param {Around} around @returns {HTMLElement} */
function systemMessage(message, { state, names }) {
  const name = h("strong", { id: `name-${message.id}` }, state.nameOf(message.author));
  const said = {
    1: [" added ", message.mentions[0] ? state.nameOf(message.mentions[0]) : "somebody", " to the thread."],
    2: [" removed ", message.mentions[0] ? state.nameOf(message.mentions[0]) : "somebody", " from the thread."],
    4: [" changed the name to ", h("strong", {}, message.content), "."],
    6: [" pinned a message."],
    7: [" joined the server. Say hello!"],
    18: [" began a thread: ", h("strong", {}, message.content), "."],
    21: [" began the thread with: ", ...inlineMarkdown(message.referenced_message?.content ?? "a message", names)],
  }[message.type] ?? [": ", ...inlineMarkdown(message.content || "(a notice)", names)];
  const time = new Date(message.timestamp);
  return h("div", { class: "system" }, icon("right"),
    h("span", { id: `words-${message.id}` }, name, said),
    h("time", { id: `time-${message.id}`, datetime: message.timestamp }, moment(time, new Date())));
}
