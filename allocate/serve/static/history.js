"use strict";
// Who changed what number from what to what, and when; what can be undone is undone by an entry of its own.
(() => {
  const { say, make, tell, ask, send, doing } = allocate;
  const at = (id) => document.getElementById(id);
  const kinds = ["model", "data", "run", "undo"];
  at("what").append(...kinds.map((name) => make("option", { value: name }, say(`models.what_${name}`))));
  at("of").value = new URLSearchParams(location.search).get("of") ?? "";
  if (at("of").selectedIndex < 0) at("of").value = "";

  const shown = (value) => {
    if (value === null || value === undefined) return say("models.nothing");
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  };
  const read = (value, one) => (one.share && typeof value === "number" ? `${Number((value * 100).toPrecision(12))} %` : shown(value));
  const moment = (when) => {
    const found = new Date(when);
    return Number.isNaN(found.getTime()) ? when : new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" }).format(found);
  };
  const told = (entry) => {
    const changes = entry.changes.map((one) => make("li", {}, one.label ? `${one.label} ` : "", make("code", {}, one.key.join(".")), ` ${read(one.from, one)} → `, make("strong", {}, read(one.to, one))));
    const known = ["id", "when", "who", "what", "of", "changes", "undoes", "undone", "way", "run", "cells", "files", "before", "file", "sheet", "verb"];
    const rest = Object.entries(entry).filter(([name]) => !known.includes(name)).map(([name, value]) => `${name}: ${shown(value)}`);
    const way = typeof entry.run === "string" && entry.run ? make("p", {}, make("a", { href: `/runs/${encodeURIComponent(entry.run)}` }, entry.run)) : "";
    return [entry.undoes ? make("p", { class: "quiet" }, say("models.undoes", { id: entry.undoes })) : "", changes.length ? make("ul", {}, ...changes) : "", rest.length ? make("p", { class: "quiet" }, rest.join("; ")) : "", way];
  };
  const row = (entry) => {
    const isData = entry.what === "data" && ("cells" in entry || "files" in entry);
    const canUndo = isData || ((entry.what === "model" || entry.what === "undo") && entry.changes.length > 0);
    const button = make("button", { type: "button", "aria-label": `${say("models.undo_entry")} ${entry.id}`, onclick: () => doing(button, async () => {
      await (isData ? send(`/api/data/${encodeURIComponent(entry.of)}/undo`, { id: entry.id }) : send(`/api/history/${encodeURIComponent(entry.id)}/undo`));
      tell(say("models.undone_now"));
      await show();
    }) }, say("models.undo_entry"));
    const last = entry.undone ? say("models.undone") : canUndo ? button : "";
    return make("tr", {}, make("td", {}, moment(entry.when)), make("td", {}, entry.who), make("td", {}, say(`models.what_${entry.what}`)), make("td", {}, entry.of), make("td", {}, ...told(entry)), make("td", {}, last));
  };
  const body = make("tbody", {});
  const heads = ["models.when", "models.who", "models.what", "models.of", "models.changes"];
  const table = make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "only-heard" }, document.querySelector("h1").textContent), make("thead", {}, make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, say(name))), make("th", {}, make("span", { class: "only-heard" }, say("models.undo_entry"))))), body));
  const show = async (before = "") => {
    const found = await ask(`/api/history?${new URLSearchParams({ of: at("of").value, what: at("what").value, before })}`);
    if (!before) body.replaceChildren();
    body.append(...found.entries.map(row));
    at("entries").replaceChildren(body.children.length ? table : make("p", {}, say("models.no_history")));
    const more = make("button", { type: "button", onclick: () => doing(more, () => show(found.entries.at(-1).id)) }, say("models.more"));
    at("more").replaceChildren(...(found.more ? [more] : []));
  };
  const again = () => show().catch((error) => tell(error.message, { bad: true }));
  at("of").addEventListener("change", again);
  at("what").addEventListener("change", again);
  at("filter").addEventListener("submit", (event) => event.preventDefault());
  again();
})();
