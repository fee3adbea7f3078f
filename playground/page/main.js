/** Puts the page together: what is known, who acts, and what is seen. */

import { Announcer } from "./announcer.js";
import { Api } from "./api.js";
import { ChatHead } from "./chat_head.js";
import { Commands } from "./commands.js";
import { Composer } from "./composer.js";
import { h } from "./element.js";
import { FaultBoard } from "./faults.js";
import { Interactions } from "./interactions.js";
import { Layout } from "./layout.js";
import { Members } from "./members.js";
import { MessageActions } from "./message_actions.js";
import { MessageList } from "./message_list.js";
import { namesIn } from "./names.js";
import { Panel } from "./panel.js";
import { SceneBoard } from "./scenes.js";
import { Session } from "./session.js";
import { listenForKeys } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { State } from "./state.js";
import { restoreTheme } from "./theme.js";
import { Toasts } from "./toast.js";
import { Tour } from "./tour.js";

const RETRY_MS = 1500;

/** @param {string} id @returns {HTMLElement} */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

restoreTheme();
const api = new Api();
const state = new State();
const toasts = new Toasts(place("toasts"));
const session = new Session(api, state, toasts);
const interactions = new Interactions(api, state);
const commands = new Commands(api, state);
const layout = new Layout(place("app"));
const names = namesIn(state, (channelId, messageId) => {
  state.goTo(channelId);
  if (messageId) list.reveal(messageId);
});
const actions = new MessageActions({ api, state, session, interactions, commands, toasts, names });
const list = new MessageList({ state, names, actions }, api, toasts);
const composer = new Composer({ api, state, commands, actions, interactions, toasts });
const tour = new Tour(place("tour"), { state, interactions, actions, composer, layout });
const head = new ChatHead({ state, session, layout, actions, openTour: () => tour.toggle() });

new Sidebar(place("sidebar"), state, actions);
new Members(place("members"), state, actions);
new Panel(place("panel"), state, [new SceneBoard(api, state, toasts).node, new FaultBoard(api, state, toasts).node]);
new Announcer(place("announcer"), state, names);
place("chat").append(head.node, list.node, composer.node);
listenForKeys(state, composer, list);
listenForFiles(place("chat"));
state.on("place", () => {
  layout.closeDrawers();
  if (!window.matchMedia("(pointer: coarse)").matches) composer.focus();
});
document.addEventListener("visibilitychange", () => state.markRead());
begin();

/** Load the page's world; try again until the server is there. */
async function begin() {
  try {
    await session.begin();
    state.setLoop(await api.loop());
    tour.begin();
    composer.focus();
  } catch (error) {
    toasts.error(error);
    if (/** @type {any} */ (error).status !== 401) setTimeout(begin, RETRY_MS);
  }
}

/** Files that are dropped on the talk are added to the message. @param {HTMLElement} chat */
function listenForFiles(chat) {
  const hint = h("div", { class: "drop-hint", "aria-hidden": "true" }, "Drop files to add them to your message");
  chat.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    chat.append(hint);
  });
  chat.addEventListener("dragleave", (event) => !chat.contains(/** @type {Node | null} */ (event.relatedTarget)) && hint.remove());
  chat.addEventListener("drop", (event) => {
    event.preventDefault();
    hint.remove();
    composer.addFiles([...(event.dataTransfer?.files ?? [])]);
  });
}
