/**
 * What the acting person sees, kept true by events. Knows no screen: views listen to its topics.
 *
 * Topics: `everything` (loaded anew), `channels`, `members`, `message` ({channelId, id, kind}), `typing`, `bot`, `faults`,
 * `scenes`, `loop`, `commands`, `unread`, `place` (another channel is looked at), `event` (each event as it came).
 */

import { ChannelType, compareIds, emojiKey, isThread, nameOf } from "./discord.js";
import { Timeline } from "./timeline.js";

const TYPING_MS = 10_000;
const LOADED_AT_ONCE = 50;
const MOST_LOADED = 3000;
const MOST_KEPT_ELSEWHERE = 300;

export class State extends EventTarget {
  /** @type {import("./discord.js").Person | null} */
  me = null;
  /** @type {import("./discord.js").Person[]} */
  people = [];
  application = { id: "", user: { id: "", username: "" } };
  guild = { id: "", name: "", owner_id: "" };
  /** @type {Map<string, import("./discord.js").Role>} */
  roles = new Map();
  /** @type {Map<string, import("./discord.js").Member>} */
  members = new Map();
  /** @type {Map<string, import("./discord.js").Channel>} text channels, threads and the direct talk */
  channels = new Map();
  /** @type {Map<string, Timeline>} */
  timelines = new Map();
  /** @type {Map<string, Map<string, number>>} channel, then user, to when it ends */
  typing = new Map();
  bot = { connected: false, sessions: 0 };
  /** @type {Record<string, any>[]} */
  faults = [];
  /** @type {import("./scenes.js").Scene[]} */
  scenes = [];
  /** The scene that is on. @type {import("./scenes.js").Playing | null} */
  playing = null;
  /** @type {Record<string, string>} */
  notices = {};
  /** @type {Record<string, any> | null} */
  loop = null;
  /** @type {string | null} */
  channelId = null;
  /** Events up to this one are contained. */
  event = 0;
  /** What each person has read, by channel: kept while the page is open. @type {Map<string, Map<string, string>>} */
  #read = new Map();
  /** The newest message there was when the page was opened: what is older counts as read. */
  #baseline = "";
  /** Notes that were waved away. @type {Set<string>} */
  #dismissed = new Set();

  /** @param {string} topic @param {(detail: any) => void} listener @returns {() => void} stops listening */
  on(topic, listener) {
    const hear = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(topic, hear);
    return () => this.removeEventListener(topic, hear);
  }

  /** @param {string} topic @param {unknown} [detail] */
  #tell(topic, detail) {
    this.dispatchEvent(new CustomEvent(topic, { detail }));
  }

  /** Take in the answer of `GET /play/state?as=…`. @param {Record<string, any>} answer */
  load(answer) {
    this.event = answer.event;
    this.me = answer.me;
    this.people = answer.people;
    this.application = answer.application;
    this.guild = answer.guild;
    this.roles = new Map(answer.guild.roles.map((role) => [role.id, role]));
    this.members = new Map(answer.guild.members.map((member) => [member.user.id, member]));
    const channels = [...answer.guild.channels, ...(answer.guild.threads ?? []), ...answer.dms];
    this.channels = new Map(channels.map((channel) => [channel.id, channel]));
    this.timelines = new Map(
      channels.map(({ id }) => {
        const messages = (answer.messages[id] ?? []).filter((message) => !this.#dismissed.has(message.id));
        return [id, new Timeline(messages, messages.length >= LOADED_AT_ONCE)];
      }),
    );
    this.typing.clear();
    this.bot = answer.bot;
    this.faults = answer.faults;
    this.scenes = answer.scenes;
    this.playing = answer.playing;
    this.notices = answer.notices ?? {};
    if (!this.#baseline) this.#baseline = this.#newestOfAll();
    if (this.channelId === null || !this.channels.has(this.channelId)) this.channelId = this.#firstChannel();
    this.#tell("everything");
    this.markRead();
  }

  /** Look at another channel. @param {string} channelId */
  goTo(channelId) {
    if (!this.channels.has(channelId)) return;
    this.channelId = channelId;
    this.#tell("place");
    this.markRead();
  }

  /** @returns {import("./discord.js").Channel | undefined} what is looked at */
  get channel() {
    return this.channelId === null ? undefined : this.channels.get(this.channelId);
  }

  /** @returns {Timeline} of what is looked at */
  get timeline() {
    return this.timelines.get(this.channelId ?? "") ?? new Timeline([], false);
  }

  /** @returns {import("./discord.js").Channel[]} in the order of the server */
  get textChannels() {
    const isText = ({ type }) => type === ChannelType.TEXT || type === ChannelType.NEWS;
    return [...this.channels.values()].filter(isText).sort((one, other) => (one.position ?? 0) - (other.position ?? 0));
  }

  /** @param {string} parentId @returns {import("./discord.js").Channel[]} */
  threadsOf(parentId) {
    return [...this.channels.values()].filter((channel) => isThread(channel) && channel.parent_id === parentId);
  }

  /** @returns {import("./discord.js").Channel | undefined} the direct talk with the bot */
  get dm() {
    return [...this.channels.values()].find(({ type }) => type === ChannelType.DM);
  }

  /** @param {import("./discord.js").Channel} channel @returns {string} */
  channelName(channel) {
    return channel.type === ChannelType.DM ? nameOf(this.application.user) : channel.name ?? "unknown";
  }

  /** @param {import("./discord.js").User} user @returns {string} */
  nameOf(user) {
    return nameOf(user, this.members.get(user.id));
  }

  /** @param {string} userId @returns {import("./discord.js").User | undefined} */
  user(userId) {
    return this.members.get(userId)?.user ?? (userId === this.application.user.id ? this.application.user : undefined);
  }

  /** @param {string} userId @returns {import("./discord.js").Role[]} the highest first, without the one that all have */
  rolesOf(userId) {
    const held = (this.members.get(userId)?.roles ?? []).map((id) => this.roles.get(id)).filter((role) => role);
    return held.sort((one, other) => other.position - one.position);
  }

  /** @param {string} userId @returns {number} the colour of somebody's name; 0: none */
  colourOf(userId) {
    return this.rolesOf(userId).find((role) => role.color)?.color ?? 0;
  }

  /** @param {string} channelId @returns {{count: number, mentions: number}} of what the person has not read there */
  unread(channelId) {
    const since = this.#readUpTo(channelId);
    const fresh = (this.timelines.get(channelId)?.messages ?? []).filter(
      (message) => compareIds(message.id, since) > 0 && message.author.id !== this.me?.user.id,
    );
    return { count: fresh.length, mentions: fresh.filter((message) => this.mentionsMe(message)).length };
  }

  /** @param {string} channelId @returns {string | null} the first message there that the person has not read */
  firstUnread(channelId) {
    const since = this.#readUpTo(channelId);
    const messages = this.timelines.get(channelId)?.messages ?? [];
    const first = messages.find(({ id, author }) => compareIds(id, since) > 0 && author.id !== this.me?.user.id);
    return first?.id ?? null;
  }

  /** @param {import("./discord.js").Message} message @returns {boolean} */
  mentionsMe(message) {
    const mine = this.members.get(this.me?.user.id ?? "")?.roles ?? [];
    return (
      message.mentions.some((user) => user.id === this.me?.user.id) ||
      Boolean(message.mention_everyone) ||
      (message.mention_roles ?? []).some((role) => mine.includes(role))
    );
  }

  /** What is looked at counts as read, while the page is looked at. */
  markRead() {
    const newest = this.timeline.newestId;
    if (this.channelId === null || newest === undefined || document.hidden) return;
    this.#readBy(this.me?.user.id ?? "").set(this.channelId, newest);
    this.#tell("unread");
  }

  /** Wave a note away that only this person sees. @param {string} channelId @param {string} id */
  dismiss(channelId, id) {
    this.#dismissed.add(id);
    this.#remove(channelId, id);
  }

  /** A thread or direct talk that the person has just opened. @param {import("./discord.js").Channel} channel */
  takeIn(channel) {
    this.#putChannel(channel);
    this.#tell("channels");
  }

  /** Older messages that were fetched. @param {string} channelId @param {import("./discord.js").Message[]} older */
  takeInOlder(channelId, older) {
    const timeline = this.timelines.get(channelId);
    const isFull = (timeline?.messages.length ?? 0) + older.length > MOST_LOADED;
    timeline?.prepend(older, older.length >= LOADED_AT_ONCE && !isFull);
  }

  /** Who can be acted as. @param {import("./discord.js").Person[]} people */
  setPeople(people) {
    this.people = people;
    this.#tell("members");
  }

  /** How the loop stands. @param {Record<string, any>} loop */
  setLoop(loop) {
    this.loop = loop;
    this.#tell("loop");
  }

  /** Who types in a channel, besides the person. @param {string} channelId @param {number} now @returns {string[]} user ids */
  typingIn(channelId, now) {
    const typing = this.typing.get(channelId) ?? new Map();
    return [...typing].filter(([id, until]) => until > now && id !== this.me?.user.id).map(([id]) => id);
  }

  /** @param {{n: number, t: string, d: any}} event */
  apply(event) {
    if (event.n <= this.event) return;
    this.event = event.n;
    this.#handle(event.t, event.d);
    this.#tell("event", event);
  }

  /** @param {string} name @param {any} d */
  #handle(name, d) {
    switch (name) {
      case "MESSAGE_CREATE":
      case "MESSAGE_UPDATE":
        return this.#putMessage(d, name === "MESSAGE_CREATE");
      case "MESSAGE_DELETE":
        return this.#remove(d.channel_id, d.id);
      case "MESSAGE_DELETE_BULK":
        return d.ids.forEach((id) => this.#remove(d.channel_id, id));
      case "MESSAGE_REACTION_ADD":
        return this.#react(d, 1);
      case "MESSAGE_REACTION_REMOVE":
        return this.#react(d, -1);
      case "MESSAGE_REACTION_REMOVE_ALL":
      case "MESSAGE_REACTION_REMOVE_EMOJI":
        return this.#dropReactions(d);
      case "TYPING_START":
        return this.#startTyping(d);
      case "CHANNEL_CREATE":
      case "CHANNEL_UPDATE":
      case "THREAD_CREATE":
      case "THREAD_UPDATE":
        return this.takeIn(d);
      case "CHANNEL_DELETE":
      case "THREAD_DELETE":
        return this.#dropChannel(d.id);
      case "GUILD_MEMBER_ADD":
      case "GUILD_MEMBER_UPDATE":
        this.members.set(d.user.id, { ...this.members.get(d.user.id), ...d });
        return this.#tell("members");
      case "GUILD_MEMBER_REMOVE":
        this.members.delete(d.user.id);
        return this.#tell("members");
      case "GUILD_ROLE_CREATE":
      case "GUILD_ROLE_UPDATE":
        this.roles.set(d.role.id, d.role);
        return this.#tell("members");
      case "GUILD_ROLE_DELETE":
        this.roles.delete(d.role_id);
        return this.#tell("members");
      case "PLAY_BOT":
        this.bot = d;
        return this.#tell("bot");
      case "PLAY_FAULTS":
        this.faults = d.faults;
        return this.#tell("faults");
      case "PLAY_SCENE":
        this.playing = d.playing;
        return this.#tell("scenes");
      case "PLAY_LOOP":
        return this.setLoop(d);
      case "PLAY_COMMANDS":
        return this.#tell("commands");
      default:
        return undefined;
    }
  }

  /** @param {import("./discord.js").Message} message @param {boolean} isNew */
  #putMessage(message, isNew) {
    const timeline = this.timelines.get(message.channel_id);
    if (timeline === undefined || this.#dismissed.has(message.id)) return undefined;
    const known = timeline.get(message.id);
    const outcome = timeline.put(known ? { ...known, ...message } : message);
    if (outcome === "unseen") return undefined;
    if (isNew) this.typing.get(message.channel_id)?.delete(message.author.id);
    this.#tell("message", { channelId: message.channel_id, id: message.id, kind: outcome });
    if (isNew) {
      this.#tell("typing");
      if (message.channel_id === this.channelId) return this.markRead();
      timeline.trim(MOST_KEPT_ELSEWHERE);
      this.#tell("unread");
    }
    return undefined;
  }

  /** @param {string} channelId @param {string} id */
  #remove(channelId, id) {
    if (this.timelines.get(channelId)?.remove(id)) this.#tell("message", { channelId, id, kind: "gone" });
  }

  /** @param {any} d @param {number} change */
  #react(d, change) {
    const message = this.timelines.get(d.channel_id)?.get(d.message_id);
    if (message === undefined) return;
    const key = emojiKey(d.emoji);
    const isMine = d.user_id === this.me?.user.id;
    const reactions = message.reactions ?? [];
    const known = reactions.find((reaction) => emojiKey(reaction.emoji) === key);
    const before = known ?? { emoji: d.emoji, count: 0, me: false };
    const after = { ...before, count: before.count + change, me: isMine ? change > 0 : before.me };
    message.reactions = known ? reactions.map((one) => (one === known ? after : one)) : [...reactions, after];
    message.reactions = message.reactions.filter((one) => one.count > 0);
    this.#tell("message", { channelId: d.channel_id, id: d.message_id, kind: "changed" });
  }

  /** @param {any} d */
  #dropReactions(d) {
    const message = this.timelines.get(d.channel_id)?.get(d.message_id);
    if (message === undefined) return;
    message.reactions = d.emoji
      ? (message.reactions ?? []).filter((one) => emojiKey(one.emoji) !== emojiKey(d.emoji))
      : [];
    this.#tell("message", { channelId: d.channel_id, id: d.message_id, kind: "changed" });
  }

  /** @param {any} d */
  #startTyping(d) {
    if (!this.typing.has(d.channel_id)) this.typing.set(d.channel_id, new Map());
    this.typing.get(d.channel_id)?.set(d.user_id, Date.now() + TYPING_MS);
    this.#tell("typing");
  }

  /** @param {import("./discord.js").Channel} channel */
  #putChannel(channel) {
    const known = this.channels.get(channel.id);
    const parent = this.channels.get(channel.parent_id ?? "");
    const permissions = channel.permissions ?? known?.permissions ?? (isThread(channel) ? parent?.permissions : undefined);
    this.channels.set(channel.id, { ...known, ...channel, permissions });
    if (!this.timelines.has(channel.id)) this.timelines.set(channel.id, new Timeline([], false));
  }

  /** @param {string} id */
  #dropChannel(id) {
    this.channels.delete(id);
    this.timelines.delete(id);
    this.#tell("channels");
    if (this.channelId === id) this.goTo(this.#firstChannel() ?? "");
  }

  /** @returns {string | null} where one begins */
  #firstChannel() {
    return (this.textChannels.find(({ name }) => name === "general") ?? this.textChannels[0])?.id ?? null;
  }

  /** @returns {string} */
  #newestOfAll() {
    const newest = [...this.timelines.values()].map((timeline) => timeline.newestId ?? "");
    return newest.sort(compareIds).at(-1) ?? "";
  }

  /** @param {string} personId @returns {Map<string, string>} */
  #readBy(personId) {
    if (!this.#read.has(personId)) this.#read.set(personId, new Map());
    return /** @type {Map<string, string>} */ (this.#read.get(personId));
  }

  /** @param {string} channelId @returns {string} */
  #readUpTo(channelId) {
    return this.#readBy(this.me?.user.id ?? "").get(channelId) ?? this.#baseline;
  }
}
