/** Embeds: cards with a coloured edge, all of their parts. Pictures of other machines are linked and not loaded. */

import { picture } from "./attachment.js";
import { moment } from "./clock.js";
import { cssColour, ownAddress } from "./discord.js";
import { h } from "./element.js";
import { anchor, inlineMarkdown, markdown } from "./markdown.js";

const SCHEME = "attachment://";

/**
 * @param {Record<string, any>} embed
 * @param {import("./markdown.js").Names} names
 * @param {import("./discord.js").Attachment[]} attachments of the same message, which pictures may name
 * @returns {HTMLElement}
 */
export function embedNode(embed, names, attachments) {
  const thumbnail = media(embed.thumbnail, "thumbnail", attachments);
  return h(
    "article",
    {
      class: thumbnail ? "embed embed-with-thumbnail" : "embed",
      style: embed.color ? { "border-left-color": cssColour(embed.color) } : {},
    },
    h(
      "div",
      { class: "embed-words" },
      embed.provider?.name && h("div", { class: "embed-provider" }, embed.provider.name),
      embed.author?.name && h("div", { class: "embed-author" }, linked(embed.author.name, embed.author.url, names)),
      embed.title && h("div", { class: "embed-title" }, titled(embed.title, embed.url, names)),
      embed.description && h("div", { class: "embed-description" }, markdown(embed.description, names)),
      embed.fields?.length ? fieldList(embed.fields, names) : null,
    ),
    thumbnail && h("div", { class: "embed-thumbnail" }, thumbnail),
    media(embed.image ?? embed.video, "image", attachments),
    footer(embed),
  );
}

/**
 * Whether an embed shows an attachment, which then is not shown once more below it.
 * @param {import("./discord.js").Attachment} attachment @param {Record<string, any>[]} embeds @returns {boolean}
 */
export function isShownByOne({ filename, url }, embeds) {
  const shown = embeds.flatMap((embed) => [embed.image?.url, embed.thumbnail?.url]);
  return shown.includes(SCHEME + filename) || shown.some((one) => ownAddress(one) !== null && ownAddress(one) === ownAddress(url));
}

/** @param {Record<string, any>[]} fields @param {import("./markdown.js").Names} names @returns {HTMLElement} */
function fieldList(fields, names) {
  return h(
    "dl",
    { class: "embed-fields" },
    fields.map((field) =>
      h(
        "div",
        { class: field.inline ? "embed-field embed-field-inline" : "embed-field" },
        h("dt", {}, inlineMarkdown(field.name, names)),
        h("dd", {}, markdown(field.value, names)),
      ),
    ),
  );
}

/** @param {Record<string, any>} embed @returns {HTMLElement | null} */
function footer(embed) {
  const time = embed.timestamp ? moment(new Date(embed.timestamp), new Date()) : "";
  const words = [embed.footer?.text, time].filter((part) => part).join(" · ");
  return words ? h("div", { class: "embed-footer" }, words) : null;
}

/** @param {string} text @param {string | undefined} url @param {import("./markdown.js").Names} names @returns {Node[]} */
function titled(text, url, names) {
  const words = inlineMarkdown(text, names);
  return isWeb(url) ? [anchor(url, words, names)] : words;
}

/** @param {string} text @param {string | undefined} url @param {import("./markdown.js").Names} names @returns {Node} */
function linked(text, url, names) {
  const words = document.createTextNode(text);
  return isWeb(url) ? anchor(url, [words], names) : words;
}

/**
 * @param {{url?: string, proxy_url?: string, description?: string} | undefined} part
 * @param {string} what
 * @param {import("./discord.js").Attachment[]} attachments
 * @returns {HTMLElement | null}
 */
export function media(part, what, attachments) {
  if (!part?.url) return null;
  const name = part.url.startsWith(SCHEME) ? part.url.slice(SCHEME.length) : null;
  const url = name ? attachments.find(({ filename }) => filename === name)?.url : part.url;
  const address = ownAddress(url);
  const words = part.description || name || what;
  if (address) return h("div", { class: `embed-${what}` }, picture(address, words));
  if (!isWeb(url)) return null;
  const attributes = { class: "picture-elsewhere", href: url, target: "_blank", rel: "noopener noreferrer nofollow" };
  return h("a", attributes, `Picture on another machine: ${new URL(url).hostname}`);
}

/** @param {string | undefined} url @returns {url is string} */
function isWeb(url) {
  return /^https?:\/\//i.test(url ?? "") && URL.canParse(url ?? "");
}
