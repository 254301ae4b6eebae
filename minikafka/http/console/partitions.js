// Topics and their partitions: a column for each broker, and only the rows that are in sight.
//
// However many partitions there are, the page holds a screen of them. A row is filled again
// only where its partition has moved since.

import { condition } from "./brokers.js";
import { byId, count, counted, flash, h, keyed, rate, setAttribute, setText } from "./dom.js";

const OVERSCAN = 8;
const MANY_BROKERS = 7;
const ROOMY_PX = 70;
const FLASHES_MAX = 60; // where all changes at once there is nothing to point at

export class Partitions {
  #model;
  #lines = [];
  #tops = [];
  #height = 0;
  #shape = -1;
  #closed = new Set();
  #heights = { topic: 0, partition: 0 };
  #roomy = true;
  #flashes = 0;

  /** act(name, topic, button): what a topic's buttons do. */
  constructor(model, act) {
    this.#model = model;
    this.act = act;
    this.rows = byId("rows");
    this.table = byId("partitions");
    const again = () => this.draw(true);
    byId("filter").addEventListener("input", again);
    byId("problems").addEventListener("change", again);
    byId("internal").addEventListener("change", again);
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        this.#window();
      });
    }, { passive: true });
    addEventListener("resize", () => {
      this.#measure();
      this.draw(true);
    });
  }

  /** Draw what is in sight; rows come and go where the shape of the cluster is another one. */
  draw(anew = false) {
    if (anew || this.#shape !== this.#model.shape) {
      if (this.#heights.topic === 0) this.#measure();
      this.#shape = this.#model.shape;
      const { width } = this.rows.getBoundingClientRect();
      this.#roomy = width / (this.#model.brokers.size + 3) > ROOMY_PX;
      this.#layOut();
      this.#drawColumns();
    }
    this.#window();
  }

  #measure() {
    const style = getComputedStyle(this.table);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#heights = {
      partition: parseFloat(style.getPropertyValue("--row")) * rem,
      topic: parseFloat(style.getPropertyValue("--topic-row")) * rem,
    };
  }

  #layOut() {
    const filter = byId("filter").value.trim().toLowerCase();
    const troubled = byId("problems").checked;
    const internal = byId("internal").checked;
    this.#lines = [];
    for (const name of this.#model.topicNames()) {
      const topic = this.#model.topics.get(name);
      if ((topic.internal && !internal) || !name.toLowerCase().includes(filter)) continue;
      const shown = topic.partitions.filter(
        (each) => !troubled || each.underReplicated || each.leader === null,
      );
      if (troubled && shown.length === 0) continue;
      this.#lines.push({ kind: "topic", key: `t:${name}`, topic });
      if (this.#closed.has(name)) continue;
      for (const each of shown) {
        this.#lines.push({ kind: "partition", key: `p:${name}:${each.number}`, partition: each });
      }
    }
    let top = 0;
    this.#tops = this.#lines.map((line) => {
      const at = top;
      top += this.#heights[line.kind];
      return at;
    });
    this.#height = top;
    this.rows.style.setProperty("height", `${top}px`);
    setAttribute(this.table, "aria-rowcount", this.#lines.length + 1);
    const nothing = byId("no-rows");
    nothing.hidden = this.#lines.length > 0;
    setText(nothing, this.#nothing(filter, troubled));
  }

  #nothing(filter, troubled) {
    if (filter !== "") return "No topic has a name like this.";
    if (troubled) return "Every partition has its leader, and all replicas are in sync.";
    return "There is no topic yet. A client makes one by producing to it, or you do with New topic.";
  }

  #drawColumns() {
    const ids = this.#model.brokerIds();
    this.table.style.setProperty("--brokers", String(ids.length));
    setAttribute(this.table, "data-many", ids.length > MANY_BROKERS);
    const columns = [
      ["#", this.#roomy ? "partition" : "#", "number", ""],
      ...ids.map((id) => {
        const [word, tone] = condition(this.#model.brokers.get(id));
        const name = this.#roomy ? `broker ${id}` : String(id);
        return [`b${id}`, word === "up" ? name : `${id} ${word}`, "broker-name", tone];
      }),
      ["hw", this.#roomy ? "watermark" : "offset", "right", ""],
      ["rate", "rate", "right rate", ""],
    ];
    keyed(
      byId("columns"),
      columns.map((column) => [column[0], column]),
      () => h("div", { role: "columnheader" }),
      (cell, [, text, name, tone]) => {
        setText(cell, text);
        setAttribute(cell, "class", name);
        setAttribute(cell, "data-tone", tone);
      },
    );
  }

  #window() {
    const box = this.rows.getBoundingClientRect();
    if (box.width === 0) return; // another view is shown
    this.#flashes = 0;
    const margin = OVERSCAN * this.#heights.partition;
    const first = this.#at(-box.top - margin);
    const last = this.#at(innerHeight - box.top + margin);
    const items = this.#lines.slice(first, last + 1).map((line, n) => [line.key, [line, first + n]]);
    keyed(this.rows, items, ([line]) => this.#make(line), (row, [line, index]) => {
      setAttribute(row, "aria-rowindex", index + 2);
      const top = this.#tops[index];
      if (row.top !== top) {
        row.top = top;
        row.style.setProperty("transform", `translateY(${top}px)`);
      }
      if (line.kind === "topic") this.#fillTopic(row, line.topic);
      else this.#fillPartition(row, line.partition);
    });
  }

  /** The line at a height: the last one that begins above it. */
  #at(height) {
    let low = 0;
    let high = this.#tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle] <= height) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #make(line) {
    return line.kind === "topic" ? this.#makeTopic(line.topic) : this.#makePartition(line.partition);
  }

  #makeTopic(topic) {
    const { name } = topic;
    const about = h("span", { class: "about", role: "cell" });
    const toggle = h("button", {
      type: "button", class: "toggle",
      click: () => {
        if (!this.#closed.delete(name)) this.#closed.add(name);
        this.draw(true);
      },
    }, h("span", {}, name));
    const acts = [["read", "Records"], ["delete", "Delete…"]].map(([act, word]) => {
      const button = h("button", {
        type: "button", class: "quiet", "aria-label": `${word} of ${name}`,
        click: () => this.act(act, name, button),
      }, word);
      return button;
    });
    const row = h("div", { class: "topic-row", role: "row", "data-topic": name }, toggle, about, ...acts);
    row.parts = { about, toggle };
    acts[1].hidden = topic.internal;
    return row;
  }

  #fillTopic(row, topic) {
    const { about, toggle } = row.parts;
    setAttribute(toggle, "aria-expanded", String(!this.#closed.has(topic.name)));
    let records = 0;
    let perSecond = 0;
    let short = 0;
    for (const each of topic.partitions) {
      records += each.highWatermark ?? 0;
      perSecond += each.rate;
      if (each.underReplicated) short += 1;
    }
    const said = [
      counted(topic.partitions.length, "partition"),
      counted(topic.partitions[0]?.replicas.length ?? 0, "replica"),
      `${count(records)} written`,
    ];
    if (short > 0) said.push(`${count(short)} under-replicated`);
    if (perSecond > 0) said.push(rate(perSecond));
    setText(about, said.join(" · "));
  }

  #makePartition(partition) {
    const { topic, number } = partition;
    const place = `${encodeURIComponent(topic)}/${number}`;
    const parts = {
      epoch: h("span", { class: "dim", title: "leader epoch" }),
      offset: h("div", { class: "offset", role: "cell" }),
      rate: h("div", { class: "rate", role: "cell" }),
      cell: new Map(),
    };
    const link = h("a", { href: `#records/${place}`, "aria-label": `Records of ${topic}-${number}` }, String(number));
    const row = h("div", { class: "row", role: "row", "data-partition": `${topic}-${number}` },
      h("div", { class: "number", role: "cell" }, link, parts.epoch));
    row.parts = parts;
    return row;
  }

  #fillPartition(row, partition) {
    // A topic that was made anew has other partitions of the same name.
    const state = `${partition.version} ${this.#shape} ${this.#roomy}`;
    if (row.partition === partition && row.state === state) return;
    row.partition = partition;
    row.state = state;
    const { parts } = row;
    setText(parts.epoch, `e${partition.leaderEpoch}`);
    setAttribute(row, "class", partition.leader === null ? "row leaderless" : "row");
    const ids = this.#model.brokerIds();
    if (parts.cell.size !== ids.length) {
      for (const cell of parts.cell.values()) cell.remove();
      parts.cell = new Map(ids.map((id) => [id, h("div", { class: "cell", role: "cell", "data-broker": id })]));
      row.append(...parts.cell.values(), parts.offset, parts.rate);
    }
    for (const id of ids) this.#fillCell(parts.cell.get(id), partition, id);
    setText(parts.offset, count(partition.highWatermark));
    setText(parts.rate, rate(partition.rate));
  }

  #fillCell(cell, partition, id) {
    const [role, text, short, about] = roleOf(partition, id);
    // Who is down leads, or is in sync, until the controller has missed it.
    const dead = role !== "none" && this.#model.brokers.get(id)?.state === "down";
    setText(cell, this.#roomy ? `${text}${dead && role !== "down" ? ", down" : ""}` : short);
    setAttribute(cell, "data-dead", dead);
    setAttribute(cell, "title", about);
    if (cell.dataset.role !== undefined && cell.dataset.role !== role) {
      this.#flashes += 1;
      if (this.#flashes <= FLASHES_MAX) flash(cell);
    }
    setAttribute(cell, "data-role", role);
  }
}

/** What a broker is to a partition: role, in a word, in short, in a sentence. */
function roleOf(partition, id) {
  if (partition.leader === id) return ["leader", "leader", "L", `broker ${id} leads`];
  if (!partition.replicas.includes(id)) return ["none", "", "", null];
  const inSync = partition.isr.includes(id);
  const lag = partition.lag(id);
  if (lag === null) {
    const seen = partition.ends[id] !== undefined;
    const where = seen ? "no leader to be seen" : "its log cannot be seen";
    if (inSync) return ["in-sync", "in sync", "=", `in sync; ${where}`];
    return seen ? ["behind", "out of sync", "≠", `out of sync; ${where}`] : ["down", "gone", "✕", `out of sync; ${where}`];
  }
  const behind = lag === 0 ? "in sync" : `−${count(lag)}`;
  const sentence = `broker ${id} follows, ${counted(lag, "record")} behind`;
  if (inSync) return ["in-sync", behind, lag === 0 ? "=" : `−${count(lag)}`, `${sentence}, in sync`];
  return ["behind", lag === 0 ? "catching up" : behind, `−${count(lag)}`, `${sentence}, out of sync`];
}
