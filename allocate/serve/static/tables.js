"use strict";
// Tables of plans: sorted, filtered and paged here; cells come as people read them, and only ever become text.
const planTables = (() => {
  const { make, say } = allocate;
  const PAGE = 50;
  const LONG = 220; // letters of a cell that are shown; all of them stand below the row that is opened
  const words = (key, values) => say(`plans.${key}`, values);
  let tables = 0;

  const cut = (text) => (text.length > LONG ? `${text.slice(0, LONG)}…` : text);

  // How good a status is, for its colour; its word says so as well.
  const LOOKS = { met: "good", missed: "bad", better: "good", worse: "bad", unknown: "warn", undecided: "warn" };

  // Return a table. Options: `columns` (names shown first), `filters` (names chosen from), `name` (column whose button
  // opens a row), `year` (column that follows the chosen year), `pick` (what is done with a row), `open` (whether a
  // picked row shows everything it has), `marks` (columns of codes with a colour).
  const table = (data, options = {}) => {
    const id = `table-${(tables += 1)}`;
    const at = Object.fromEntries(data.fields.map((field, column) => [field.name, column]));
    const state = { page: 0, sort: null, down: false, text: "", chosen: {}, year: null, all: !options.columns, open: null, picked: null };
    const filters = (options.filters || []).filter((name) => name in at && new Set(data.rows.map((row) => row[at[name]])).size > 1);
    const nameColumn = options.name && options.name in at ? options.name : null;
    const lower = data.rows.map((row) => row.join("\u0000").toLowerCase());

    // (Where all rows say the same of which plan they are, the column says nothing.)
    const idle = new Set((options.idle || []).filter((name) => name in at && new Set(data.rows.map((row) => row[at[name]])).size < 2));
    const shown = () => {
      const wanted = state.all ? data.fields.map((field) => field.name) : options.columns(state.year).filter((name) => name in at);
      return wanted.filter((name) => !idle.has(name)).map((name) => data.fields[at[name]]);
    };
    const found = () => {
      const text = state.text.trim().toLowerCase();
      const kept = [...data.rows.keys()].filter((row) =>
        (!text || lower[row].includes(text)) && filters.every((name) => !state.chosen[name] || data.rows[row][at[name]] === state.chosen[name])
        && (state.year === null || !options.year || !(options.year in at) || data.rows[row][at[options.year]] === String(state.year)));
      if (state.sort === null) return kept;
      const numbers = data.sorted_by[state.sort];
      const column = at[state.sort];
      const compare = (one, other) => {
        if (!numbers) return data.rows[one][column].localeCompare(data.rows[other][column], document.documentElement.lang);
        // (What nobody knows comes last, however the others are ordered.)
        const [a, b] = [numbers[one], numbers[other]];
        if (a === null || b === null) return (a === null) - (b === null) ? ((a === null) - (b === null)) * (state.down ? -1 : 1) : 0;
        return a - b;
      };
      return kept.sort((one, other) => (state.down ? -1 : 1) * compare(one, other) || one - other);
    };

    // Short cells stay on one line; long ones get room enough to be read.
    const looks = Object.fromEntries(data.fields.map((column, place) => {
      const longest = data.rows.reduce((most, row) => Math.max(most, row[place].length), 0);
      return [column.name, column.number ? "number" : longest > 24 ? "text long" : longest > 10 ? "text" : "short"];
    }));

    const count = make("p", { class: "quiet", role: "status" });
    const head = make("thead");
    const body = make("tbody");
    const drawn = make("table", { id, "aria-labelledby": `${id}-title` }, make("caption", { class: "only-heard", id: `${id}-title` }, data.title), head, body);
    const pages = make("p", { class: "row pages" });

    const field = (control, text) => make("label", {}, `${text} `, control);
    const textBox = make("input", { type: "search", size: 12, oninput: () => { state.text = textBox.value; state.page = 0; draw(); } });
    const pickers = filters.map((name) => {
      const values = [...new Set(data.rows.map((row) => row[at[name]]))].filter(Boolean).sort((one, other) => one.localeCompare(other, document.documentElement.lang));
      const select = make("select", { "data-filter": name, onchange: () => { state.chosen[name] = select.value; state.page = 0; draw(); } },
        make("option", { value: "" }, words("all")), ...values.map((value) => make("option", { value }, cut(value))));
      return [name, select];
    });
    const allBox = make("input", { type: "checkbox", onchange: () => { state.all = allBox.checked; draw(); } });
    const clear = make("button", { type: "button", class: "plain", onclick: () => { reset(); draw(); } }, words("clear"));
    const controls = make("div", { class: "row controls" }, field(textBox, words("find")),
      ...pickers.map(([name, select]) => field(select, data.fields[at[name]].heading)),
      options.columns ? make("label", {}, allBox, ` ${words("all_columns")}`) : null, clear);

    const reset = () => {
      [state.text, state.chosen, state.page, textBox.value] = ["", {}, 0, ""];
      for (const [, select] of pickers) select.value = "";
    };

    const sortBy = (name) => {
      state.down = state.sort === name ? !state.down : false;
      [state.sort, state.page] = [name, 0];
      draw();
    };

    const drawHead = (columns) => {
      const cells = columns.map((column) => {
        const sorted = state.sort === column.name;
        const button = make("button", { type: "button", class: "sort", title: column.note || null, onclick: () => { sortBy(column.name); head.querySelector(`[data-column="${CSS.escape(column.name)}"] button`)?.focus(); } },
          column.heading, make("span", { "aria-hidden": "true" }, sorted ? (state.down ? " ▼" : " ▲") : ""));
        return make("th", { scope: "col", class: column.number ? "number" : null, "data-column": column.name, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null }, button);
      });
      head.replaceChildren(make("tr", {}, ...cells));
    };

    const cellOf = (row, column) => {
      const text = data.rows[row][at[column.name]];
      const code = data.codes[column.name]?.[row];
      if ((options.marks || []).includes(column.name) && text) return make("span", { class: `mark ${LOOKS[code] || "quiet"}` }, text);
      return cut(text);
    };

    const details = (row, columns) => {
      const list = make("dl", { class: "lines" });
      data.fields.forEach((column, place) => {
        const text = data.rows[row][place];
        if (text && !(options.skip || []).includes(column.name)) list.append(make("dt", {}, column.heading), make("dd", { dir: "auto" }, text));
      });
      const more = options.more ? options.more(row) : null;
      return make("tr", { class: "detail" }, make("td", { colspan: columns.length }, list, more));
    };

    const pick = (row) => {
      state.picked = row;
      if (options.open) state.open = state.open === row ? null : row;
      draw();
      if (options.pick) options.pick(row);
      body.querySelector(`[data-row="${row}"] button`)?.focus({ preventScroll: true });
    };

    const rowOf = (row, columns) => {
      const can = options.pick || options.open;
      const cells = columns.map((column) => {
        const content = cellOf(row, column);
        const named = column.name === nameColumn || (nameColumn === null && column === columns[0]);
        const look = looks[column.name];
        if (!named) return make("td", { class: look, dir: "auto" }, content);
        const inside = can ? make("button", { type: "button", class: "plain pick", "aria-expanded": options.open ? String(state.open === row) : null }, content || "—") : content;
        return make("th", { scope: "row", dir: "auto", class: look }, inside);
      });
      const made = make("tr", { "data-row": row, "aria-selected": can ? String(state.picked === row) : null }, ...cells);
      if (can) made.addEventListener("click", (event) => { if (!event.target.closest("a")) pick(row); });
      return made;
    };

    const turn = (by) => { state.page += by; draw(); };

    const draw = () => {
      const columns = shown();
      const rows = found();
      const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
      state.page = Math.min(state.page, last);
      const first = state.page * PAGE;
      const some = rows.slice(first, first + PAGE);
      drawHead(columns);
      body.replaceChildren(...some.flatMap((row) => (state.open === row ? [rowOf(row, columns), details(row, columns)] : [rowOf(row, columns)])));
      const said = rows.length ? words("rows", { first: first + 1, last: first + some.length, count: allocate.number(rows.length) }) : words("no_rows");
      count.replaceChildren(said, rows.length < data.rows.length ? words("rows_left", { all: allocate.number(data.rows.length) }) : "");
      const back = make("button", { type: "button", disabled: state.page === 0, onclick: () => turn(-1) }, words("before"));
      const on = make("button", { type: "button", disabled: state.page >= last, onclick: () => turn(1) }, words("next"));
      pages.replaceChildren(...(last ? [back, on] : []));
    };

    // Shows a row by what it holds in a column, whatever is filtered; returns whether there is one.
    const show = (name, value) => {
      const fits = (row) => data.rows[row][at[name]] === value;
      const row = [...data.rows.keys()].find(fits);
      [state.picked, state.open] = [row ?? null, options.open ? row ?? null : null];
      if (row === undefined) { draw(); return false; }
      if (!found().includes(row)) reset();
      state.page = Math.max(0, Math.floor(found().indexOf(row) / PAGE));
      draw();
      body.querySelector(`[data-row="${row}"]`)?.scrollIntoView({ block: "nearest" });
      return true;
    };

    const cell = (row, name) => (name in at ? data.rows[row][at[name]] : "");
    const choose = (name, value) => {
      reset();
      for (const [own, select] of pickers) if (own === name) { select.value = value; state.chosen[name] = select.value; }
      draw();
    };
    const setYear = (year) => { state.year = year; draw(); };
    draw();
    const element = make("div", { class: "plan-table" }, ...(data.rows.length > 8 ? [controls, count] : []),
      make("div", { class: data.rows.length > 8 ? "scroll" : "scroll few", tabindex: 0, role: "region", "aria-label": data.title }, drawn), pages);
    return { element, show, cell, choose, setYear, draw };
  };

  return { table, cut, words };
})();
