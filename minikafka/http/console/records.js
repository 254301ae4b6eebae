// Records of one partition: read from any offset on, followed as they come, and produced.

import * as api from "./api.js";
import { byId, count, counted, h, keyed, moment, setAttribute, setText } from "./dom.js";
import { Looker } from "./looking.js";
import { inWords } from "./notices.js";

const PAGE = 100;
const SHOWN_MAX = 500;
const FETCH_BYTES = 256 << 10;
const SHORT = 300;

export class Records {
  #model;
  #shown = [];
  #next = 0;
  #shape = -1;
  #following = false;
  #turn = 0; // of what is read: an answer that comes after another was begun is not shown
  #wanted = null;
  #looker = new Looker(() => this.#goOn(), (error) => this.#refused(error));

  constructor(model) {
    this.#model = model;
    byId("topic").addEventListener("change", () => {
      this.#partitions();
      this.#follow(false);
    });
    byId("partition").addEventListener("change", () => this.#follow(false));
    byId("from").addEventListener("change", () => this.#from());
    const at = (find) => (event) => {
      event.preventDefault();
      this.#read(find());
    };
    byId("read").addEventListener("submit", at(() => this.#start()));
    byId("older").addEventListener("click", at(() => Math.max(0, (this.#shown[0]?.offset ?? 0) - PAGE)));
    byId("newer").addEventListener("click", at(() => (Number.isFinite(this.#next) ? this.#next : this.#start())));
    byId("follow").addEventListener("click", () => this.#follow(!this.#following));
    byId("produce").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#produce(event.submitter ?? byId("produce").querySelector("[type=submit]"));
    });
    byId("produce").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.ctrlKey) byId("produce").requestSubmit();
    });
    byId("tombstone").addEventListener("change", (event) => {
      byId("value").disabled = event.target.checked;
    });
    this.#from();
  }

  /** Read a partition that somebody has chosen elsewhere. */
  open(topic, partition) {
    this.#wanted = { topic, partition };
    this.#shape = -1;
  }

  /** Offer the topics of now; go on where something has moved and that is wanted. */
  draw() {
    if (this.#shape !== this.#model.shape) {
      this.#shape = this.#model.shape;
      this.#topics();
    }
    const { topic, partition } = this.#place();
    const watermark = this.#model.partition(topic, partition)?.highWatermark ?? 0;
    if (this.#following && watermark > this.#next) this.#looker.look();
  }

  #topics() {
    const names = this.#model.topicNames();
    names.sort((a, b) => this.#model.isInternal(a) - this.#model.isInternal(b));
    keyed(byId("topic"), names.map((name) => [name, name]), (name) => h("option", { value: name }, name), () => {});
    const wanted = this.#wanted;
    if (wanted !== null && this.#model.partition(wanted.topic, wanted.partition) !== undefined) {
      this.#wanted = null;
      byId("topic").value = wanted.topic;
      this.#partitions();
      byId("partition").value = String(wanted.partition);
      byId("from").value = "newest";
      this.#from();
      this.#follow(false);
      this.#read(this.#start());
      return;
    }
    this.#partitions();
  }

  #place() {
    return { topic: byId("topic").value, partition: Number(byId("partition").value) };
  }

  #path() {
    const { topic, partition } = this.#place();
    return api.topicPath(topic, `/partitions/${partition}/records`);
  }

  #partitions() {
    const numbers = this.#model.partitions(byId("topic").value).map((each) => [each.number, each.number]);
    keyed(byId("partition"), numbers, (number) => h("option", { value: number }, String(number)), () => {});
  }

  #from() {
    byId("offset").closest("label").hidden = byId("from").value !== "offset";
  }

  #start() {
    const { topic, partition } = this.#place();
    const watermark = this.#model.partition(topic, partition)?.highWatermark ?? 0;
    const from = byId("from").value;
    if (from === "oldest") return 0;
    return from === "offset" ? Number(byId("offset").value) : Math.max(0, watermark - PAGE);
  }

  async #read(offset) {
    this.#turn += 1;
    this.#shown = [];
    this.#next = Infinity;
    try {
      await this.#fetch(offset);
    } catch (error) {
      this.#refused(error);
    }
  }

  async #goOn() {
    await this.#fetch(this.#next);
  }

  async #fetch(offset) {
    const turn = this.#turn;
    const isolation = byId("committed").checked ? "read_committed" : "read_uncommitted";
    const ask = (from) => {
      const query = new URLSearchParams({ offset: from, isolation, max_bytes: FETCH_BYTES, max_wait_ms: 0 });
      return api.get(`${this.#path()}?${query}`);
    };
    let got;
    try {
      got = await ask(offset);
    } catch (error) {
      // What was there has been deleted since: begin where the log does now.
      if (error.name !== "OFFSET_OUT_OF_RANGE") throw error;
      const { topic, partition } = this.#place();
      const known = (await api.get(api.topicPath(topic))).partitions[partition];
      const log = known.logs.find((each) => each.broker === known.leader);
      if (log === undefined) throw error;
      got = await ask(Math.min(Math.max(offset, log.log_start_offset), log.high_watermark));
    }
    if (turn !== this.#turn) return;
    const page = got.records.slice(0, this.#following ? SHOWN_MAX : PAGE);
    const cut = page.length < got.records.length;
    this.#next = cut ? page.at(-1).offset + 1 : got.next_offset;
    this.#shown = [...this.#shown, ...page].slice(-SHOWN_MAX);
    this.#draw(got);
  }

  #draw(got) {
    const start = `log ${count(got.log_start_offset)} to ${count(got.high_watermark)}`;
    const open = got.last_stable_offset < got.high_watermark ? `, stable to ${count(got.last_stable_offset)}` : "";
    setText(byId("read-about"), `${counted(this.#shown.length, "record")} · ${start}${open}`);
    setAttribute(byId("read-about"), "class", "about");
    byId("older").disabled = (this.#shown[0]?.offset ?? this.#next) <= got.log_start_offset;
    byId("newer").disabled = this.#next >= got.high_watermark;
    const { topic, partition } = this.#place();
    const lines = this.#shown.map((each) => [`${topic}/${partition}/${each.offset}`, each]);
    if (this.#following) lines.reverse();
    const items = lines.length === 0 ? [] : [["head", null], ...lines];
    keyed(byId("records"), items, (record) => (record === null ? makeHead() : makeRecord(record)), () => {});
  }

  #refused(error) {
    setText(byId("read-about"), inWords(error));
    setAttribute(byId("read-about"), "class", "about refused");
  }

  #follow(on) {
    this.#following = on;
    byId("follow").setAttribute("aria-pressed", String(on));
    if (on) this.#read(this.#start());
  }

  async #produce(button) {
    const { topic } = this.#place();
    if (topic === "") return;
    const about = byId("produced");
    const record = {
      key: byId("key").value === "" ? null : byId("key").value,
      value: byId("tombstone").checked ? null : byId("value").value,
      headers: headersOf(byId("headers").value),
    };
    button.disabled = true;
    try {
      const done = await api.post(this.#path(), { acks: Number(byId("acks").value), records: [record] });
      const where = done.base_offset < 0 ? "sent; nobody says where it is" : `offset ${count(done.base_offset)}`;
      setText(about, where);
      setAttribute(about, "class", "about");
      if (!this.#following) await this.#read(this.#start());
    } catch (error) {
      setText(about, inWords(error));
      setAttribute(about, "class", "about refused");
    } finally {
      button.disabled = false;
    }
  }
}

function headersOf(text) {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? { key: line, value: null } : { key: line.slice(0, at), value: line.slice(at + 1) };
  });
}

function makeHead() {
  return h("div", { class: "record head" },
    h("span", {}, "Offset"), h("span", { class: "when" }, "Time"), h("span", {}, "Key"), h("span", { class: "value" }, "Value"));
}

function makeRecord(record) {
  const summary = h("summary", { class: "record" },
    h("span", {}, count(record.offset)),
    h("span", { class: "when" }, moment(record.timestamp_ms)),
    bytes(record.key),
    bytes(record.value, "value"));
  const details = h("details", { "data-offset": record.offset }, summary);
  details.addEventListener("toggle", () => {
    if (details.childElementCount === 1) details.append(makeWhole(record));
  });
  return details;
}

function bytes(value, name = "") {
  if (value === null) return h("span", { class: `none ${name}` }, "null");
  const text = typeof value === "string" ? value : `base64 ${value.base64}`;
  return h("span", { class: `mono ${name}` }, text.slice(0, SHORT) || "(empty)");
}

function makeWhole(record) {
  const parts = [];
  const add = (about, text) => parts.push(h("p", { class: "about" }, about), h("pre", {}, text));
  if (record.key !== null) add("Key", plain(record.key));
  add("Value", record.value === null ? "null" : readable(record.value));
  for (const header of record.headers) {
    add(`Header ${header.key}`, header.value === null ? "null" : plain(header.value));
  }
  return h("div", { class: "whole" }, ...parts);
}

function plain(value) {
  return typeof value === "string" ? value : `base64 ${value.base64}`;
}

/** Text; JSON with its members apart. */
function readable(value) {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return plain(value);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
