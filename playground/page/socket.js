/** A socket of events that comes back by itself, going on after the last event it heard. */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;

export class EventSocket {
  #address;
  #onEvent;
  #onStatus;
  /** @type {WebSocket | null} */
  #socket = null;
  #timer = 0;
  #failures = 0;
  #isClosed = false;

  /**
   * @param {object} options
   * @param {number} options.after the event that is already known
   * @param {(after: number) => string} options.address
   * @param {(event: {n: number, t: string, d: any}) => void} options.onEvent
   * @param {(isOpen: boolean) => void} options.onStatus
   */
  constructor({ after, address, onEvent, onStatus }) {
    this.after = after;
    this.#address = address;
    this.#onEvent = onEvent;
    this.#onStatus = onStatus;
    this.#connect();
    window.addEventListener("online", this.#retryNow);
  }

  /** Listen no more. */
  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#retryNow);
    this.#socket?.close();
  }

  #connect() {
    const socket = new WebSocket(this.#address(this.after));
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.#onStatus(true);
    };
    socket.onmessage = ({ data }) => {
      if (this.#isClosed) return;
      const event = JSON.parse(data);
      this.after = event.n;
      this.#onEvent(event);
    };
    socket.onclose = () => {
      if (this.#isClosed || socket !== this.#socket) return;
      this.#onStatus(false);
      const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
      this.#failures += 1;
      this.#timer = setTimeout(() => this.#connect(), wait);
    };
  }

  #retryNow = () => {
    if (this.#socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#connect();
  };
}
