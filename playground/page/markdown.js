/**
 * Discord's markdown as DOM nodes. Two steps: a text becomes a tree of plain values, and the tree becomes nodes, so that
 * nothing anybody writes is ever read as HTML. Links go to http and https only.
 *
 * @typedef {{type: string, children?: Piece[], text?: string, [key: string]: any}} Piece
 *
 * @typedef {object} Names what mentions and times are called
 * @property {(id: string) => {name: string, colour: string | null, isMe: boolean}} user
 * @property {(id: string) => {name: string, colour: string | null}} role
 * @property {(id: string) => {name: string, isKnown: boolean}} channel
 * @property {(id: string) => void} openChannel
 * @property {(guildId: string, channelId: string, messageId: string | null) => boolean} openPlace whether it is here
 */

import { h } from "./element.js";
import { inStyle } from "./clock.js";

const MOST_NESTED = 10;

/** @param {string} text @param {Names} names @returns {HTMLElement} */
export function markdown(text, names) {
  return h("div", { class: "markdown" }, blocks(text, 0).map((piece) => node(piece, names)));
}

/** Only what stays within a line: for titles and quotes. @param {string} text @param {Names} names @returns {Node[]} */
export function inlineMarkdown(text, names) {
  return inline(text.replace(/\s*\n\s*/g, " "), 0).map((piece) => node(piece, names));
}

/** The words alone, for names and announcements. @param {string} text @param {Names} names @returns {string} */
export function plainText(text, names) {
  return markdown(text, names).textContent ?? "";
}

// Lines.

const FENCE = /^```(?:([\w+#.-]{1,30})\n)?\n?([\s\S]+?)\n?```[ \t]*\n?/;
const HEADING = /^(#{1,3}) +(\S.*)$/;
const SMALL = /^-# +(\S.*)$/;
const QUOTE = /^> ?(.*)$/;
const ITEM = /^( *)([-*]|\d{1,9}\.) +(\S.*)$/;

/** @param {string} text @param {number} depth @returns {Piece[]} */
export function blocks(text, depth) {
  /** @type {Piece[]} */
  const found = [];
  /** @type {string[]} */
  let paragraph = [];
  const end = () => {
    if (paragraph.length) found.push({ type: "lines", children: inline(paragraph.join("\n"), depth) });
    paragraph = [];
  };
  let rest = text;
  while (rest.length) {
    const fence = FENCE.exec(rest);
    if (fence) {
      end();
      found.push({ type: "code", text: fence[2], language: fence[1] ?? "" });
      rest = rest.slice(fence[0].length);
      continue;
    }
    const stop = rest.indexOf("\n");
    const line = stop < 0 ? rest : rest.slice(0, stop);
    const after = stop < 0 ? "" : rest.slice(stop + 1);
    const within = line.indexOf("```");
    if (within > 0 && FENCE.test(rest.slice(within))) {
      paragraph.push(line.slice(0, within));
      rest = rest.slice(within);
      continue;
    }
    const block = depth < MOST_NESTED ? blockAt(rest, line, after, depth) : null;
    if (block) {
      end();
      found.push(block.piece);
      rest = block.rest;
    } else {
      paragraph.push(line);
      rest = after;
    }
  }
  end();
  return found;
}

/**
 * @param {string} rest @param {string} line @param {string} after @param {number} depth
 * @returns {{piece: Piece, rest: string} | null}
 */
function blockAt(rest, line, after, depth) {
  if (rest.startsWith(">>> ")) return { piece: { type: "quote", children: blocks(rest.slice(4), depth + 1) }, rest: "" };
  const heading = HEADING.exec(line);
  if (heading) return { piece: { type: `h${heading[1].length}`, children: inline(heading[2], depth) }, rest: after };
  const small = SMALL.exec(line);
  if (small) return { piece: { type: "small", children: inline(small[1], depth) }, rest: after };
  if (line.startsWith("> ") || line === ">") {
    const [lines, left] = takeLines(rest, (one) => one.startsWith("> ") || one === ">");
    const quoted = lines.map((one) => QUOTE.exec(one)?.[1] ?? "").join("\n");
    return { piece: { type: "quote", children: blocks(quoted, depth + 1) }, rest: left };
  }
  if (ITEM.test(line)) {
    const [lines, left] = takeLines(rest, (one) => ITEM.test(one));
    return { piece: list(lines, depth), rest: left };
  }
  return null;
}

/** @param {string} text @param {(line: string) => boolean} belongs @returns {[string[], string]} lines, and what is left */
function takeLines(text, belongs) {
  const lines = text.split("\n");
  const count = lines.findIndex((line) => !belongs(line));
  return count < 0 ? [lines, ""] : [lines.slice(0, count), lines.slice(count).join("\n")];
}

/** @param {string[]} lines @param {number} depth @returns {Piece} items; what stands further in belongs to the one before */
function list(lines, depth) {
  const items = lines.map((line) => /** @type {RegExpExecArray} */ (ITEM.exec(line)));
  const margin = items[0][1].length;
  const isNumbered = items[0][2].endsWith(".");
  /** @type {Piece[]} */
  const children = [];
  for (let index = 0; index < items.length; index += 1) {
    const inner = [];
    const item = items[index];
    while (index + 1 < items.length && items[index + 1][1].length > margin) inner.push(lines[(index += 1)]);
    const nested = inner.length && depth < MOST_NESTED ? [list(inner, depth + 1)] : [];
    children.push({ type: "item", children: [...inline(item[3], depth), ...nested] });
  }
  return { type: isNumbered ? "numbered" : "bulleted", start: Number.parseInt(items[0][2], 10) || 1, children };
}

// Within a line. The first rule that fits at a place wins.

const URL_END = /[.,:;"'!?]+$/;

/** @type {[RegExp, (found: RegExpExecArray, depth: number) => Piece | null][]} */
const RULES = [
  [/\\([^\w\s])/y, (found) => ({ type: "text", text: found[1] })],
  [/(`+)([\s\S]*?[^`])\1(?!`)/y, (found) => ({ type: "inlineCode", text: found[2].replace(/^ (.*) $/, "$1") })],
  [/<t:(-?\d{1,15})(?::([tTdDfFR]))?>/y, (found) => ({ type: "time", seconds: Number(found[1]), style: found[2] ?? "f" })],
  [/<@!?(\d{1,20})>/y, (found) => ({ type: "user", id: found[1] })],
  [/<@&(\d{1,20})>/y, (found) => ({ type: "role", id: found[1] })],
  [/<#(\d{1,20})>/y, (found) => ({ type: "channel", id: found[1] })],
  [/<\/([^:<>\n]{1,100}):(\d{1,20})>/y, (found) => ({ type: "command", text: `/${found[1]}` })],
  [/<a?:(\w{2,32}):(\d{1,20})>/y, (found) => ({ type: "emoji", text: `:${found[1]}:` })],
  [/@(?:everyone|here)\b/y, (found) => ({ type: "everyone", text: found[0] })],
  [/<(https?:\/\/[^\s<>]+)>/y, (found) => link(found[1], null)],
  [/\[((?:\\.|[^[\]\\\n]){1,500})\]\(<?(https?:\/\/[^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)*)>?\)/y, (found, depth) =>
    link(found[2], inline(found[1], depth + 1))],
  [/https?:\/\/[^\s<>|]+/y, (found) => link(trimmed(found[0]), null, trimmed(found[0]).length)],
  [/\|\|([\s\S]+?)\|\|/y, (found, depth) => ({ type: "spoiler", children: inline(found[1], depth + 1) })],
  [/\*\*\*(?=\S)([\s\S]+?)\*\*\*(?!\*)/y, (found, depth) => ({
    type: "bold", children: [{ type: "italic", children: inline(found[1], depth + 2) }],
  })],
  [/\*\*([\s\S]+?)\*\*(?!\*)/y, (found, depth) => ({ type: "bold", children: inline(found[1], depth + 1) })],
  [/__([\s\S]+?)__(?!_)/y, (found, depth) => ({ type: "underline", children: inline(found[1], depth + 1) })],
  [/~~([\s\S]+?)~~(?!~)/y, (found, depth) => ({ type: "strike", children: inline(found[1], depth + 1) })],
  [/\*(?=\S)((?:\*\*|\\[\s\S]|[^*\\])+?)(?<=\S)\*(?!\*)/y, (found, depth) => ({
    type: "italic", children: inline(found[1], depth + 1),
  })],
  [/\b_((?:__|\\[\s\S]|[^_\\])+?)_\b(?!_)/y, (found, depth) => ({ type: "italic", children: inline(found[1], depth + 1) })],
];
const MAY_BEGIN = /[\\`<@[h|*_~]/g;

/** @param {string} text @param {number} depth @returns {Piece[]} */
export function inline(text, depth) {
  if (depth > MOST_NESTED) return [{ type: "text", text }];
  /** @type {Piece[]} */
  const found = [];
  let plain = 0;
  let at = next(text, 0);
  while (at < text.length) {
    const fit = firstFit(text, at, depth);
    if (fit === null) {
      at = next(text, at + 1);
      continue;
    }
    if (at > plain) found.push({ type: "text", text: text.slice(plain, at) });
    found.push(fit.piece);
    plain = at + fit.length;
    at = next(text, plain);
  }
  if (plain < text.length) found.push({ type: "text", text: text.slice(plain) });
  return found;
}

/** @param {string} text @param {number} at @param {number} depth @returns {{piece: Piece, length: number} | null} */
function firstFit(text, at, depth) {
  for (const [rule, make] of RULES) {
    rule.lastIndex = at;
    const found = rule.exec(text);
    const piece = found && make(found, depth);
    if (found && piece) return { piece, length: piece.length ?? found[0].length };
  }
  return null;
}

/** @param {string} text @param {number} from @returns {number} the next place where a rule may fit */
function next(text, from) {
  MAY_BEGIN.lastIndex = from;
  return MAY_BEGIN.exec(text)?.index ?? text.length;
}

/** @param {string} url @returns {string} without the marks of the sentence round it */
function trimmed(url) {
  const bare = url.replace(URL_END, "");
  return bare.endsWith(")") && !bare.includes("(") ? bare.slice(0, -1) : bare;
}

/** @param {string} address @param {Piece[] | null} children @param {number} [length] @returns {Piece | null} */
function link(address, children, length) {
  try {
    const url = new URL(address);
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    return { type: "link", url: url.href, children: children ?? [{ type: "text", text: address }], length };
  } catch {
    return null;
  }
}

// Nodes.

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strike: "s", quote: "blockquote", item: "li", bulleted: "ul", small: "p",
  h1: "h3", h2: "h4", h3: "h5", // the page has headings of its own above
};
const PLACE = /^https:\/\/(?:\w+\.)?discord\.com\/channels\/(\d+|@me)\/(\d+)(?:\/(\d+))?$/;

/** @param {Piece} piece @param {Names} names @returns {Node} */
function node(piece, names) {
  const children = (piece.children ?? []).map((child) => node(child, names));
  switch (piece.type) {
    case "text":
      return document.createTextNode(piece.text ?? "");
    case "lines":
      return h("span", { class: "lines" }, children);
    case "code":
      return h("pre", { class: "code", tabindex: "0" }, h("code", {}, piece.text));
    case "inlineCode":
      return h("code", { class: "inline-code" }, piece.text);
    case "numbered":
      return h("ol", { start: piece.start }, children);
    case "link":
      return anchor(piece.url, children, names);
    case "spoiler":
      return spoiler(children);
    case "time":
      return time(piece.seconds, piece.style);
    case "user":
      return mention(`@${names.user(piece.id).name}`, names.user(piece.id).isMe ? "mention mention-me" : "mention");
    case "role":
      return mention(`@${names.role(piece.id).name}`, "mention", names.role(piece.id).colour);
    case "everyone":
      return mention(piece.text ?? "", "mention mention-me");
    case "channel":
      return channel(piece.id, names);
    case "command":
      return mention(piece.text ?? "", "mention");
    case "emoji":
      return h("span", { class: "emoji-name" }, piece.text);
    default:
      return h(TAGS[piece.type] ?? "span", { class: `md-${piece.type}` }, children);
  }
}

/** @param {string} url @param {Node[]} children @param {Names} names @returns {HTMLElement} */
export function anchor(url, children, names) {
  const place = PLACE.exec(url);
  const follow = (/** @type {Event} */ event) => {
    if (place && names.openPlace(place[1], place[2], place[3] ?? null)) event.preventDefault();
  };
  const attributes = { href: url, target: "_blank", rel: "noopener noreferrer nofollow", title: url };
  return h("a", { ...attributes, on: { click: follow } }, children);
}

/** @param {string} text @param {string} look @param {string | null} [colour] @returns {HTMLElement} */
function mention(text, look, colour = null) {
  return h("span", { class: look, style: colour ? { "--mention-colour": colour } : {} }, text);
}

/** @param {string} id @param {Names} names @returns {HTMLElement} */
function channel(id, names) {
  const { name, isKnown } = names.channel(id);
  if (!isKnown) return h("span", { class: "mention" }, `#${name}`);
  return h("button", { class: "mention", type: "button", on: { click: () => names.openChannel(id) } }, `#${name}`);
}

/** @param {Node[]} children @returns {HTMLElement} */
function spoiler(children) {
  const inner = h("span", { class: "spoiler-words", "aria-hidden": "true" }, children);
  const cover = h("span", {
    class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler: press to reveal",
  }, inner);
  const reveal = (/** @type {Event} */ event) => {
    if (event instanceof KeyboardEvent && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    cover.replaceWith(h("span", { class: "spoiler spoiler-open" }, ...children));
  };
  cover.addEventListener("click", reveal);
  cover.addEventListener("keydown", reveal);
  return cover;
}

/** @param {number} seconds @param {string} style @returns {HTMLElement} */
function time(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h("span", { class: "timestamp" }, "Invalid Date");
  const now = new Date();
  const attributes = { class: "timestamp", datetime: date.toISOString(), title: inStyle(date, "F", now) };
  return h("time", attributes, inStyle(date, style, now));
}
