"use strict";
// A run: how far it is, as it goes on; what it printed; what came of it, and what can be done next.
(() => {
  const { data, doing, make, number, say, send, ask, tell } = allocate;
  const byId = (id) => document.getElementById(id);
  const LIVE = ["running", "stopping"];
  const ENDED = ["finished", "stopped", "failed", "killed"];
  const MOST_LINES = 2000;
  const MOST_POINTS = 600;
  const language = document.documentElement.lang;
  const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 6 });
  const mark = (one) => ({ running: "live", stopping: "live", waiting: "waiting", finished: "good", failed: "bad", killed: "bad" })[one] ?? "warn";
  let run = data.run;
  let far = { ...run.progress };
  let heardAt = Date.now();
  let beganAt = Date.now() - 1000 * (run.seconds ?? 0);
  const printed = [];
  const said = [];
  const points = new Map();
  const figures = new Map();
  let latestStage = "";
  let chosenStage = "";
  let since = "";
  let source = null;
  let timer = 0;
  let drawTimer = 0;

  const has = (value) => typeof value === "number" && Number.isFinite(value);
  const stageName = (stage) => {
    const [head, part] = String(stage).split(".");
    const name = data.stages[head] ?? head;
    return part === "worst" ? say("runs.stage_worst", { stage: name }) : part === "sum" ? say("runs.stage_sum", { stage: name }) : name;
  };
  // Gaps are rounded up: no plan is shown as better proven than it is.
  const percent = (value) => say("runs.percent", { value: number(Math.max(0, Math.ceil(value * 10000 - 1e-9)) / 100) });
  const put = (id, text) => {
    const element = byId(id);
    if (element.textContent !== text) element.textContent = text;
  };

  // What is known of the run itself.
  const drawRun = () => {
    const state = byId("state");
    put("state", run.state === "waiting" && run.place ? say("runs.waiting_place", { place: run.place }) : say(`runs.state_${run.state}`));
    state.className = `mark ${mark(run.state)}`;
    put("title", run.title);
    put("note", run.note);
    byId("note").hidden = !run.note;
    byId("note").classList.toggle("bad", ["failed", "killed"].includes(run.state));
    const isLive = LIVE.includes(run.state) || run.state === "waiting";
    const cancel = byId("cancel");
    cancel.hidden = !isLive;
    const isPlan = run.verb === "plan";
    const key = run.state === "waiting" ? "cancel_waiting" : run.state === "stopping" ? "cancel_now" : isPlan ? "cancel_keep" : "cancel";
    put("cancel", say(`runs.${key}`));
    const open = byId("open");
    const [way, text] = run.result.plan
      ? [`/plans/${run.result.plan.split("/").map(encodeURIComponent).join("/")}`, say("runs.open_plan", { name: run.result.plan })]
      : run.result.answer
        ? [`/answers/${encodeURIComponent(run.result.answer[0])}`, say("runs.open_answer", { name: run.result.answer[0] })]
        : ["", ""];
    open.hidden = !way;
    open.textContent = text;
    if (way) open.href = way;
    const ended = ENDED.includes(run.state);
    byId("go-on").hidden = !(ended && isPlan && run.kept && !run.result.plan);
    byId("again").hidden = !ended;
    byId("remove").hidden = !ended;
    byId("edit").hidden = !(run.state === "failed" && run.model && run.code !== 3);
    byId("why").hidden = !(run.state === "failed" && isPlan && run.code === 3);
    // (What came of it comes first once there is something.)
    if (ended && run.state !== "waiting") byId("far").before(byId("printed"));
    drawLines();
    drawFar();
  };

  // Lines in groups: by what stands at their head, points below the line that they belong to.
  const HEAD = /^([\u4e00-\u9fff]{2,4}(?=\u3000)|[\u4e00-\u9fff]{2}(?= )|[a-z]{4,10}(?= {2}))[ \u3000]+(\S.*[^：:])$/u;
  const grouped = (lines) => {
    const made = [];
    let list = null;
    let heads = null;
    let last = "";
    for (const line of lines) {
      if (line.trim() === "") continue;
      const point = /^\s*\* (.*)$/u.exec(line);
      const head = HEAD.exec(line);
      const more = /^[ \u3000]{2,}(\S.*)$/u.exec(line);
      if (point) {
        if (!list) {
          list = make("ul");
          if (heads) heads.lastChild.append(list);
          else made.push(list);
        }
        list.append(make("li", {}, point[1]));
        continue;
      }
      list = null;
      if (more && heads) {
        heads.lastChild.append(make("p", {}, more[1]));
      } else if (head) {
        if (!heads) made.push((heads = make("dl")));
        if (last === head[1]) heads.lastChild.append(make("p", {}, head[2]));
        else heads.append(make("dt", {}, head[1]), make("dd", {}, make("p", {}, head[2])));
        last = head[1];
      } else {
        heads = null;
        last = "";
        made.push(make("p", {}, line.replace(/^allocate: /u, "")));
      }
    }
    return made;
  };
  const fill = (section, lines) => {
    section.hidden = lines.length === 0;
    section.querySelector(".printed").replaceChildren(...grouped(lines));
  };
  let linesShown = "";
  const drawLines = () => {
    const failed = run.state === "failed";
    const now = `${failed} ${run.state === "running"} ${printed.length} ${said.length} ${printed.at(-1)} ${said.at(-1)}`;
    if (now === linesShown) return;
    linesShown = now;
    // (What went wrong comes last; what stands before it is how far it had come.)
    const from = Math.max(0, said.findLastIndex((line) => line.startsWith("allocate: ")));
    fill(byId("faults"), failed ? said.slice(from) : []);
    fill(byId("printed"), printed);
    byId("process").hidden = said.length === 0;
    put("said", said.join("\n"));
  };

  // How far it is.
  const drawFar = () => {
    const isLive = LIVE.includes(run.state);
    const knows = Object.keys(far).length > 0;
    byId("far").hidden = !(isLive || knows);
    if (byId("far").hidden) return;
    const phase = run.state === "stopping" ? say("runs.stopping") : far.phase && isLive ? phaseText() : isLive ? say("runs.begins") : say(figures.size && run.state === "finished" ? "runs.proven" : "runs.was");
    put("phase", phase);
    drawFigures(isLive);
    // (Of a plan that is written, its own lines say whom it serves.)
    const years = run.result.plan ? [] : Object.keys(far.people ?? {}).sort();
    byId("people").hidden = years.length === 0;
    const [head, row] = byId("people").querySelectorAll("tr");
    const told = JSON.stringify(far.people ?? {});
    if (byId("people").dataset.told !== told) {
      byId("people").dataset.told = told;
      head.replaceChildren(...years.map((year) => make("th", { scope: "col", class: "number" }, say("runs.year", { year }))));
      row.replaceChildren(...years.map((year) => make("td", { class: "number" }, number(far.people[year]))));
    }
    drawTime();
    drawChart();
  };
  // One row for each stage, as it was told last; nothing is a row before its stage has begun.
  let figuresShown = "";
  const drawFigures = (isLive) => {
    const now = JSON.stringify([[...figures], far.stage, isLive]);
    if (now === figuresShown) return;
    figuresShown = now;
    const cell = (value, write) => make("td", { class: "number" }, has(value) ? write(value) : "—");
    const rows = [...figures].filter(([stage, one]) => has(one.incumbent) || (isLive && stage === far.stage));
    byId("figures").hidden = rows.length === 0;
    byId("figures").tBodies[0].replaceChildren(...rows.map(([stage, one]) =>
      make("tr", isLive && stage === far.stage ? { "aria-current": "step" } : {},
        make("th", { scope: "row" }, stageName(stage)), cell(one.incumbent, short.format), cell(one.bound, short.format), cell(one.gap, percent))));
  };
  const phaseText = () => {
    const values = { stage: far.stage ? stageName(far.stage) : "", done: far.done ?? 0, count: far.count ?? 0 };
    const key = `runs.phase_${far.phase}`;
    const text = say(has(far.count) ? `${key}_count` : key, values);
    return text.startsWith("runs.phase_") ? say(key, values) : text;
  };
  const drawTime = () => {
    const seconds = LIVE.includes(run.state) ? Math.max(0, (Date.now() - beganAt) / 1000) : (run.seconds ?? 0);
    const limit = run.verb === "plan" ? (run.asked.seconds ?? 200) : run.asked.seconds;
    const bar = byId("elapsed");
    bar.hidden = !limit;
    if (limit) bar.value = Math.min(1, seconds / limit);
    put("elapsed-text", limit ? say("runs.elapsed_of", { seconds: number(Math.round(seconds)), limit: number(limit) }) : say("runs.elapsed", { seconds: number(Math.round(seconds)) }));
  };

  // The chart: best value and bound of one stage over time.
  const draw = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const remember = (one) => {
    if (Array.isArray(one.proof)) {
      // (What is proven in the end, and not what was known while it was looked for.)
      figures.clear();
      for (const { stage, incumbent, bound, gap } of one.proof) figures.set(stage, { incumbent, bound, gap });
      return;
    }
    if (one.stage) {
      const { incumbent, bound, gap } = { ...figures.get(one.stage), ...one };
      figures.set(one.stage, { incumbent, bound, gap });
    }
    // (A bound of nothing yet says nothing, and would leave no room for what comes.)
    if (!one.stage || !has(one.seconds) || !has(one.incumbent)) return;
    if (!points.has(one.stage)) points.set(one.stage, []);
    const list = points.get(one.stage);
    list.push([one.seconds, has(one.incumbent) ? one.incumbent : null, has(one.bound) ? one.bound : null]);
    // (Long runs: every other point of the older half is enough to see how it went.)
    if (list.length > MOST_POINTS) points.set(one.stage, list.filter((_, at) => at % 2 === 0 || at > MOST_POINTS / 2));
    latestStage = one.stage;
  };
  let chartShown = "";
  const drawChart = () => {
    const names = [...points.keys()].filter((name) => points.get(name).length > 1);
    const select = byId("chart-stage");
    byId("chart").hidden = names.length === 0;
    if (names.length === 0) return;
    if (select.options.length !== names.length) {
      select.replaceChildren(...names.map((name) => make("option", { value: name }, stageName(name))));
    }
    const stage = names.includes(chosenStage) ? chosenStage : names.includes(latestStage) ? latestStage : names.at(-1);
    select.value = stage;
    const list = points.get(stage);
    const now = `${stage} ${list.length} ${list.at(-1)}`;
    if (now === chartShown) return;
    chartShown = now;
    const numbers = list.flatMap(([, value, bound]) => [value, bound]).filter((one) => one !== null);
    let [low, high] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
    if (high - low < 1e-9) [low, high] = [low - 1, high + 1];
    const [first, last] = [list[0][0], Math.max(list.at(-1)[0], list[0][0] + 1)];
    const [width, height, left, right, top, bottom] = [640, 240, 90, 10, 14, 30];
    const x = (seconds) => left + ((seconds - first) / (last - first)) * (width - left - right);
    const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
    const path = (at) => {
      let way = "";
      for (const point of list) {
        if (point[at] === null) continue;
        const [px, py] = [x(point[0]).toFixed(1), y(point[at]).toFixed(1)];
        way += way ? `H${px}V${py}` : `M${px} ${py}`;
      }
      return way;
    };
    const text = (px, py, anchor, what) => draw("text", { x: px, y: py, "text-anchor": anchor }, what);
    const known = (at) => list.findLast((point) => point[at] !== null)?.[at];
    const label = say("runs.chart_text", {
      stage: stageName(stage),
      value: has(known(1)) ? short.format(known(1)) : "—",
      bound: has(known(2)) ? short.format(known(2)) : "—",
      seconds: number(Math.round(list.at(-1)[0])),
    });
    byId("drawing").replaceChildren(
      draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
        draw("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }),
        text(left - 6, top + 5, "end", short.format(high)),
        text(left - 6, height - bottom, "end", short.format(low)),
        text(left, height - 10, "start", say("runs.seconds", { seconds: number(Math.round(first)) })),
        text(width - right, height - 10, "end", say("runs.seconds", { seconds: number(Math.round(last)) })),
        draw("path", { class: "bound", d: path(2) }),
        draw("path", { class: "value", d: path(1) })));
  };
  byId("chart-stage").addEventListener("change", (event) => {
    chosenStage = event.target.value;
    drawChart();
  });

  // Listening: only while the page is seen, as a browser holds few lines to one server.
  const drawSoon = () => {
    drawTimer ||= setTimeout(() => {
      drawTimer = 0;
      drawLines();
      drawFar();
    }, 120);
  };
  const heard = (event) => {
    if (event.lastEventId) since = event.lastEventId;
    heardAt = Date.now();
    byId("line").hidden = true;
    return JSON.parse(event.data);
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const listen = () => {
    clearTimeout(timer);
    if (source || document.hidden) return;
    const mine = (source = new EventSource(`/api/runs/${run.id}/events?since=${since}`));
    source.addEventListener("progress", (event) => {
      const one = heard(event);
      const people = one.people ?? far.people;
      far = people ? { ...one, people } : one;
      remember(one);
      drawSoon();
    });
    source.addEventListener("line", (event) => {
      const one = heard(event);
      const list = one.said ? said : printed;
      list.push(one.text);
      if (list.length > MOST_LINES) list.splice(0, list.length - MOST_LINES);
      drawSoon();
    });
    source.addEventListener("state", (event) => {
      const told = heard(event);
      const started = told.started && !run.started;
      run = { ...run, ...told };
      if (run.started && (started || LIVE.includes(run.state))) beganAt = Math.min(Date.now(), new Date(run.started).getTime());
      if (run.ended && run.started) run.seconds = Math.max(0, (new Date(run.ended) - new Date(run.started)) / 1000);
      drawRun();
    });
    source.addEventListener("end", (event) => {
      heard(event);
      close();
      drawRun();
    });
    source.addEventListener("gone", () => {
      close();
      location.assign("/runs");
    });
    source.onopen = () => {
      byId("line").hidden = true;
    };
    source.onerror = () => {
      if (source !== mine) return;
      byId("line").hidden = false;
      // (Cut off, a browser tries again by itself; refused, it does not.)
      if (mine.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(listen, 3000);
      }
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!ENDED.includes(run.state) || since === "") listen();
  });
  addEventListener("pagehide", close);
  setInterval(() => {
    if (LIVE.includes(run.state) && !document.hidden) drawTime();
  }, 1000);

  // What can be done.
  const button = (id, work) => byId(id).addEventListener("click", (event) => doing(event.currentTarget, work));
  button("cancel", async () => {
    run = { ...run, ...(await send(`/api/runs/${run.id}/cancel`)) };
    tell(say(run.state === "stopping" ? "runs.told" : "runs.cancelled"));
    drawRun();
  });
  const begin = async (asked) => location.assign((await send("/api/runs", asked)).way);
  button("again", () => begin(run.asked));
  button("go-on", () => begin({ ...run.asked, from: `run:${run.id}` }));
  button("why", () => begin({ verb: "explain", model: run.model, changes: run.asked.changes ?? {} }));
  button("remove", async () => {
    if (!confirm(say("runs.remove_sure"))) return;
    await send(`/api/runs/${run.id}/remove`);
    location.assign("/runs");
  });
  button("copy", async () => {
    const code = byId("command");
    try {
      await navigator.clipboard.writeText(code.textContent);
      tell(say("runs.copied"));
    } catch {
      // (Where the browser does not let us: marked, to be copied by hand.)
      getSelection().selectAllChildren(code);
      tell(say("runs.copy_by_hand"));
    }
  });

  const created = byId("created");
  created.textContent = times.format(new Date(created.dateTime));
  drawRun();
  listen();
})();
