"use strict";
// Questions on plans: each starts a run, says how it goes, and leads to what came of it.
const planQuestions = (() => {
  const { make, ask, send, tell } = allocate;
  const { words } = planTables;
  const EVERY = 1500; // ms between two looks at a run
  const SAYS = ["explain", "verify"]; // verbs whose answer is what they print
  const MOST_LINES = 200;
  const OVER = ["finished", "stopped", "failed", "killed"];
  const followed = new Set();

  const wayOf = (name) => `/plans/${name.split("/").map(encodeURIComponent).join("/")}`;
  const compareWay = (names) => `/compare?${names.map((name) => `plan=${encodeURIComponent(name)}`).join("&")}`;

  // What a run printed, once somebody wants to read it.
  const saidBy = (run) => {
    const list = make("ul", { class: "told" });
    const fill = async () => {
      if (list.childElementCount) return;
      let lines = run.result?.lines;
      if (!lines) {
        try {
          lines = (await ask(`/api/runs/${encodeURIComponent(run.id)}`)).result?.lines || [];
        } catch (error) {
          lines = [error.message];
        }
      }
      list.replaceChildren(...lines.slice(0, MOST_LINES).map((line) => make("li", { dir: "auto" }, planTables.cut(String(line)))));
    };
    const box = make("details", { ontoggle: fill }, make("summary", {}, words("what_it_says")), list);
    return box;
  };

  const describe = (run, plan) => {
    const item = make("li", { "data-run": run.id, "data-state": run.state });
    const looks = { finished: "good", failed: "bad", killed: "bad", stopped: "warn" };
    item.append(make("span", { class: `mark ${looks[run.state] || "quiet"}` }, words(`state_${run.state}`)), " ",
      make("a", { href: `/runs/${encodeURIComponent(run.id)}` }, run.title || run.verb || run.id));
    if (run.note) item.append(" ", make("span", { class: "quiet", dir: "auto" }, run.note));
    const made = run.result && run.result.plan;
    if (OVER.includes(run.state) && made && made !== plan && run.verb === "plan") {
      item.append(" ", make("a", { href: wayOf(made) }, words("to_plan")));
      if (plan) item.append(" ", make("a", { class: "button", href: compareWay([plan, made]) }, words("compare_both")));
    }
    if (OVER.includes(run.state) && run.result && run.result.answer) {
      item.append(" ", make("a", { href: `/answers/${encodeURIComponent(run.result.answer[0])}` }, words("to_answer")));
    }
    if (OVER.includes(run.state) && SAYS.includes(run.verb)) item.append(saidBy(run));
    return item;
  };

  // Looks at a run until it is over, and shows it at the head of a list.
  const follow = async (list, id, plan, done = null) => {
    if (followed.has(id)) return;
    followed.add(id);
    for (;;) {
      let run = null;
      try {
        run = await ask(`/api/runs/${encodeURIComponent(id)}`);
      } catch (error) {
        if (error.status) return;
      }
      if (run) {
        const item = describe(run, plan);
        const before = list.querySelector(`[data-run="${CSS.escape(id)}"]`);
        if (before && before.dataset.state !== run.state) before.replaceWith(item);
        else if (!before) { list.querySelector(".none")?.remove(); list.prepend(item); }
        if (OVER.includes(run.state)) {
          if (done) done(run);
          return;
        }
      }
      await new Promise((ready) => setTimeout(ready, EVERY));
    }
  };

  // Starts a run; what keeps it from beginning is told by whoever pressed the button.
  const start = async (asked, list, plan, done = null) => {
    const { id } = await send("/api/runs", asked);
    tell(words("started"));
    follow(list, id, plan, done);
    return id;
  };

  // The runs that a plan has to do with, the newest first.
  const list = async (element, concerns, plan) => {
    let runs = [];
    try {
      ({ runs } = await ask("/api/runs"));
    } catch {
      runs = [];
    }
    const mine = runs.filter(concerns).slice(0, 12);
    element.replaceChildren(...(mine.length ? mine.map((run) => describe(run, plan)) : [make("li", { class: "quiet none" }, words("no_runs"))]));
    for (const run of mine) if (!OVER.includes(run.state)) follow(element, run.id, plan);
    return runs;
  };

  // Waits until a plan has been rechecked, and returns what was found.
  const rechecked = async (name) => {
    for (;;) {
      let found;
      try {
        found = await ask(`/api${wayOf(name)}/recheck`);
      } catch (error) {
        return { state: "failed", lines: [error.message], more: 0 };
      }
      if (found.state !== "checking") return found;
      await new Promise((ready) => setTimeout(ready, EVERY));
    }
  };

  return { start, list, rechecked, wayOf, compareWay };
})();
