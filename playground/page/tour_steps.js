/**
 * What the guided tour asks for, in order. Each step says who does it and where, what to do, what to look at, and by which
 * happening it is known to be done.
 *
 * @typedef {{kind: "event", t: string, d: any} | {kind: "outcome", body: any, name: string, outcome: any} | {kind: "loop", loop: any}} Happening
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {string} title
 * @property {string} text
 * @property {string} [as] who must act: a label
 * @property {string} [channel] where
 * @property {string} [say] words to put into the message box
 * @property {string} [fill] words to put into the open form
 * @property {string} [next] the label of the button that goes on, where nothing needs to happen
 * @property {() => Element | null} target what to look at
 * @property {boolean} [needsPanel]
 * @property {(happening: Happening, memory: Record<string, any>) => boolean} isDone
 */

import { everyComponent } from "./components.js";

const GREETING = "@Mynah Hello! How are you today?";
const QUESTION = "@Mynah When is our game night?";
const BETTER = "Game night is on Friday at eight, in the blue room.";
const OTHER_WORDING = "@Mynah What time does game night start?";
const FINAL = new Set(["promoted", "refused", "failed", "cancelled"]);

const composer = () => document.querySelector(".composer-box");

/** @param {string} prefix @returns {() => Element | null} the newest button of its kind, or the message box */
const button = (prefix) => () => [...document.querySelectorAll(`.message button[data-custom-id^="${prefix}"]`)].at(-1) ?? composer();

/** @param {Happening} happening @returns {any} a message of the bot that carries its answer's buttons */
function answerIn(happening) {
  if (happening.kind !== "event" || !happening.t.startsWith("MESSAGE_") || !happening.d.author?.bot) return null;
  const hasVotes = everyComponent(happening.d.components ?? []).some(({ custom_id: id }) => id?.startsWith("mynah:vote:"));
  return hasVotes ? happening.d : null;
}

/** @param {Happening} happening @param {...string} prefixes @returns {boolean} whether one of these buttons was pressed */
function wasPressed(happening, ...prefixes) {
  return happening.kind === "outcome" && happening.body.type === 3 && happening.outcome.kind === "answered" &&
    prefixes.some((prefix) => happening.name.startsWith(prefix));
}

/** @param {Happening} happening @param {string} name @returns {boolean} whether a command was used */
function wasUsed(happening, name) {
  return happening.kind === "outcome" && happening.body.type === 2 && happening.outcome.kind === "answered" && happening.name === name;
}

/** @param {Happening} happening @param {RegExp} words @returns {boolean} */
function botSaid(happening, words) {
  return happening.kind === "event" && happening.t.startsWith("MESSAGE_") && Boolean(happening.d.author?.bot) && words.test(happening.d.content ?? "");
}

/** @type {Step[]} */
export const STEPS = [
  {
    id: "talk",
    title: "Say hello",
    text: "You are a member of this server. Mention Mynah and it answers; its words stream in, as they would in Discord. The model is tiny: it chats, and knows nothing about the world.",
    as: "member",
    channel: "general",
    say: GREETING,
    target: composer,
    isDone: (happening) => answerIn(happening) !== null,
  },
  {
    id: "vote",
    title: "Tell it whether that was good",
    text: "Under each answer are 👍, 👎 and ✏️. Press 👍. Votes decide what moderators look at first; they teach nothing by themselves.",
    as: "member",
    channel: "general",
    target: button("mynah:vote:up"),
    isDone: (happening) => wasPressed(happening, "mynah:vote:up"),
  },
  {
    id: "learning",
    title: "Turn learning on",
    text: "Now you are an admin. Nothing is learnt until one of them turns it on. Use /learning on, read what Discord demands, and confirm. In this playground nobody's Discord content is used.",
    as: "admin",
    channel: "general",
    say: "/learning on",
    target: button("mynah:learning:confirm"),
    isDone: (happening) => wasPressed(happening, "mynah:learning:confirm") || botSaid(happening, /learning is on/i),
  },
  {
    id: "consent",
    title: "Allow it for yourself",
    text: "Back to the member. The server's yes is not yours: each person says yes for themselves, and absent means no. Use /privacy allow.",
    as: "member",
    channel: "general",
    say: "/privacy allow",
    target: composer,
    isDone: (happening) => wasUsed(happening, "/privacy allow") || wasPressed(happening, "mynah:consent:allow"),
  },
  {
    id: "ask",
    title: "Ask what it cannot know",
    text: "Ask about something that only your community knows. Mynah will babble: nobody has taught it yet.",
    as: "member",
    channel: "chat-with-mynah",
    say: QUESTION,
    target: composer,
    isDone(happening, memory) {
      const answer = answerIn(happening);
      if (answer) memory.before = answer.content;
      return answer !== null;
    },
  },
  {
    id: "better",
    title: "Give a better answer",
    text: `Press ✏️ and write what it should have said, for example: “${BETTER}”`,
    as: "member",
    channel: "chat-with-mynah",
    fill: BETTER,
    target: () => document.querySelector("dialog[open] textarea") ?? button("mynah:better:")(),
    isDone: (happening) => botSaid(happening, /waits for a moderator/i),
  },
  {
    id: "review",
    title: "Review it as a moderator",
    text: "Your example waits. You are a moderator now: /review queue shows what waits, the most useful first. Nobody reviews their own words. Approve it.",
    as: "moderator",
    channel: "moderators",
    say: "/review queue",
    target: button("mynah:review:yes"),
    isDone: (happening) => wasPressed(happening, "mynah:review:yes"),
  },
  {
    id: "retrain",
    title: "Train a new version",
    text: "An admin can start training at any time; otherwise it runs on a clock. Use /retrain now.",
    as: "admin",
    channel: "general",
    say: "/retrain now",
    target: composer,
    isDone: (happening) => wasUsed(happening, "/retrain now"),
  },
  {
    id: "watch",
    title: "Watch it learn",
    text: "The trainer is a process of its own. It starts from the frozen base, learns what was approved, and must then prove itself. This takes a minute or two; talk on meanwhile if you like.",
    as: "admin",
    channel: "general",
    needsPanel: true,
    target: () => document.querySelector(".panel-run"),
    isDone(happening) {
      const run = happening.kind === "loop" ? happening.loop?.status?.last_run : null;
      return Boolean(run && FINAL.has(run.state));
    },
  },
  {
    id: "report",
    title: "Read its report card",
    text: "Every run ends in a report: what it learnt from, the figures before and after, each check of the gate, and replies side by side. The gate can only refuse.",
    as: "admin",
    channel: "general",
    next: "I have read it",
    target: () => [...document.querySelectorAll(".embed")].at(-1) ?? null,
    isDone: () => false,
  },
  {
    id: "again",
    title: "Ask again, in other words",
    text: "The new version answers already; nobody's talk was interrupted. Ask in another channel, where Mynah remembers nothing of before.",
    as: "member",
    channel: "games",
    say: OTHER_WORDING,
    target: composer,
    isDone(happening, memory) {
      const answer = answerIn(happening);
      if (answer) memory.after = answer.content;
      return answer !== null;
    },
  },
  {
    id: "rollback",
    title: "Take it back",
    text: "If a server does not like what Mynah became, one command gives the place back to the version before. Use /model rollback, and confirm.",
    as: "admin",
    channel: "general",
    say: "/model rollback",
    target: button("mynah:model:rollback"),
    isDone: (happening) => wasPressed(happening, "mynah:model:rollback", "mynah:model:undo"),
  },
  {
    id: "forget",
    title: "Be forgotten",
    text: "Everyone can take their words back. /privacy forget deletes them after asking once more, and gives a receipt: what was deleted, and which versions had learnt from it.",
    as: "member",
    channel: "general",
    say: "/privacy forget",
    target: button("mynah:forget:delete"),
    isDone: (happening) => wasPressed(happening, "mynah:forget:delete", "mynah:forget:tell"),
  },
  {
    id: "fault",
    title: "Break something",
    text: "Press “Cut the connection” in the panel. The bot notices, resumes where it was, and misses nothing. The other faults are yours to try.",
    needsPanel: true,
    target: () => document.querySelector('[data-fault="drop"]'),
    isDone(happening, memory) {
      if (happening.kind !== "event" || happening.t !== "PLAY_BOT") return false;
      const isBack = happening.d.connected && memory.wasCut;
      memory.wasCut = !happening.d.connected;
      return Boolean(isBack);
    },
  },
];
