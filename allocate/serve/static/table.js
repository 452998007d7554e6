"use strict";
(() => {
  const { say, ask, send, doing, tell, data, make } = allocate;
  const at = (id) => document.getElementById(id);
  const grid = at("cells");
  const way = `/api/data/${encodeURIComponent(data.name)}`;
  const cellAt = (row, column) => grid.querySelector(`td[data-row="${row}"][data-column="${column}"]`);
  let chosen = null;
  let last = sessionStorage.getItem(`undo:${data.name}:${data.file}`);

  const choose = (cell, { focus = true } = {}) => {
    if (!cell) return;
    if (chosen) {
      chosen.removeAttribute("aria-selected");
      chosen.tabIndex = -1;
    }
    chosen = cell;
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    if (focus) cell.focus({ preventScroll: false });
    if (!data.mended) return;
    const { row, column } = cell.dataset;
    const { letter, heading, title } = data.columns[column];
    at("where").textContent = `${letter}${row} ${title || heading}`;
    const is_long = cell.textContent.length > 500;
    at("value").value = cell.textContent;
    at("value").disabled = at("mend").disabled = is_long;
    at("clear").disabled = Number(row) <= data.heading_row;
    at("alike").hidden = is_long || !cell.title;
    at("asked").replaceChildren();
    at("cell-found").textContent = is_long ? say("data.long_cell") : cell.title;
  };

  grid.addEventListener("click", (event) => choose(event.target.closest("td")));
  grid.addEventListener("dblclick", () => data.mended && at("value").focus());
  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const row = Number(cell.dataset.row);
    const column = Number(cell.dataset.column);
    const to = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, data.columns.length - 1],
    }[event.key];
    if (to) {
      event.preventDefault();
      choose(cellAt(...to));
    } else if ((event.key === "Enter" || event.key === "F2") && data.mended && !at("value").disabled) {
      event.preventDefault();
      at("value").focus();
      at("value").select();
    }
  });
  for (const link of document.querySelectorAll("#found a[data-row]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const cell = cellAt(link.dataset.row, link.dataset.column ?? 0);
      cell?.scrollIntoView({ block: "center", inline: "center" });
      choose(cell);
    });
  }

  const again = (row, column) => {
    const query = new URLSearchParams({ sheet: data.sheet, row, ...(column === undefined ? {} : { column }) });
    location.assign(`${location.pathname}?${query}`);
  };
  const write = async (changes, row, column, alike = {}) => {
    const done = await send(`${way}/cells`, { file: data.file, sheet: data.sheet, version: data.version, changes, ...alike });
    sessionStorage.setItem(`undo:${data.name}:${data.file}`, done.id);
    const { faults } = await ask(way);
    sessionStorage.setItem("told", say("data.mended", { faults }));
    again(row, column);
  };

  if (data.mended) {
    at("editor").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!chosen) return;
      doing(at("mend"), async () => {
        const { row, column } = chosen.dataset;
        const to = at("value").value;
        if (to === chosen.textContent) return tell(say("data.nothing_changed"));
        return write([{ row: Number(row), column: Number(column), to }], row, column);
      });
    });
    at("value").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !chosen) return;
      at("value").value = chosen.textContent;
      chosen.focus();
    });
    // What is wrong in the same way, in all of the column: how many first, then all of them in one step.
    at("alike").addEventListener("click", () => doing(at("alike"), async () => {
      const { row, column } = chosen.dataset;
      const [from, to] = [chosen.textContent, at("value").value];
      if (to === from) {
        tell(say("data.alike_first"), { bad: true });
        return at("value").focus();
      }
      const query = new URLSearchParams({ file: data.file, sheet: data.sheet, row, column, to });
      const found = await ask(`${way}/alike?${query}`);
      if (found.count < 2) return tell(say("data.alike_none"));
      const { letter, heading, title } = data.columns[column];
      const told = { column: `${letter} ${title || heading}`.trim(), count: found.count, from, to, rows: found.rows };
      const yes = make("button", { type: "button", class: "main" }, say("data.yes_alike", { count: found.count }));
      const no = make("button", { type: "button", onclick: () => { at("asked").replaceChildren(); at("value").focus(); } }, say("data.cancel"));
      yes.addEventListener("click", () => doing(yes, () => write([{ row: Number(row), column: Number(column), to }], row, column, { alike: found.count })));
      at("asked").replaceChildren(make("p", { class: "row", id: "alike-asked" }, say(found.same ? "data.ask_alike" : "data.ask_alike_unit", told), " ", yes, " ", no));
      return yes.focus();
    }));
    at("clear").addEventListener("click", () => {
      const { row } = chosen.dataset;
      const yes = make("button", { type: "button", class: "danger" }, say("data.yes_clear"));
      const no = make("button", { type: "button", onclick: () => at("asked").replaceChildren() }, say("data.cancel"));
      yes.addEventListener("click", () =>
        doing(yes, () => {
          const filled = [...grid.querySelectorAll(`td[data-row="${row}"]`)].filter((cell) => cell.textContent !== "");
          return write(filled.map((cell) => ({ row: Number(row), column: Number(cell.dataset.column), to: "" })), row);
        }),
      );
      at("asked").replaceChildren(make("p", { class: "row" }, say("data.ask_clear", { row }), yes, no));
      yes.focus();
    });
    const undo = at("undo");
    undo.hidden = !last;
    undo.addEventListener("click", () =>
      doing(undo, async () => {
        const id = last;
        last = null;
        sessionStorage.removeItem(`undo:${data.name}:${data.file}`);
        await send(`${way}/undo`, { id });
        sessionStorage.setItem("told", say("data.undone"));
        again(chosen?.dataset.row ?? data.first, chosen?.dataset.column);
      }),
    );
  }
  for (const cell of grid.querySelectorAll("td")) cell.tabIndex = -1;
  const first = data.at.row === null ? grid.querySelector("td") : cellAt(data.at.row, data.at.column ?? 0);
  if (first) {
    choose(first, { focus: data.at.row !== null });
    if (data.at.row !== null) first.scrollIntoView({ block: "center", inline: "center" });
  }
  const told = sessionStorage.getItem("told");
  if (told) {
    sessionStorage.removeItem("told");
    tell(told);
  }
  document.documentElement.dataset.ready = "yes";
})();
