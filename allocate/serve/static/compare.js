"use strict";
// Plans beside each other: chosen here, and shown with what is proven of their differences.
(() => {
  const { data, make, ask, doing, tell } = allocate;
  const { table, words } = planTables;
  const byId = (id) => document.getElementById(id);
  const [FEWEST, MOST] = [2, 6];
  // `base` is what the planner chose, `begun` from which plan each was, `order` the plans, the newest first.
  const state = { asked: data.asked, base: data.asked[0] || null, begun: new Map(), order: [] };
  const place = byId("compared");

  const chosen = () => [...document.querySelectorAll("#choices input:checked")].map((box) => box.value);

  // How many of some plans go back to one, over however many steps.
  const childrenOf = (name, names) => names.filter((one) => {
    const seen = new Set([one]);
    let from = state.begun.get(one);
    while (from !== undefined && !seen.has(from)) {
      if (from === name) return true;
      seen.add(from);
      from = state.begun.get(from);
    }
    return false;
  }).length;

  // The plan that most of the others were begun from; else the oldest.
  const usualBase = (names) => {
    const oldestFirst = [...names].sort((one, other) => state.order.indexOf(other) - state.order.indexOf(one));
    const counts = new Map(oldestFirst.map((name) => [name, childrenOf(name, names)]));
    const most = Math.max(0, ...counts.values());
    return [oldestFirst.find((name) => counts.get(name) === most), most ? "base_begun" : "base_oldest"];
  };

  const offerBase = () => {
    const names = chosen();
    const [usual, why] = usualBase(names);
    const base = names.includes(state.base) ? state.base : usual;
    byId("base").replaceChildren(...names.map((name) => make("option", { value: name, selected: name === base }, name)));
    byId("base-why").textContent = names.length < FEWEST ? "" : base === usual ? words(why) : words("base_chosen");
    byId("choose-note").textContent = names.length >= FEWEST && names.length <= MOST ? "" : words("choose_more");
  };

  const offer = (plans) => {
    const groups = new Map();
    for (const plan of plans) groups.set(plan.district_name || "", [...(groups.get(plan.district_name || "") || []), plan]);
    const boxes = [...groups].map(([district, some]) => make("div", { class: "choice-group" }, district ? make("h3", {}, district) : "", ...some.map((plan) => {
      const box = make("input", { type: "checkbox", value: plan.name, disabled: plan.broken, checked: state.asked.includes(plan.name), onchange: offerBase });
      const about = plan.broken ? words("broken") : [plan.scenario, words("served", plan), words("met", plan)].filter(Boolean).join(" · ");
      return make("label", { class: "choice" }, box, " ", make("span", { dir: "auto" }, plan.name), " ", make("span", { class: "quiet", dir: "auto" }, about));
    })));
    byId("choices").replaceChildren(...(boxes.length ? boxes : [make("p", { class: "quiet" }, words("empty"))]));
    offerBase();
  };

  // From which plan each was begun, as its run says; what was planned in a terminal says nothing of it.
  const readBegun = async () => {
    try {
      const { runs } = await ask("/api/runs");
      for (const run of runs) if (run.verb === "plan" && run.result?.plan && run.asked?.from && !state.begun.has(run.result.plan)) state.begun.set(run.result.plan, run.asked.from);
    } catch {
      state.begun.clear();
    }
  };

  const section = (title, ...content) => make("section", {}, make("h2", {}, title), ...content);

  // The years of all plans in one table: a line for each plan and year.
  const byYear = (parts) => {
    const [first] = parts;
    const names = first.table.fields.map((field) => field.name);
    const fields = [{ name: "plan", heading: words("plan"), note: "", number: false, year: null, kind: "text" }, ...first.table.fields];
    const of = (part, name) => part.table.fields.findIndex((field) => field.name === name);
    const lines = parts.flatMap((part) => part.table.rows.map((row, at) => ({ part, row, at })))
      .sort((one, other) => one.part.table.sorted_by.year[one.at] - other.part.table.sorted_by.year[other.at] || parts.indexOf(one.part) - parts.indexOf(other.part));
    const sorted = Object.fromEntries(names.filter((name) => first.table.sorted_by[name]).map((name) => [name, lines.map(({ part, at }) => part.table.sorted_by[name]?.[at] ?? null)]));
    return {
      name: "by_year", title: words("by_year"), fields, codes: {}, sorted_by: sorted,
      rows: lines.map(({ part, row }) => [part.plan, ...names.map((name) => (of(part, name) < 0 ? "" : row[of(part, name)]))]),
    };
  };

  const OPTIONS = {
    compare_proof: { columns: () => ["compared_with", "stage", "verdict", "cannot_tell", "stage_worth_first", "stage_worth_other", "stage_worth_difference", "span_low", "span_high", "unit", "gap_first", "gap_other", "given_before"], marks: ["verdict"], name: "stage" },
    compare_clauses: { columns: () => ["compared_with", "verdict", "clause", "year", "strength", "indicator", "status_first", "status_other", "target_first", "target_other", "value_first", "value_other", "unit"], filters: ["compared_with", "verdict", "year"], marks: ["verdict", "status_first", "status_other"], name: "indicator", open: true },
    compare_sites: { columns: () => ["compared_with", "site_change", "name", "town", "kind_first", "kind_other", "open_years_first", "open_years_other", "serves_last_first", "serves_last_other", "basis"], filters: ["compared_with", "site_change", "town"], name: "name", open: true },
    compare_money: { filters: ["compared_with", "year"], name: "item" },
  };

  const show = async (names) => {
    place.replaceChildren(make("p", { class: "quiet", role: "status" }, words("loading")));
    byId("map-section").hidden = true;
    const query = names.map((name) => `plan=${encodeURIComponent(name)}`).join("&");
    let content;
    try {
      content = await ask(`/api/compare?${query}`);
    } catch (error) {
      place.replaceChildren(section(words("broken"), make("ul", { class: "faults" }, ...(error.problems.length ? error.problems.map((one) => make("li", {}, one.text)) : [make("li", {}, error.message)]))));
      return;
    }
    const { tables } = content;
    const told = content.pairs.map(({ first, other, lines }) => make("details", {}, make("summary", { dir: "auto" }, words("in_words_of", { first, other })), make("ul", { class: "told" }, ...lines.map((line) => make("li", { dir: "auto" }, line)))));
    place.replaceChildren(
      section(tables.compare_plans.title, table(tables.compare_plans, { name: "plan_name" }).element, make("p", { class: "quiet" }, words("careful"))),
      section(words("by_year"), table(byYear(content.by_year)).element),
      ...["compare_proof", "compare_clauses", "compare_sites", "compare_money", "compare_people"].map((name) => section(tables[name].title, table(tables[name], { idle: ["compared_with"], ...OPTIONS[name] }).element)),
      section(words("in_words"), ...told));
    state.asked = names;
    document.documentElement.dataset.compared = "yes";
    await rechecks(names, query);
  };

  // What does not pass its recheck is not compared; the page with the map says that all have passed, so it waits.
  const rechecks = async (names, query) => {
    const mark = make("p", { id: "rechecks", role: "status", class: "quiet" }, words("rechecking", { names: names.join(words("comma")) }));
    place.prepend(make("section", {}, mark));
    const found = [];
    for (const name of names) found.push([name, await planQuestions.rechecked(name)]);
    if (state.asked !== names) return;
    const wrong = found.filter(([, { state: how }]) => how !== "sound");
    if (wrong.length) {
      const lines = wrong.map(([name, { state: how, lines: told }]) => make("li", { dir: "auto" }, `${name} · ${words(how === "wrong" ? "wrong" : "not_rechecked")}`, make("ul", {}, ...told.map((line) => make("li", { dir: "auto" }, planTables.cut(line))))));
      place.replaceChildren(section(words("wrong"), make("ul", { class: "faults", id: "rechecks", "data-state": "wrong" }, ...lines)));
      return;
    }
    Object.assign(mark, { textContent: words("all_sound"), className: "good" });
    mark.dataset.state = "sound";
    byId("map-section").hidden = false;
    byId("page").src = `/compare/page.html?${query}`;
    byId("write").textContent = words("write_compare");
  };

  byId("base").addEventListener("change", () => {
    state.base = byId("base").value;
    offerBase();
  });
  byId("choose").addEventListener("submit", (event) => {
    event.preventDefault();
    const names = chosen();
    if (names.length < FEWEST || names.length > MOST) {
      tell(words("choose_more"), { bad: true });
      return;
    }
    const base = byId("base").value;
    const ordered = [base, ...names.filter((name) => name !== base)];
    history.replaceState(null, "", planQuestions.compareWay(ordered));
    doing(event.submitter, () => show(ordered));
  });
  byId("write").addEventListener("click", (event) => doing(event.target, () => planQuestions.start({ verb: "compare", plans: state.asked }, byId("runs"), "")));
  byId("scenarios")?.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(event.submitter, () => planQuestions.start({ verb: "scenarios", model: byId("model").value }, byId("runs"), ""));
  });

  const begin = async () => {
    byId("choices").replaceChildren(make("p", { class: "quiet", role: "status" }, words("loading")));
    try {
      const [{ plans }] = await Promise.all([ask("/api/plans"), readBegun()]);
      state.order = plans.map((plan) => plan.name);
      offer(plans);
    } catch (error) {
      byId("choices").replaceChildren(make("p", { class: "bad" }, error.message));
      return;
    }
    if (state.asked.length >= FEWEST) await show(state.asked.slice(0, MOST));
    planQuestions.list(byId("runs"), (run) => run.verb === "compare" || run.verb === "scenarios", "");
    document.documentElement.dataset.ready = "yes";
  };
  begin();
})();
