/** Files that came with a message: pictures shown, others offered for download. */

import { ownAddress } from "./discord.js";
import { h } from "./element.js";
import { icon } from "./icons.js";

const PICTURE = /\.(png|jpe?g|gif|webp)$/i;

/** @param {import("./discord.js").Attachment[]} attachments @returns {HTMLElement | null} */
export function attachmentList(attachments) {
  if (!attachments.length) return null;
  return h("div", { class: "attachments" }, attachments.map(attachmentNode));
}

/** @param {import("./discord.js").Attachment} attachment @returns {HTMLElement} */
function attachmentNode(attachment) {
  const address = ownAddress(attachment.url);
  const isPicture = (attachment.content_type ?? "").startsWith("image/") || PICTURE.test(attachment.filename);
  if (isPicture && address) return picture(address, attachment.description || attachment.filename);
  const name = h("span", { class: "file-name" }, attachment.filename);
  const size = h("span", { class: "file-size" }, inBytes(attachment.size));
  const words = h("span", { class: "file-words" }, name, size);
  if (!address) return h("div", { class: "file" }, icon("file"), words);
  const title = `Download ${attachment.filename}`;
  return h("a", { class: "file", href: address, download: attachment.filename, title }, icon("file"), words, icon("download"));
}

/** @param {string} address of our own @param {string} words what it shows @returns {HTMLElement} a picture that can be enlarged */
export function picture(address, words) {
  const image = h("img", { src: address, alt: words, loading: "lazy" });
  const open = () => enlarge(address, words);
  return h("button", { class: "picture", type: "button", "aria-label": `Enlarge picture: ${words}`, on: { click: open } }, image);
}

/** @param {string} address @param {string} words */
function enlarge(address, words) {
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close" }, icon("close"));
  const dialog = /** @type {HTMLDialogElement} */ (
    h("dialog", { class: "lightbox", "aria-label": words }, h("img", { src: address, alt: words }), close)
  );
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {number} bytes @returns {string} */
export function inBytes(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
