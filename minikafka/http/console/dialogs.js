// Dialogs: the token, a new topic, and whether somebody is sure.

import * as api from "./api.js";
import { byId, setText } from "./dom.js";
import { attempt, inWords } from "./notices.js";

/** Make every dialog's way out work. */
export function startDialogs() {
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  const dialog = byId("topic-dialog");
  byId("create").addEventListener("click", () => {
    setText(byId("new-refused"), "");
    dialog.showModal();
    byId("new-name").select();
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    createTopic(dialog, event.submitter);
  });
}

async function createTopic(dialog, button) {
  const optional = (id) => (byId(id).value === "" ? null : Number(byId(id).value));
  const insync = optional("new-insync");
  const body = {
    name: byId("new-name").value,
    partitions: Number(byId("new-partitions").value),
    replication_factor: optional("new-replicas"),
    config: insync === null ? {} : { "min.insync.replicas": insync },
  };
  button.disabled = true;
  try {
    await api.post("v1/topics", body);
    dialog.close();
    byId("new-name").value = "";
  } catch (error) {
    setText(byId("new-refused"), inWords(error));
  } finally {
    button.disabled = false;
  }
}

/** Delete a topic, if somebody is sure. */
export async function deleteTopic(topic, button) {
  const about = "Its records are gone for everybody who reads them.";
  if (!(await sure(`Delete ${topic}?`, about, "Delete"))) return;
  await attempt(button, `Topic ${topic} deleted`, () => api.remove(api.topicPath(topic)), true);
}

/** Return whether somebody says yes. */
function sure(title, about, yes) {
  const dialog = byId("sure-dialog");
  setText(byId("sure-title"), title);
  setText(byId("sure-about"), about);
  setText(byId("sure-yes"), yes);
  dialog.returnValue = "";
  byId("sure-yes").value = "yes";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Keep a token that somebody types; a dialog that is put away asks again. */
export async function askForToken() {
  const dialog = byId("token-dialog");
  const field = byId("token");
  field.value = "";
  dialog.showModal();
  await new Promise((resolve) => { dialog.addEventListener("close", resolve, { once: true }); });
  if (field.value !== "") api.setToken(field.value);
}
