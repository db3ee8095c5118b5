// SPDX-License-Identifier: Apache-2.0
// The daemon's API. Addresses are relative to the page, so that a proxy may put it below any path. The token is kept for this tab
// only, and sent as a header: an EventSource cannot send one, so events are read from a response that does not end.

const KEY = "migd-token";

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function useToken(text) {
  if (text) {
    sessionStorage.setItem(KEY, text);
  } else {
    sessionStorage.removeItem(KEY);
  }
}

export class Refused extends Error {
  constructor(status, document) {
    super(document?.message ?? `the daemon answered ${status}`);
    this.status = status;
    this.hint = document?.hint ?? "";
  }
}

function fields(more = {}) {
  const shown = token();
  return shown ? { ...more, Authorization: `Bearer ${shown}` } : more;
}

async function refusal(response) {
  const text = await response.text();
  try {
    return new Refused(response.status, JSON.parse(text));
  } catch {
    return new Refused(response.status, null);
  }
}

async function ask(path, options = {}) {
  const response = await fetch(path, { cache: "no-store", credentials: "same-origin", redirect: "error", ...options,
    headers: fields(options.headers) });
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

export async function get(path, query = {}) {
  const words = new URLSearchParams(query).toString();
  return (await ask(path + (words ? `?${words}` : ""), { signal: AbortSignal.timeout(30000) })).json();
}

export async function text(path, query = {}) {
  const words = new URLSearchParams(query).toString();
  return (await ask(path + (words ? `?${words}` : ""), { signal: AbortSignal.timeout(30000) })).text();
}

export async function send(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await ask(path, options)).json();
}

// Events from now on, without end: calls on.event(document), on.open(), on.lost(error). Comes back by itself, after what it had.
export class Events {
  constructor(on) {
    this.on = on;
    this.last = "";
    this.turn = 0;
  }

  start() {
    this.stop();
    this.run(this.turn);
  }

  stop() {
    this.turn += 1;
    this.abort?.abort();
  }

  async run(turn) {
    while (turn === this.turn) {
      let wait = 2000;
      try {
        await this.read(turn);
      } catch (error) {
        if (turn !== this.turn) {
          return;
        }
        this.on.lost(error);
        wait = error instanceof Refused ? 10000 : wait;
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  async read(turn) {
    this.abort = new AbortController();
    const more = this.last ? { "Last-Event-ID": this.last } : {};
    const response = await ask("v1/events", { headers: more, signal: this.abort.signal });
    this.on.open();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || turn !== this.turn) {
        return;
      }
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      parts.forEach((part) => this.take(part));
    }
  }

  take(part) {
    const lines = part.split("\n");
    const of = (field) => lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
    const data = of("data");
    if (data) {
      this.last = of("id") ?? this.last;
      this.on.event(JSON.parse(data));
    }
  }
}
