"use strict";
// The list of runs: looked at again and again while it is seen.
(() => {
  const { ask, data, make, number, say } = allocate;
  const [table, none, count] = ["runs", "none", "count"].map((id) => document.getElementById(id));
  const [state, find] = ["state", "find"].map((id) => document.getElementById(id));
  const body = table.tBodies[0];
  const LIVE = ["running", "stopping"];
  const mark = (one) => ({ running: "live", stopping: "live", waiting: "waiting", finished: "good", failed: "bad", killed: "bad" })[one] ?? "warn";
  const times = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });
  let runs = [];
  let timer = 0;
  let shown = "";

  for (const one of data.states) state.append(make("option", { value: one }, say(`runs.state_${one}`)));

  const gap = (value) => (typeof value === "number" ? say("runs.percent", { value: number(Math.max(0, Math.ceil(value * 10000 - 1e-9)) / 100) }) : "—");
  const worst = (far) => {
    const gaps = Object.values(far?.gaps ?? {}).filter((one) => typeof one === "number");
    return gaps.length ? Math.max(...gaps) : undefined;
  };
  const changesOf = (run) => {
    const keys = Object.keys(run.changes);
    if (keys.length === 0) return ["—"];
    const lines = keys.slice(0, 3).map((one) => {
      const [key, value] = run.called[one];
      return make("li", { title: one }, one in run.before ? say("runs.change", { key, before: run.before[one], value }) : say("runs.change_new", { key, value }));
    });
    if (keys.length > 3) lines.push(make("li", { class: "quiet" }, say("runs.more", { count: keys.length - 3 })));
    return [make("ul", {}, ...lines)];
  };
  const resultOf = (run) => {
    if (run.result.plan) return make("a", { href: `/plans/${run.result.plan.split("/").map(encodeURIComponent).join("/")}` }, run.result.plan);
    if (run.result.answer) return make("a", { href: `/answers/${encodeURIComponent(run.result.answer[0])}` }, run.result.answer[0]);
    return run.kept && run.state !== "finished" ? say("runs.kept") : "—";
  };
  const row = (run) =>
    make("tr", {},
      make("td", {}, make("span", { class: `mark ${mark(run.state)}` }, say(`runs.state_${run.state}`))),
      make("th", { scope: "row" }, make("a", { href: `/runs/${run.id}` }, run.title)),
      make("td", { class: "changes" }, ...changesOf(run)),
      make("td", {}, run.who || "—"),
      make("td", {}, make("time", { datetime: run.created }, times.format(new Date(run.created)))),
      make("td", { class: "number" }, run.seconds === null ? "—" : say("runs.seconds", { seconds: number(Math.round(run.seconds)) })),
      make("td", { class: "number" }, gap(worst(run.progress))),
      make("td", {}, resultOf(run)));

  const draw = () => {
    const wanted = find.value.trim().toLowerCase();
    const some = runs.filter((run) =>
      (!state.value || run.state === state.value) &&
      (!wanted || [run.title, run.who, run.name, run.id, ...Object.keys(run.changes)].some((text) => text.toLowerCase().includes(wanted))));
    const now = JSON.stringify([some, state.value, wanted]);
    if (now === shown) return;
    shown = now;
    const focused = document.activeElement?.closest?.("#runs") ? document.activeElement.getAttribute("href") : null;
    body.replaceChildren(...some.map(row));
    if (focused) [...body.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    table.hidden = some.length === 0;
    none.hidden = runs.length > 0;
    const told = say("runs.count", { shown: number(some.length), count: number(runs.length) });
    if (count.textContent !== told) count.textContent = told;
  };
  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    let wait = 5000;
    try {
      ({ runs } = await ask("/api/runs"));
      draw();
      if (runs.some((run) => LIVE.includes(run.state) || run.state === "waiting")) wait = 1500;
    } catch (error) {
      if (!(error instanceof allocate.Refused)) throw error;
      count.textContent = error.message;
      shown = "";
    }
    timer = setTimeout(look, wait);
  };
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  state.addEventListener("change", draw);
  find.addEventListener("input", draw);
  document.addEventListener("visibilitychange", look);
  look();
})();
