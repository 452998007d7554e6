"use strict";
// The page of a plan: map and tables follow each other, questions start runs, files are fetched.
(() => {
  const { data, make, ask, send, tell, doing } = allocate;
  const { table, words } = planTables;
  const byId = (id) => document.getElementById(id);
  const frame = byId("map");
  const yearBox = byId("year");
  const narrow = matchMedia("(max-width: 60rem)");
  const state = { year: data.years[data.years.length - 1], site: null, runs: [], numbers: [], rules: [], tables: {} };
  const leaf = data.name.split("/").pop();

  /* ---- the map in its frame: it has no origin, so what it says is known by its window ---- */

  const toMap = (message) => frame.contentWindow.postMessage(message, "*");
  frame.addEventListener("load", () => {
    toMap({ allocate: "year", year: state.year });
    if (state.site) toMap({ allocate: "fly", site: state.site });
  });
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.data === null || typeof event.data !== "object") return;
    const { allocate: kind, site, year } = event.data;
    if (kind === "site" && typeof site === "string") chooseSite(site, { byMap: true });
    if (kind === "year" && data.years.includes(year)) chooseYear(year, { byMap: true });
  });
  frame.src = data.map;

  /* ---- years and sites ---- */

  const chooseYear = (year, { byMap = false } = {}) => {
    if (year === state.year) return;
    state.year = year;
    yearBox.value = String(year);
    for (const made of Object.values(state.tables)) made.setYear(year);
    if (!byMap) toMap({ allocate: "year", year });
  };
  yearBox.value = String(state.year);
  yearBox.addEventListener("change", () => chooseYear(Number(yearBox.value)));

  const chooseSite = async (site, { byMap = false } = {}) => {
    state.site = site;
    if (!byMap) toMap({ allocate: "fly", site });
    if (byMap) {
      if (state.tables.sites?.show("id", site)) chooseTab("sites");
    }
    let card = null;
    try {
      card = await ask(`${data.api}/site?id=${encodeURIComponent(site)}`);
    } catch (error) {
      if (!error.status) tell(error.message, { bad: true });
    }
    // (Another one may have been chosen meanwhile.)
    if (state.site !== site) return;
    showCard(site, card);
    if (narrow.matches && !byMap) frame.scrollIntoView({ block: "start" });
  };

  const showCard = (site, card) => {
    const box = byId("card");
    box.hidden = false;
    byId("card-title").textContent = card ? card.name : site;
    const content = byId("card-content");
    if (!card) {
      content.replaceChildren(make("p", {}, words("no_card")));
      return;
    }
    const acts = make("p", { class: "row" });
    if (data.model && card.decided) {
      if (card.stands) acts.append(make("button", { type: "button", onclick: () => whatIf(card, false) }, words("drop")));
      acts.append(make("button", { type: "button", onclick: () => whatIf(card, true) }, words("force")));
    }
    if (data.model && card.cannot) acts.append(make("span", { class: "quiet" }, card.cannot));
    if (card.file && state.files?.has("cards")) {
      acts.append(make("a", { class: "button", target: "_blank", rel: "noopener", href: `${data.way}/shown/cards/${encodeURIComponent(card.file)}` }, words("print_card")));
    }
    const parts = card.parts.flatMap((part) => {
      const list = make("dl", { class: "lines" });
      for (const line of part.lines) list.append(line.label ? make("dt", {}, line.label) : make("dt", { class: "none" }), make("dd", { dir: "auto" }, line.text));
      return [make("h3", {}, part.title), list];
    });
    content.replaceChildren(make("p", { dir: "auto" }, card.about.filter(Boolean).join(" · ")),
      card.example ? make("p", {}, make("span", { class: "mark warn" }, words("example"))) : "", acts, ...parts);
    box.scrollTop = 0;
    byId("notice").append(make("span", { class: "only-heard", id: "heard" }, words("chosen", { name: card.name })));
    setTimeout(() => byId("heard")?.remove(), 3000);
  };
  byId("card-close").addEventListener("click", () => {
    byId("card").hidden = true;
    state.site = null;
    byId("tab-sites").focus();
  });

  /* ---- tabs ---- */

  const tabs = [...document.querySelectorAll("[role=tab]")];
  const chooseTab = (name, { focus = false } = {}) => {
    for (const tab of tabs) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(chosen));
      if (chosen) tab.removeAttribute("tabindex");
      else tab.setAttribute("tabindex", "-1");
      byId(tab.getAttribute("aria-controls")).hidden = !chosen;
      if (chosen && focus) tab.focus();
    }
    if (name === "changes") loadTable("changes", "change_log", byId("panel-changes"), changesOptions);
    if (name === "others") showOther();
    if (name === "questions") {
      listRuns();
      listSpots();
    }
    if (name === "export") listFiles();
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => chooseTab(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      chooseTab(tabs[(to + tabs.length) % tabs.length].id.slice(4), { focus: true });
    });
  });

  /* ---- tables ---- */

  const flyBy = (made) => (row) => {
    const site = made().cell(row, "id");
    if (site) chooseSite(site);
  };
  const OPTIONS = {
    scorecard: {
      columns: () => ["status", "strength", "year", "clause", "says", "indicator", "target", "value", "shortfall", "causes"],
      filters: ["status", "document", "year", "strength"], marks: ["status"], name: "says", open: true,
      more: (row) => (state.tables.scorecard.code(row) === "missed" ? askWhy() : null),
    },
    sites: {
      columns: (year) => ["year", "action", "name", "kind", "town", `serves_${year ?? state.year}`, `only_site_of_${year ?? state.year}`, "cost", "reason", "basis"],
      filters: ["town", "kind", "action"], name: "name", pick: flyBy(() => state.tables.sites), skip: [],
    },
    towns: {
      columns: () => ["town", "people", "served", "served_share", "no_capacity", "out_of_range", "covered_share", "sited", "today_share", "draws_low", "draws_high"],
      name: "town", year: "year", pick: (row) => { state.tables.sites.choose("town", state.tables.towns.cell(row, "town")); chooseTab("sites", { focus: true }); },
    },
  };
  const changesOptions = {
    columns: () => ["change", "name", "kind", "town", "item", "before", "after", "difference", "once", "each_year_more", "remark"],
    filters: ["change", "town", "kind"], name: "name", year: "year", open: true, pick: flyBy(() => state.tables.changes),
  };

  const askWhy = () => make("p", {}, make("button", { type: "button", onclick: (event) => doing(event.target, () => question("explain")) }, words("why")));

  const put = (name, panel, content, options) => {
    const made = table(content, options);
    state.tables[name] = { ...made, code: (row) => content.codes.status?.[row] };
    panel.replaceChildren(made.element);
    made.setYear(state.year);
  };

  const loadTable = async (name, which, panel, options) => {
    if (state.tables[name]) return;
    panel.replaceChildren(make("p", { class: "quiet" }, words("loading")));
    try {
      put(name, panel, await ask(`${data.api}/tables/${encodeURIComponent(which)}`), options);
    } catch (error) {
      panel.replaceChildren(make("p", { class: error.status === 404 ? "quiet" : "bad" }, error.status === 404 ? words("empty") : error.message));
    }
  };

  const other = byId("other");
  const showOther = () => {
    const name = other.value;
    if (!name) return;
    delete state.tables.other;
    loadTable("other", name, byId("other-table"), { open: true, pick: (row) => flyBy(() => state.tables.other)(row) });
  };
  other.addEventListener("change", showOther);

  const begin = async () => {
    const panel = byId("panel-scorecard");
    panel.replaceChildren(make("p", { class: "quiet", role: "status" }, words("loading")));
    let content;
    try {
      content = await ask(`${data.api}/tables`);
    } catch (error) {
      panel.replaceChildren(make("p", { class: "bad" }, error.message));
      return;
    }
    for (const [name, one] of Object.entries(content.tables)) put(name, byId(`panel-${name}`), one, OPTIONS[name]);
    [state.numbers, state.rules] = [content.numbers, content.rules];
    for (const one of content.others) if (one.rows) other.append(make("option", { value: one.name }, `${one.title}（${allocate.number(one.rows)}）`));
    offerNumbers();
    document.documentElement.dataset.ready = "yes";
    listFiles();
    recheck();
  };

  /* ---- whether the figures hold ---- */

  const recheck = async () => {
    const mark = byId("recheck");
    const found = await planQuestions.rechecked(data.name);
    const [key, look] = { sound: ["sound", "good"], wrong: ["wrong", "bad"] }[found.state] || ["not_rechecked", "warn"];
    mark.textContent = words(key);
    mark.className = `mark ${look}`;
    mark.dataset.state = found.state;
    const lines = byId("recheck-lines");
    // (Of a sound plan, what is said before its one line is what could not be looked at.)
    lines.hidden = found.lines.length < (found.state === "sound" ? 2 : 1);
    lines.replaceChildren(...found.lines.map((line) => make("li", { dir: "auto" }, planTables.cut(line))), ...(found.more ? [make("li", {}, words("more_lines", { count: found.more }))] : []));
  };

  /* ---- questions ---- */

  const runs = byId("runs");
  const concerns = (run) => run.plan === data.name || (run.plans || []).includes(data.name) || run.asked?.from === data.name
    || (run.result && run.result.plan === data.name) || (typeof run.name === "string" && run.name.startsWith(`${leaf}-whatif-`));
  const listRuns = async () => {
    state.runs = await planQuestions.list(runs, concerns, data.name);
    const box = byId("number-name");
    const taken = box && (!box.value || data.plans.includes(box.value) || state.runs.some((run) => run.name === box.value));
    if (taken) box.value = freeName();
  };
  const seconds = () => Number(byId("seconds").value) || 60;

  const question = async (verb) => {
    const asked = { verb, plan: data.name };
    if (verb === "alternatives" || verb === "explain") asked.seconds = seconds();
    await planQuestions.start(asked, runs, data.name);
    chooseTab("questions");
  };
  for (const button of document.querySelectorAll("[data-verb]")) button.addEventListener("click", () => doing(button, () => question(button.dataset.verb)));

  // A name that no plan has, and no run will make.
  const freeName = () => {
    const taken = new Set([...data.plans, ...state.runs.map((run) => run.name)]);
    let count = 1;
    while (taken.has(`${leaf}-whatif-${count}`)) count += 1;
    return `${leaf}-whatif-${count}`;
  };

  // The changes that this plan was made with go along: without them something else would be compared.
  const made = () => state.runs.find((run) => run.verb === "plan" && run.result && run.result.plan === data.name);

  const tryChanges = async (changes, name, given) => {
    state.runs = await planQuestions.list(runs, concerns, data.name);
    const before = made();
    const asked = {
      verb: "plan", model: data.model, name, scenario: data.scenario, changes: { ...(before?.changes || {}), ...changes },
      from: data.name, draws: 0, seconds: given,
    };
    await planQuestions.start(asked, runs, data.name, (run) => { if (run.result?.plan) data.plans.push(run.result.plan); });
    chooseTab("questions", { focus: true });
  };

  // A text as TOML writes it.
  const quoted = (text) => JSON.stringify(text).replace(/\u007f/g, "\\u007f");
  const nextRule = () => {
    let count = 1;
    while (state.rules.includes(`what_if_${count}`)) count += 1;
    return `rules.what_if_${count}`;
  };

  const dialog = byId("what-if");
  let pending = null;
  const whatIf = (card, stands) => {
    pending = { card, stands };
    byId("what-if-title").textContent = words(stands ? "force_head" : "drop_head", { name: card.name });
    byId("what-if-name").value = freeName();
    const against = stands && card.against;
    byId("what-if-against").hidden = !against;
    byId("what-if-against").textContent = against ? words("against", { why: card.against }) : "";
    dialog.showModal();
  };
  byId("what-if-cancel").addEventListener("click", () => dialog.close());
  byId("what-if-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { card, stands } = pending;
    const year = Number(byId("what-if-year").value);
    const since = year === data.years[0] ? "" : `year=${year}, `;
    const rule = `{rule="named_sites", sites=[${quoted(card.id)}], stands=${stands}, ${since}strength="must", source=${quoted(words(stands ? "force_source" : "drop_source"))}, basis="assumed"}`;
    doing(event.submitter, async () => {
      await tryChanges({ [nextRule()]: rule }, byId("what-if-name").value.trim(), Number(byId("what-if-seconds").value));
      dialog.close();
    });
  });

  /* ---- where another site could stand ---- */

  const MOST_SPOTS = 12;
  const finder = byId("spot-find");
  const become = (spot) => {
    if (spot.cannot) return spot.cannot;
    if (spot.against) return words("spot_dropped", { why: spot.against });
    return spot.year === null ? words("spot_unused") : words("spot_opens", { year: spot.year });
  };
  const showSpots = () => {
    const asked = finder.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = state.spots.filter((spot) => asked.every((part) => `${spot.name} ${spot.town} ${spot.kind} ${spot.id}`.toLowerCase().includes(part)));
    const shown = found.slice(0, MOST_SPOTS);
    byId("spot-count").textContent = found.length > shown.length ? words("spots_more", { count: allocate.number(found.length), shown: shown.length }) : words("spots_found", { count: found.length });
    const rows = shown.map((spot) => make("tr", {},
      make("th", { scope: "row" }, make("button", { type: "button", class: "plain", dir: "auto", onclick: () => chooseSite(spot.id) }, spot.name)),
      make("td", {}, spot.kind), make("td", { dir: "auto" }, spot.town), make("td", { dir: "auto" }, become(spot)),
      make("td", {}, spot.decided && spot.year !== data.years[0] ? make("button", { type: "button", "data-spot": spot.id, "aria-label": `${words("stand")} ${spot.name}`, onclick: () => whatIf(spot, true) }, words("stand")) : "")));
    byId("spots").replaceChildren(shown.length ? make("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "stand-title" }, make("table", { "aria-labelledby": "stand-title" },
      make("thead", {}, make("tr", {}, ...["spot", "spot_kind", "spot_town", "spot_state"].map((key) => make("th", { scope: "col" }, words(key))), make("td", {}))),
      make("tbody", {}, ...rows))) : "");
  };
  const listSpots = async () => {
    if (!finder || state.spots) return;
    byId("spot-count").textContent = words("loading");
    try {
      state.spots = (await ask(`${data.api}/spots`)).spots;
    } catch (error) {
      byId("spot-count").textContent = error.message;
      return;
    }
    showSpots();
  };
  finder?.addEventListener("input", () => { if (state.spots) showSpots(); });

  const keyBox = byId("number-key");
  const showNow = () => {
    const one = state.numbers.find(({ key }) => key === keyBox.value);
    byId("number-now").textContent = one ? words("now", { value: one.value, basis: one.basis || "–" }) : "";
    byId("number-value").value = one ? one.value : "";
  };
  const offerNumbers = () => {
    if (!keyBox) return;
    keyBox.replaceChildren(...state.numbers.map(({ key, what, title, clause, value }) => make("option", { value: key }, `${clause ? `${clause} ` : ""}${planTables.cut(title).slice(0, 60)} · ${what} = ${value}`)));
    showNow();
    byId("number-name").value = freeName();
  };
  if (keyBox) {
    keyBox.addEventListener("change", showNow);
    byId("number-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const one = state.numbers.find(({ key }) => key === keyBox.value);
      const value = byId("number-value").value.trim();
      if (!one || value === "" || Number(value) === one.value) {
        tell(words("bad_number"), { bad: true });
        return;
      }
      doing(event.submitter, () => tryChanges({ [one.key]: value }, byId("number-name").value.trim(), seconds()));
    });
  }

  /* ---- files ---- */

  const UNITS = ["B", "KB", "MB", "GB"];
  const sizeOf = (bytes) => {
    let [size, unit] = [bytes, 0];
    while (size >= 1000 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
    return `${unit ? size.toFixed(1) : size} ${UNITS[unit]}`;
  };
  const KNOWN = { "plan.json": "json", "sites.csv": "sites", "log.txt": "log", "front.svg": "front" };
  const FORMS = ["pdf", "png", "csv", "geojson", "xlsx", "docx", "gpkg", "cards", "ics", "timetable"];

  const listFiles = async () => {
    let files;
    try {
      ({ files } = await ask(`${data.api}/files`));
    } catch (error) {
      byId("files").replaceChildren(make("p", { class: "bad" }, error.message));
      return;
    }
    state.files = new Map(files.map((file) => [file.name, file]));
    const rows = files.map(({ name, form, bytes, files: count }) => make("tr", {},
      make("th", { scope: "row" }, make("a", { href: `${data.way}/files/${encodeURIComponent(name)}`, download: true }, count === null ? name : `${name}.zip`)),
      make("td", {}, words(`form_${form || KNOWN[name] || "json"}`)),
      make("td", { class: "number" }, count === null ? sizeOf(bytes) : `${words("files_in", { count })} · ${sizeOf(bytes)}`)));
    byId("files").replaceChildren(make("div", { class: "scroll" }, make("table", { "aria-label": words("file") },
      make("thead", {}, make("tr", {}, ...["file", "what", "size"].map((key) => make("th", { scope: "col", class: key === "size" ? "number" : null }, words(key))))),
      make("tbody", {}, ...rows))));
    const there = new Set(files.map((file) => file.form));
    byId("forms").replaceChildren(...FORMS.filter((form) => !there.has(form)).map((form) => make("button", {
      type: "button", "data-form": form, onclick: (event) => doing(event.target, () => planQuestions.start({ verb: "export", plan: data.name, to: form }, byId("made"), data.name, listFiles)),
    }, `${words("make")} ${words(`form_${form}`)}`)));
    showHomeSize();
  };
  const showHomeSize = async () => {
    try {
      state.sizes = state.sizes || await ask("/api/home/size");
    } catch {
      return;
    }
    const { files, bytes } = state.sizes[byId("with-runs").checked ? "with" : "without"];
    byId("home-size").textContent = words("home_size", { count: allocate.number(files), size: sizeOf(bytes) });
  };
  byId("with-runs").addEventListener("change", () => {
    byId("whole-home").href = byId("with-runs").checked ? "/home.zip?runs=1" : "/home.zip";
    showHomeSize();
  });

  byId("rename-to").value = leaf;
  byId("rename-form").addEventListener("submit", (event) => {
    event.preventDefault();
    doing(event.submitter, async () => { location.assign((await send(`${data.api}/rename`, { to: byId("rename-to").value.trim() })).way); });
  });
  byId("remove").addEventListener("click", (event) => doing(event.target, async () => {
    if (!confirm(words("remove_ask", { name: data.name }))) return;
    await send(`${data.api}/remove`, { name: data.name });
    location.assign("/");
  }));

  begin();
})();
