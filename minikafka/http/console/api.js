// What is asked of the server, and the token with which it may want to be asked.

const TOKEN = "minikafka.token";

/** The server has refused: Kafka's name of the error, and a sentence. */
export class Refused extends Error {
  constructor(status, name, message) {
    super(message);
    this.status = status;
    this.name = name;
  }
}

/** Take the token out of the address, where it is behind the #, which no server is sent. */
export function takeTokenFromAddress() {
  const match = /^#token=(.*)$/.exec(location.hash);
  if (match === null) return;
  setToken(decodeURIComponent(match[1]));
  history.replaceState(null, "", location.pathname);
}

/** Keep a token for as long as this tab is there. */
export function setToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

function headers(more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? more : { ...more, Authorization: `Bearer ${token}` };
}

async function refusal(response) {
  try {
    const { error } = await response.json();
    return new Refused(response.status, error.name, error.message);
  } catch {
    return new Refused(response.status, `HTTP ${response.status}`, response.statusText);
  }
}

async function ask(method, path, body, signal) {
  const options = { method, headers: headers(), signal, cache: "no-store", redirect: "error" };
  if (body !== undefined) {
    options.headers = headers({ "Content-Type": "application/json" });
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "NOT REACHED", "the server does not answer");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** Return the answer to a GET. */
export async function get(path, signal) {
  return (await ask("GET", path, undefined, signal)).json();
}

/** Return the answer to a POST. */
export async function post(path, body) {
  return (await ask("POST", path, body)).json();
}

/** Return the answer to a DELETE. */
export async function remove(path) {
  return (await ask("DELETE", path)).json();
}

/** Return the path of a topic, or of something of it. */
export function topicPath(topic, rest = "") {
  return `v1/topics/${encodeURIComponent(topic)}${rest}`;
}

/** Yield what the feed sends, all events of one piece together: [kind, data] each. */
export async function* events(signal) {
  const response = await ask("GET", "v1/events?offsets=true", undefined, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    yield blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block) {
  let kind = null;
  let data = null;
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
  }
  return kind === null || data === null ? null : [kind, JSON.parse(data)];
}
