"use strict";
(() => {
  const { say, make, ask, send, doing, tell, data, number } = allocate;
  const { name } = data;
  const way = `/api/data/${encodeURIComponent(name)}`;
  const at = (id) => document.getElementById(id);
  const page = (file) => `/data/${encodeURIComponent(name)}/tables/${encodeURIComponent(file)}`;
  const saved = (file) => `/data/${encodeURIComponent(name)}/files/${encodeURIComponent(file)}`;
  let found = null;
  let extra = [];
  let models = [];
  const sort = { key: "", up: true, by: (key) => {
    sort.up = sort.key === key ? !sort.up : true;
    sort.key = key;
    showFindings();
    at("findings").querySelector(`th[aria-sort] button`)?.focus();
  } };

  const link = (one) => {
    const text = say("data.go_cell", { row: one.row });
    if (!one.there || one.there.endsWith(".toml")) return text;
    const query = new URLSearchParams({ sheet: one.sheet, row: one.row, ...(one.at === null ? {} : { column: one.at }) });
    return make("a", { href: `${page(one.there)}?${query}` }, one.letter ? `${one.letter}${one.row}` : text);
  };

  const showFindings = () => {
    const all = [...found.findings, ...extra];
    const kind = at("filter-kind").value;
    const file = at("filter-file").value;
    const text = at("filter-text").value.trim().toLowerCase();
    const shown = all.filter(
      (one) =>
        (!kind || one.kind === kind) &&
        (!file || one.file === file) &&
        (!text || [one.text, one.value, one.column, one.heading, one.file].join("\n").toLowerCase().includes(text)),
    );
    if (sort.key) {
      const value = (one) => (sort.key === "row" ? (one.row ?? -1) : one[sort.key]);
      const order = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
      shown.sort((a, b) => (sort.up ? order(a, b) : order(b, a)) || (a.row ?? 0) - (b.row ?? 0));
    }
    at("filter").hidden = all.length === 0;
    const odd = found.odd + extra.filter((one) => one.kind === "odd").length;
    const faults = found.faults + extra.filter((one) => one.kind === "fault").length;
    const lines = [];
    if (faults) lines.push(make("span", { class: "mark bad" }, say("data.count_faults", { count: number(faults) })));
    if (odd) lines.push(make("span", { class: "mark warn" }, say("data.count_odd", { count: number(odd) })));
    if (!faults && !odd) lines.push(make("span", { class: "good" }, say("data.count_none")));
    if (shown.length < all.length) lines.push(make("span", { class: "quiet" }, say("data.shown", { shown: number(shown.length), all: number(all.length) })));
    if (found.left) lines.push(make("span", { class: "quiet" }, say("data.left", { left: number(found.left) })));
    at("findings-count").replaceChildren(make("p", { class: "row" }, ...lines));
    at("findings").replaceChildren(...(shown.length ? [files.table(shown, link, sort)] : []));
  };

  const showNext = () => {
    const told = [];
    const missing = !found.tables.some((one) => one.rows > 0);
    if (found.faults && missing) told.push(make("p", {}, say("data.next_boundary")));
    if (found.faults) told.push(make("p", {}, say("data.next_mend", { count: number(found.faults) })));
    if (found.estimate && !missing) {
      const button = make("button", { type: "button", class: "main" }, say("data.estimate"));
      button.addEventListener("click", () => doing(button, estimate));
      told.push(make("p", {}, say("data.next_estimate")), make("p", {}, button));
    }
    const ways = models.map((one) => make("a", { class: found.faults ? "button" : "button main", href: `/models/${encodeURIComponent(one.name)}` }, say("data.open_model", { name: one.name })));
    if (!found.faults) told.push(make("p", {}, say(models.length ? "data.next_model" : "data.next_no_model")));
    told.push(make("p", { class: "row" }, ...ways));
    for (const one of models.filter((one) => one.faults)) told.push(make("p", { class: "bad" }, say("data.model_faults", { name: one.name, count: one.faults })));
    at("next-told").replaceChildren(...told);
  };

  const cells = (...texts) => texts.map((text) => make("td", {}, ...(Array.isArray(text) ? text : [text])));
  const heads = (...keys) => make("thead", {}, make("tr", {}, ...keys.map((key) => make("th", { scope: "col" }, say(`data.col_${key}`)))));

  const showTables = () => {
    const rows = found.tables.map((one) => {
      const headings = one.headings.length ? one.headings.join("；") : one.rows ? say("data.own_headings") : "";
      const unread = one.unread.length ? make("div", { class: "warn" }, say("data.unread", { names: one.unread.join("、") })) : "";
      const bases = one.bases.map((of) => make("li", {}, `${of.of}：${Object.entries(of.counts).map(([basis, count]) => `${basis} ${number(count)}`).join("，")}`));
      return make("tr", {}, make("th", { scope: "row" }, one.table), ...cells(one.file), make("td", { class: "number" }, one.rows ? number(one.rows) : ""), ...cells(one.datum, [headings, unread], [make("ul", { class: "bases" }, ...bases)]));
    });
    at("tables").replaceChildren(make("table", {}, heads("table", "file", "rows", "datum", "headings", "bases"), make("tbody", {}, ...rows)));
  };

  // Offer to undo what was just done, which the history holds.
  let last = "";
  const mayUndo = (id) => {
    last = typeof id === "string" ? id : last;
    at("undo").hidden = !last;
  };
  at("undo").addEventListener("click", () => doing(at("undo"), async () => {
    await send(`${way}/undo`, { id: last });
    last = "";
    mayUndo();
    at("sending").textContent = say("data.undone");
    await read();
  }));

  const showFiles = () => {
    const rows = found.files.map((one) => {
      const remove = make("button", { type: "button", class: "plain", "aria-label": `${say("data.remove")} ${one.name}` }, say("data.remove"));
      remove.addEventListener("click", () => doing(remove, async () => {
        const said = await files.question(at("asked"), say("data.ask_remove", { file: one.name }), { yes: say("data.yes_remove"), no: say("data.cancel") });
        if (said !== "yes") return;
        mayUndo((await send(`${way}/files/${encodeURIComponent(one.name)}/remove`, {})).id);
        tell(say("data.removed", { file: one.name }));
        await read();
      }));
      const does = [make("a", { href: saved(one.name), download: one.name, "aria-label": `${say("data.download")} ${one.name}` }, say("data.download")), " "];
      if (one.name !== "district.toml") does.push(remove);
      const called = one.shown ? make("a", { href: page(one.name) }, one.name) : one.name;
      return make("tr", {}, make("th", { scope: "row" }, called), make("td", { class: "number" }, say("data.bytes", { size: number(Math.ceil(one.bytes / 1024)) })), ...cells(one.changed, one.tables.join("、") || (one.shown ? say("data.not_read") : "")), make("td", { class: "short" }, ...does));
    });
    at("list").replaceChildren(make("table", {}, heads("file", "size", "changed", "read", "do"), make("tbody", {}, ...rows)));
  };

  const showCard = () => {
    const form = at("card-form");
    for (const [key, value] of Object.entries(found.card.values)) {
      const field = form.elements.namedItem(key);
      if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === String(value))) field.append(make("option", { value }, value));
      field.value = value;
    }
  };

  const settle = () => {
    at("next").removeAttribute("aria-busy");
    document.documentElement.dataset.ready = "yes";
  };
  const read = async () => {
    at("next").setAttribute("aria-busy", "true");
    try {
      found = await ask(way);
    } catch (error) {
      at("next-told").replaceChildren(make("p", { class: "bad" }, error.message));
      settle();
      return;
    }
    extra = [];
    at("filter-file").replaceChildren(at("filter-file").options[0], ...[...new Set(found.findings.map((one) => one.file))].filter(Boolean).map((file) => make("option", { value: file }, file)));
    showFindings();
    showTables();
    showFiles();
    showCard();
    showNext();
    try {
      const told = await ask(`${way}/models`);
      models = told.models;
      extra = told.findings;
      if (told.skipped) tell(say("data.skipped", { places: number(told.skipped) }));
      showFindings();
      showNext();
    } catch (error) {
      if (!(error instanceof allocate.Refused)) throw error;
      tell(error.message, { bad: true });
    }
    settle();
  };

  const take = async (chosen) => {
    if (chosen.length === 0) return;
    delete document.documentElement.dataset.ready;
    at("next").setAttribute("aria-busy", "true");
    const taken = await files.upload(name, chosen, { place: at("asked"), status: at("sending"), bar: at("sent"), most: data.most });
    mayUndo(taken);
    await read();
  };

  const estimate = async () => {
    at("sending").textContent = say("data.estimating");
    try {
      const made = await send(`${way}/estimate`);
      const told = { ...made, files: made.files.join("、"), aside: made.aside.join("、") || say("data.nobody") };
      const warnings = make("ul", {}, ...made.warnings.slice(0, 20).map((text) => make("li", {}, text)));
      const said = await files.question(at("asked"), say("data.ask_estimate", told), { yes: say("data.yes_estimate"), no: say("data.no_estimate") }, warnings);
      if (said !== "yes") {
        await send(`${way}/uploads/${made.upload}/drop`);
        at("sending").textContent = say("data.none_left");
        return;
      }
      mayUndo(await files.judge(name, made.upload, { place: at("asked"), status: at("sending"), replace: made.replace, aside: made.aside }));
      await read();
    } finally {
      if (at("sending").textContent === say("data.estimating")) at("sending").textContent = "";
    }
  };

  const drop = at("drop");
  for (const event of ["dragenter", "dragover"]) {
    drop.addEventListener(event, (dragged) => {
      dragged.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  // (A file that is dropped beside would open in the place of the page.)
  for (const event of ["dragover", "drop"]) window.addEventListener(event, (dragged) => dragged.preventDefault());
  at("choose").addEventListener("change", async () => {
    const chosen = [...at("choose").files];
    at("choose").value = "";
    await take(chosen);
  });
  for (const id of ["filter-kind", "filter-file", "filter-text"]) at(id).addEventListener("input", showFindings);
  at("filter").addEventListener("submit", (event) => event.preventDefault());

  at("card-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = at("card-form");
    doing(form.querySelector("button"), async () => {
      const changes = {};
      for (const [key, before] of Object.entries(found.card.values)) {
        const value = form.elements.namedItem(key).value.trim();
        if (value !== String(before)) changes[key] = value;
      }
      at("card-faults").hidden = true;
      if (Object.keys(changes).length === 0) return tell(say("data.nothing_changed"));
      let faults = false;
      for (;;) {
        try {
          mayUndo((await send(`${way}/card`, { version: found.card.version, changes, faults })).id);
          tell(say("data.saved"));
          return read();
        } catch (error) {
          if (!(error instanceof allocate.Refused)) throw error;
          if (error.content.why !== "faults") {
            at("card-faults").hidden = false;
            at("card-faults").replaceChildren(...error.problems.map((one) => make("li", {}, one.text)));
            throw error;
          }
          const list = make("div", { class: "scroll" }, files.table(error.content.findings, (one) => say("data.go_cell", { row: one.row })));
          const count = error.content.findings.length + error.content.left;
          const said = await files.question(at("asked"), say("data.ask_faults", { count }), { faults: say("data.yes_faults"), no: say("data.no") }, list);
          if (said !== "faults") return undefined;
          faults = true;
        }
      }
    });
  });

  (async () => {
    const waiting = new URLSearchParams(location.search).get("upload");
    await read();
    if (waiting) {
      history.replaceState(null, "", location.pathname);
      mayUndo(await files.judge(name, waiting, { place: at("asked"), status: at("sending") }));
      await read();
    }
  })();
})();
