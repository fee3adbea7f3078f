/** The calls of docs/playground.md. Knows addresses and refusals; what is done with the answers is others' business. */

/** Something that was asked for was refused; the message is a sentence to show. */
export class Refused extends Error {
  /** @param {string} message @param {number} status of the answer; 0: there was none */
  constructor(message, status) {
    super(message);
    this.name = "Refused";
    this.status = status;
  }
}

const UNREACHABLE = "The playground does not answer. Does `mynah playground` still run?";
const LOCKED_OUT = "The playground was started anew. Open the address that it printed in the terminal.";

export class Api {
  /** The id of the person who acts. @type {string | null} */
  personId = null;

  /** @param {string | null} personId @returns {Promise<any>} the state as this person sees it, or only whom there is */
  state(personId) {
    return this.#send("GET", personId === null ? "/play/state" : `/play/state?as=${personId}`);
  }

  /** @returns {string} where events are listened to @param {string} personId @param {number} after */
  eventsAddress(personId, after) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}/play/events?as=${personId}&after=${after}`;
  }

  /** @param {string} channelId @param {string} before @returns {Promise<import("./discord.js").Message[]>} oldest first */
  olderMessages(channelId, before) {
    return this.#act("GET", `channels/${channelId}/messages`, undefined, { before, limit: "50" });
  }

  /** @param {string} channelId @returns {Promise<import("./discord.js").Command[]>} */
  commands(channelId) {
    return this.#act("GET", `channels/${channelId}/commands`);
  }

  /** @param {string} channelId @param {object} body @param {File[]} files @returns {Promise<any>} the message */
  write(channelId, body, files) {
    return this.#act("POST", `channels/${channelId}/messages`, withFiles(body, files));
  }

  /** @param {string} channelId @param {string} messageId @param {string} content */
  edit(channelId, messageId, content) {
    return this.#act("PATCH", `channels/${channelId}/messages/${messageId}`, { content });
  }

  /** @param {string} channelId @param {string} messageId */
  delete(channelId, messageId) {
    return this.#act("DELETE", `channels/${channelId}/messages/${messageId}`);
  }

  /** @param {string} channelId @param {string} messageId @param {string} emoji @param {boolean} isThere */
  react(channelId, messageId, emoji, isThere) {
    const path = `channels/${channelId}/messages/${messageId}/reactions/${encodeURIComponent(emoji)}`;
    return this.#act(isThere ? "PUT" : "DELETE", path);
  }

  /** @param {string} channelId */
  type(channelId) {
    return this.#act("POST", `channels/${channelId}/typing`);
  }

  /** @param {string} channelId @param {object} body @returns {Promise<any>} the thread */
  openThread(channelId, body) {
    return this.#act("POST", `channels/${channelId}/threads`, body);
  }

  /** @returns {Promise<any>} the talk with the bot */
  openDm() {
    return this.#act("POST", "dms");
  }

  /** @param {object} body @param {File[]} files */
  interact(body, files = []) {
    return this.#act("POST", "interactions", withFiles(body, files));
  }

  /** @param {string} userId @param {string} roleId @param {boolean} hasIt */
  giveRole(userId, roleId, hasIt) {
    return this.#act(hasIt ? "PUT" : "DELETE", `people/${userId}/roles/${roleId}`);
  }

  /** @returns {Promise<any>} */
  loop() {
    return this.#send("GET", "/play/loop");
  }

  /** @param {object} body */
  beginScene(body) {
    return this.#send("POST", "/play/scenes", body);
  }

  stopScene() {
    return this.#send("DELETE", "/play/scenes");
  }

  /** @param {object} body */
  beginFault(body) {
    return this.#send("POST", "/play/faults", body);
  }

  /** @param {string | null} id null: all of them */
  endFaults(id) {
    return this.#send("DELETE", id === null ? "/play/faults" : `/play/faults/${id}`);
  }

  /** @param {string} method @param {string} path @param {unknown} [body] @param {Record<string, string>} [query] */
  #act(method, path, body, query = {}) {
    const asked = new URLSearchParams({ as: this.personId ?? "", ...query });
    return this.#send(method, `/play/${path}?${asked}`, body);
  }

  /** @param {string} method @param {string} address @param {unknown} [body] @returns {Promise<any>} */
  async #send(method, address, body) {
    const isForm = body instanceof FormData;
    /** @type {RequestInit} */
    const request = { method, credentials: "same-origin" };
    if (isForm) request.body = body;
    else if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { "Content-Type": "application/json" };
    }
    let response;
    try {
      response = await fetch(address, request);
    } catch {
      throw new Refused(UNREACHABLE, 0);
    }
    const answer = response.status === 204 ? null : await response.json().catch(() => null);
    if (response.ok) return answer;
    if (response.status === 401) throw new Refused(LOCKED_OUT, 401);
    throw new Refused(answer?.message || `The playground answered ${response.status}.`, response.status);
  }
}

/** @param {object} body @param {File[]} files @returns {object | FormData} */
function withFiles(body, files) {
  if (!files.length) return body;
  const form = new FormData();
  form.append("payload_json", JSON.stringify(body));
  files.forEach((file, index) => form.append(`files[${index}]`, file, file.name));
  return form;
}
