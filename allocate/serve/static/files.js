"use strict";
// Asks a question on the page itself, and sends files to where they are judged before anything is replaced.
const files = (() => {
  const { say, make, send, sendFile, tell, Refused } = allocate;

  // Ask within a part of the page; resolves with what was pressed: a key of `answers`, the last one for Escape.
  const question = (place, text, answers, ...more) =>
    new Promise((done) => {
      const keys = Object.keys(answers);
      const end = (key) => {
        place.replaceChildren();
        done(key);
      };
      const box = make(
        "div",
        { class: "asked", role: "alertdialog", "aria-label": text, onkeydown: (event) => event.key === "Escape" && end(keys.at(-1)) },
        make("p", {}, text),
        ...more,
        make("p", { class: "row" }, ...keys.map((key) => make("button", { type: "button", onclick: () => end(key) }, answers[key]))),
      );
      place.replaceChildren(box);
      box.querySelector("p.row button").focus();
      box.scrollIntoView({ block: "nearest" });
    });

  // Show messages of the check as a table; `link` makes what leads to a row.
  const table = (findings, link, sort = null) => {
    const heads = ["kind", "file", "row", "column", "value", "text"];
    const head = heads.map((key) => {
      const title = say(`data.col_${key}`);
      const button = sort && ["kind", "file", "row"].includes(key)
        ? make("button", { type: "button", class: "sort", "aria-label": say("data.sort_by", { column: title }), onclick: () => sort.by(key) }, title)
        : title;
      return make("th", { scope: "col", "aria-sort": sort && sort.key === key ? (sort.up ? "ascending" : "descending") : null }, button);
    });
    const rows = findings.map((one) =>
      make(
        "tr",
        {},
        make("td", { class: "short" }, make("span", { class: `mark ${one.kind === "fault" ? "bad" : "warn"}` }, say(`data.${one.kind}`))),
        make("td", {}, one.model ? say("data.of_model", { name: one.model }) : one.sheet ? `${one.there} · ${one.sheet}` : one.file),
        make("td", { class: "short" }, one.row === null ? "" : link(one), one.alike > 1 ? make("div", { class: "quiet" }, say("data.alike", { count: one.alike })) : ""),
        make("td", {}, one.heading || one.title ? `${one.heading || one.title} (${one.column})` : one.column),
        make("td", {}, one.value ?? ""),
        make("td", { class: "wide" }, one.text),
      ),
    );
    return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  };

  // Send files and have them judged together; resolves with the entry of the history, true where nothing changed, or false.
  const upload = async (name, chosen, { place, status, bar, most }) => {
    if (chosen.length > most) {
      tell(say("data.too_many", { most }), { bad: true });
      return false;
    }
    let id = "new";
    const way = `/api/data/${encodeURIComponent(name)}`;
    try {
      bar.hidden = false;
      for (const [n, file] of chosen.entries()) {
        status.textContent = say("data.sending", { file: file.name, done: n + 1, count: chosen.length });
        bar.value = n / chosen.length;
        id = (await sendFile(`${way}/files/${encodeURIComponent(file.name)}?upload=${id}`, file)).upload;
      }
      bar.value = 1;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell(error.message, { bad: true });
      if (id !== "new") await send(`${way}/uploads/${id}/drop`).catch(() => {});
      status.textContent = say("data.none_left");
      bar.hidden = true;
      return false;
    }
    bar.hidden = true;
    return judge(name, id, { place, status });
  };

  // Ask until the files of an upload are taken, or dropped.
  const judge = async (name, id, { place, status, replace = {}, aside = [], told = null }) => {
    const way = `/api/data/${encodeURIComponent(name)}/uploads/${id}`;
    let taken = false;
    let faults = false;
    for (;;) {
      status.textContent = say("data.judging");
      try {
        const done = await send(way, { replace, aside, faults });
        status.textContent = done.same ? say("data.same") : say("data.taken", { files: done.files.join("、") });
        taken = done.id ?? true;
        break;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        status.textContent = error.message;
        const content = error.content;
        let said = "no";
        if (content.why === "there") {
          const names = content.there.map((one) => one.file).join("、");
          said = await question(place, say("data.ask_replace", { files: names }), { yes: say("data.yes_replace"), no: say("data.no") });
          for (const one of content.there) replace[one.file] = one.version;
        } else if (content.why === "faults" && content.twice.length > 0 && aside.length === 0) {
          const answers = { yes: say("data.yes_aside"), faults: say("data.yes_faults"), no: say("data.no") };
          said = await question(place, say("data.ask_twice", { files: content.twice.join("、") }), answers);
          if (said === "yes") aside = content.twice;
        } else if (content.why === "faults") {
          const list = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("data.col_text") }, table(content.findings, (one) => say("data.go_cell", { row: one.row })));
          const count = content.findings.length + content.left;
          said = await question(place, say("data.ask_faults", { count }), { faults: say("data.yes_faults"), no: say("data.no") }, list);
        } else {
          place.replaceChildren(
            make("div", { class: "asked", role: "alert" }, ...(error.problems.length ? [make("ul", { class: "faults" }, ...error.problems.map((one) => make("li", {}, one.text)))] : [make("p", {}, error.message)])),
          );
          told?.(error);
        }
        if (said === "faults") faults = true;
        if (said === "no") {
          await send(`${way}/drop`).catch(() => {});
          status.textContent = say("data.none_left");
          break;
        }
      }
    }
    return taken;
  };

  return { question, table, upload, judge };
})();
