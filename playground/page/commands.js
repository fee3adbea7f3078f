/** The bot's commands, as the acting person may use them where they are. Asked for once per place, until they change. */

import { CommandType, OptionType } from "./discord.js";

/**
 * @typedef {object} Invocable a command, or a subcommand of one, that can be sent
 * @property {string} name such as "config set"
 * @property {string} description
 * @property {import("./discord.js").Command} command
 * @property {string[]} path the names of the subcommand
 * @property {import("./discord.js").Option[]} options
 */

export class Commands {
  #api;
  #state;
  /** @type {Map<string, Promise<import("./discord.js").Command[]>>} */
  #known = new Map();

  /** @param {import("./api.js").Api} api @param {import("./state.js").State} state */
  constructor(api, state) {
    this.#api = api;
    this.#state = state;
    for (const topic of ["commands", "everything", "bot"]) state.on(topic, () => this.#known.clear());
  }

  /** @param {number} type @returns {Promise<import("./discord.js").Command[]>} none when they cannot be asked for */
  async ofType(type) {
    return (await this.#here()).filter((command) => command.type === type);
  }

  /** @returns {Promise<Invocable[]>} every slash command and subcommand, by name */
  async invocables() {
    const found = (await this.ofType(CommandType.SLASH)).flatMap((command) => unfold(command, command, []));
    return found.sort((one, other) => one.name.localeCompare(other.name));
  }

  /** @returns {Promise<import("./discord.js").Command[]>} */
  async #here() {
    const channelId = this.#state.channelId;
    if (channelId === null) return [];
    const key = `${this.#api.personId} ${channelId}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#api.commands(channelId));
    try {
      const found = await /** @type {Promise<import("./discord.js").Command[]>} */ (this.#known.get(key));
      if (!found.length) this.#known.delete(key); // the bot is about to register them
      return found;
    } catch {
      this.#known.delete(key);
      return [];
    }
  }
}

/**
 * @param {import("./discord.js").Command} command @param {{options?: import("./discord.js").Option[], description: string}} node
 * @param {string[]} path @returns {Invocable[]}
 */
function unfold(command, node, path) {
  const options = node.options ?? [];
  const inner = options.filter(({ type }) => type === OptionType.SUBCOMMAND || type === OptionType.GROUP);
  if (inner.length) return inner.flatMap((one) => unfold(command, one, [...path, one.name]));
  return [{ name: [command.name, ...path].join(" "), description: node.description, command, path, options }];
}

/**
 * The options as an interaction has them: inside the subcommand's, where there is one.
 * @param {Invocable} invocable @param {Record<string, unknown>[]} options @returns {Record<string, unknown>[]}
 */
export function wrapped(invocable, options) {
  return invocable.path.reduceRight((inner, name) => [{ name, options: inner }], options);
}
