"use strict";
// The editor of a model: every change is sent at once, checked beside the server, and only then written to the file.
(() => {
  const { say, make, tell, ask, send, doing, data, number, Refused } = allocate;
  const at = (id) => document.getElementById(id);
  const here = `/api/models/${encodeURIComponent(data.name)}`;
  const keyOf = (key) => JSON.stringify(key);

  let view = null;
  let findings = new Map();
  // What was typed and not written, with what is wrong with it, by key.
  const refused = new Map();
  // What is about more rows than this is said once, above them.
  const MOST_ROWS = 4;
  let conflict = false;
  let waiting = Promise.resolve();
  const filter = { text: "", changed: false, must: false };

  // ---- values, as people read and write them ----

  const percent = (value) => Number((value * 100).toPrecision(12));
  const shown = (value, field = {}) => {
    if (value === null || value === undefined || value === "") return say("models.nothing");
    if (typeof value === "boolean") return value ? say("models.yes") : say("models.no");
    if (typeof value === "number") return field.share ? `${percent(value)} %` : /^(years?|seed|\d+)$/.test(String(field.key?.at(-1))) ? String(value) : number(value);
    const named = (one) => field.choices?.find(([code]) => code === one)?.[1] ?? one;
    if (Array.isArray(value)) return value.length ? value.map((one) => (one !== null && typeof one === "object" ? JSON.stringify(one) : named(one))).join(", ") : say("models.nothing");
    return typeof value === "object" ? JSON.stringify(value) : String(named(value));
  };
  const typedAs = (field) => {
    if (field.value === null || field.value === undefined) return "";
    if (field.kind === "number" && typeof field.value === "number") {
      if (field.share) return String(percent(field.value));
      return Math.abs(field.value) >= 10000 && Number.isInteger(field.value) && !/^(years?|seed)$/.test(field.key.at(-1)) ? field.value.toLocaleString("en") : String(field.value);
    }
    return Array.isArray(field.value) ? field.value.join(", ") : String(field.value);
  };
  const plain = (text) => text.normalize("NFKC").trim();
  const asNumber = (text) => {
    const bare = plain(text).replace(/[,_\s%]/g, "");
    const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare) ? Number(bare) : NaN;
    if (!Number.isFinite(found)) throw new TypeError(say("models.not_number"));
    return found;
  };
  const limitsOf = (field) => {
    const parts = [];
    if (field.least !== undefined) parts.push(say("models.at_least", { limit: shown(field.least, field) }));
    if (field.above !== undefined) parts.push(say("models.above", { limit: shown(field.above, field) }));
    if (field.most !== undefined) parts.push(say("models.at_most", { limit: shown(field.most, field) }));
    if (field.below !== undefined) parts.push(say("models.below", { limit: shown(field.below, field) }));
    if (field.whole) parts.push(say("models.whole"));
    return parts.join(say("models.comma"));
  };
  const read = (field, control) => {
    if (field.kind === "switch") return control.checked;
    if (field.kind === "number") {
      if (plain(control.value) === "") return null;
      const found = asNumber(control.value);
      const real = field.share ? found / 100 : found;
      const wrong = (field.least !== undefined && real < field.least) || (field.most !== undefined && real > field.most) || (field.above !== undefined && real <= field.above) || (field.below !== undefined && real >= field.below) || (field.whole && !Number.isInteger(real));
      if (wrong) throw new TypeError(limitsOf(field));
      return field.share ? Number((found / 100).toPrecision(12)) : found;
    }
    if (field.kind === "numbers" || field.kind === "texts") {
      const parts = control.value.normalize("NFKC").split(/[,、;\n]/).map((one) => one.trim()).filter(Boolean);
      if (field.kind === "texts") return parts;
      try {
        return parts.map(asNumber);
      } catch {
        throw new TypeError(say("models.not_numbers"));
      }
    }
    return control.value;
  };

  // ---- one value and its control ----

  let ids = 0;
  const control = (field, { bare = false, of = "" } = {}) => {
    const id = `field-${(ids += 1)}`;
    const name = of ? `${of} ${field.label}` : field.label;
    const code = keyOf(field.key);
    const told = refused.get(code);
    const box = make("div", { class: `field${field.of ? " is-changed" : ""}${field.silent ? " silent" : ""}`, "data-field": code });
    const wrongId = `${id}-wrong`;
    const common = { id, "data-key": code, "aria-label": name, "aria-invalid": told ? "true" : null, "aria-describedby": told ? wrongId : null };
    if (!bare) box.append(make("span", { class: "what", "aria-hidden": "true" }, field.label));
    let input;
    const changed = (event) => {
      let value;
      try {
        value = read(field, event.target);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        refused.set(code, { typed: event.target.value, texts: [error.message] });
        replace(box, field, { bare, of });
        return;
      }
      change([{ key: field.key, value }], box, field.kind === "switch" ? "" : event.target.value);
    };
    if (field.kind === "switch") {
      input = make("input", { ...common, type: "checkbox", checked: field.value === true, onchange: changed });
    } else if (field.kind === "choice") {
      const codes = field.choices.map(([one]) => one);
      const extra = codes.includes(field.value) ? [] : [[field.value ?? "", shown(field.value)]];
      input = make("select", { ...common, onchange: changed }, ...[...extra, ...field.choices].map(([one, text]) => make("option", { value: one, selected: one === (field.value ?? "") }, text)));
    } else if (field.kind === "choices") {
      const values = field.value ?? [];
      const tick = () => {
        const chosen = [...input.querySelectorAll("input")].filter((one) => one.checked).map((one) => one.value);
        const kept = [...values.filter((one) => chosen.includes(one)), ...chosen.filter((one) => !values.includes(one))];
        change([{ key: field.key, value: kept }], box, chosen.join(", "));
      };
      const boxes = field.choices.map(([one, text], n) =>
        make("label", { class: "beside" }, make("input", { type: "checkbox", value: one, checked: values.includes(one), "data-key": `${code}-${one}`, id: `${id}-${n}`, onchange: tick }), " ", text),
      );
      input = make("details", { open: !bare && boxes.length < 12 }, make("summary", {}, field.key[0] === "decides" && !values.length ? say("models.all_decided") : shown(values, field)), make("div", { class: "boxes", role: "group", "aria-label": name }, ...boxes));
    } else if (field.kind === "other") {
      input = make("code", { id }, shown(field.value));
    } else if (field.long && !bare) {
      input = make("textarea", { ...common, rows: 3, onchange: changed }, told?.typed ?? typedAs(field));
    } else {
      const size = field.kind === "number" ? "few" : bare ? "some" : "wide";
      const type = field.kind === "date" ? "date" : "text";
      const limits = field.kind === "number" ? limitsOf(field) : "";
      const empty = field.key.at(-1) === "years" ? say("models.every_year") : field.silent ? say("models.nothing") : null;
      input = make("input", { ...common, type, class: size, inputmode: field.kind === "number" ? "decimal" : null, value: told?.typed ?? typedAs(field), title: limits || null, autocomplete: "off", placeholder: empty, onchange: changed });
    }
    box.append(input);
    const unit = field.share ? "%" : field.unit;
    if (unit) box.append(make("span", { class: "what" }, unit));
    if (field.of) {
      const before = shown(field.base, field);
      box.append(
        make("span", { class: "was" }, make("span", { class: "mark" }, say("models.changed_mark")), " ", say("models.was", { of: field.of, value: before }), " ",
          make("button", { type: "button", class: "plain", "data-key": `${code}-reset`, "aria-label": say("models.reset_of", { name, value: before }), onclick: () => change([{ key: field.key, reset: true }], box, "") }, say("models.reset"))),
      );
    }
    if (told) box.append(make("span", { class: "wrong", id: wrongId }, told.texts.join("\n")));
    return box;
  };
  const replace = (box, field, options) => {
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const made = control(field, options);
    box.replaceWith(made);
    if (focused) made.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  };

  // ---- a rule of one's own ----

  const ruleDialog = make("dialog", { id: "add-rule", "aria-labelledby": "add-rule-title" });
  const addRule = async () => {
    const told = await ask(`${here}/rules`);
    const kinds = make("select", { id: "rule-kind", "aria-describedby": "rule-about" }, ...told.kinds.map((one) => make("option", { value: one.kind }, one.name)));
    const about = make("p", { id: "rule-about", class: "quiet", role: "status" });
    const name = make("input", { id: "rule-name", value: told.name, required: true, maxlength: 40, autocomplete: "off", "aria-describedby": "rule-name-about" });
    const fields = make("div", { id: "rule-fields", class: "settings" });
    const trouble = make("p", { id: "rule-trouble", class: "bad", role: "alert" });
    let shownFields = [];
    const controlOf = (field) => fields.querySelector(`[data-key="${CSS.escape(field.key[0])}"]`);
    const draw = (field) => {
      const key = field.key[0];
      const id = `rule-${key}`;
      const label = [field.label, field.share ? " (%)" : field.unit ? ` (${field.unit})` : "", field.needed ? make("span", { class: "quiet" }, ` · ${say("models.rule_needed")}`) : ""];
      let input;
      if (field.kind === "choices") {
        input = make("div", { class: "boxes", "data-key": key }, ...field.choices.map(([one, text]) => make("label", { class: "beside" }, make("input", { type: "checkbox", value: one, checked: (field.value ?? []).includes(one) }), " ", text)));
        return make("fieldset", { class: "field", "data-field": key }, make("legend", {}, ...label), input);
      }
      if (field.kind === "switch") input = make("input", { id, "data-key": key, type: "checkbox", checked: field.value === true });
      else if (field.kind === "choice") input = make("select", { id, "data-key": key }, ...(field.value === null ? [["", say("models.nothing")]] : []).concat(field.choices).map(([one, text]) => make("option", { value: one, selected: one === (field.value ?? "") }, text)));
      else input = make(field.long ? "textarea" : "input", { id, "data-key": key, rows: field.long ? 2 : null, type: field.long ? null : "text", class: "wide", inputmode: field.kind === "number" ? "decimal" : null, value: typedAs(field), title: field.kind === "number" ? limitsOf(field) || null : null, placeholder: key === "years" ? say("models.every_year") : null, autocomplete: "off" });
      return make("div", { class: "field", "data-field": key }, make("label", { class: "what", for: id }, ...label), input);
    };
    const choose = async () => {
      const kind = kinds.value;
      about.textContent = told.kinds.find((one) => one.kind === kind).about;
      const form = await ask(`${here}/rules?kind=${encodeURIComponent(kind)}`);
      // (Another kind may have been chosen meanwhile.)
      if (kinds.value !== kind) return;
      shownFields = form.fields.filter((field) => field.kind !== "other");
      fields.replaceChildren(...shownFields.map(draw));
      trouble.textContent = "";
    };
    const wrong = (key, text) => {
      const box = fields.querySelector(`[data-field="${CSS.escape(key)}"]`) ?? (key === "name" ? name.parentElement : null);
      if (!box) return false;
      const id = `wrong-${key}`;
      box.append(make("span", { class: "wrong bad", id }, text));
      const input = box.querySelector("input, select, textarea");
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", id);
      return true;
    };
    const send_it = async () => {
      for (const one of ruleDialog.querySelectorAll(".wrong")) one.remove();
      for (const one of ruleDialog.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
      trouble.textContent = "";
      const values = {};
      let isWrong = false;
      for (const field of shownFields) {
        const key = field.key[0];
        const input = controlOf(field);
        let value;
        try {
          value = field.kind === "choices" ? [...input.querySelectorAll("input")].filter((one) => one.checked).map((one) => one.value) : read(field, input);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          isWrong = wrong(key, error.message);
          continue;
        }
        const isEmpty = value === null || value === "" || (Array.isArray(value) && !value.length);
        if (isEmpty && field.needed) isWrong = wrong(key, say("models.rule_missing"));
        else if (!isEmpty && (field.needed || JSON.stringify(value) !== JSON.stringify(field.value))) values[key] = value;
      }
      if (!isWrong) {
        try {
          take(await send(`${here}/rules`, { version: view.version, name: name.value.trim(), kind: kinds.value, values }));
          ruleDialog.close();
          tell(say("models.rule_added", { name: name.value.trim() }));
          return;
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          const head = `rules.${name.value.trim()}.`;
          const left = error.problems.filter((one) => !wrong(one.column.startsWith(head) ? one.column.slice(head.length).split(".")[0] : one.column, one.said));
          if (left.length || !error.problems.length) trouble.textContent = left.length ? left.map((one) => one.text).join("\n") : error.message;
        }
      }
      (ruleDialog.querySelector("[aria-invalid]") ?? kinds).focus();
    };
    const submit = make("button", { class: "main", id: "rule-add" }, say("models.rule_add"));
    ruleDialog.replaceChildren(make("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); doing(submit, send_it); } },
      make("h2", { id: "add-rule-title" }, say("models.add_rule")),
      make("p", {}, make("label", { for: "rule-kind" }, say("models.rule_kind")), kinds), about,
      make("p", {}, make("label", { for: "rule-name" }, say("models.rule_name")), name, " ", make("span", { id: "rule-name-about", class: "quiet" }, say("models.rule_name_about"))),
      fields, trouble, make("p", { class: "quiet" }, say("models.rule_by_hand")),
      make("p", { class: "row" }, submit, make("button", { type: "button", onclick: () => ruleDialog.close() }, say("models.cancel")))));
    // (A control that is disabled meanwhile would lose the keyboard.)
    kinds.addEventListener("change", () => choose().catch((error) => {
      if (!(error instanceof Refused)) throw error;
      trouble.textContent = error.message;
    }));
    if (!ruleDialog.isConnected) at("model").append(ruleDialog);
    await choose();
    ruleDialog.showModal();
    kinds.focus();
  };

  // ---- sending ----

  // Changes go one after the other: each is of the file that the one before left.
  const change = (changes, box, typed, after = null) => {
    box?.setAttribute("aria-busy", "true");
    waiting = waiting.then(async () => {
      try {
        const made = await send(`${here}/changes`, { version: view.version, changes });
        for (const one of changes) refused.delete(keyOf(one.key));
        const same = made.version === view.version;
        take(made);
        tell(same ? say("models.same") : say("models.saved", { file: view.file }));
        after?.();
      } catch (error) {
        box?.removeAttribute("aria-busy");
        if (!(error instanceof Refused)) throw error;
        if (error.status === 409) {
          trouble(say("models.elsewhere", { typed: typed || shown(changes[0]?.value) }));
          return;
        }
        const texts = error.problems.length ? error.problems.map((one) => one.text) : [error.message];
        for (const one of changes) refused.set(keyOf(one.key), { typed, texts });
        if (box?.isConnected && box.dataset.field) {
          box.querySelector(".wrong")?.remove();
          box.append(make("span", { class: "wrong", role: "alert" }, texts.join("\n")));
          box.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
        } else tell(texts.join("\n"), { bad: true });
      }
    });
    return waiting;
  };
  const trouble = (text) => {
    conflict = true;
    at("trouble").replaceChildren(make("p", { class: "box bad" }, text, " ", make("button", { type: "button", onclick: () => location.reload() }, say("models.reload"))));
    at("trouble").scrollIntoView({ block: "nearest" });
  };
  const undo = (button, id) =>
    doing(button, async () => {
      try {
        const made = await send(`/api/history/${encodeURIComponent(id)}/undo`);
        refused.clear();
        take(made);
        tell(say("models.undone_now"));
      } catch (error) {
        if (error instanceof Refused && error.status === 409) trouble(error.message);
        else throw error;
      }
    });

  // Show another state of the model; where one was typing, one goes on typing.
  const take = (made) => {
    if (made.version !== view.version && findings.size) {
      // (What was found was found in another model.)
      findings = new Map();
      at("checked").replaceChildren();
    }
    view = made;
    const focused = document.activeElement?.dataset?.key;
    show();
    if (focused && document.activeElement?.dataset?.key !== focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };

  // ---- lists of which only what is new is drawn again ----

  const drawn = new WeakMap();
  const list = (into, items, idOf, build, first = 0) => {
    const before = drawn.get(into) ?? new Map();
    const now = new Map();
    for (const item of items) {
      const code = JSON.stringify([item, [idOf(item), ...(item.asks ?? []).map((one) => one.name)].map((name) => findings.get(name) ?? null)]);
      const old = before.get(idOf(item));
      // (What was refused is drawn again, so that it goes once it is put right.)
      const kept = old && old.code === code && !old.element.querySelector(".wrong") && !old.element.querySelector("[aria-busy=true]");
      now.set(idOf(item), kept ? old : { code, element: build(item) });
    }
    drawn.set(into, now);
    const elements = [...now.values()].map((one) => one.element);
    const rest = [...into.children].slice(first);
    if (rest.length === elements.length) elements.forEach((one, n) => rest[n] !== one && !elements.includes(rest[n]) && rest[n].replaceWith(one));
    if (elements.some((one, n) => into.children[first + n] !== one) || into.children.length !== first + elements.length) into.replaceChildren(...[...into.children].slice(0, first), ...elements);
  };

  // ---- clauses ----

  // (A rule of the model's own has but its key, which is the file's.)
  const idOf = (row) => (row.own ? [make("strong", {}, say("models.own_rule")), make("div", {}, make("small", { class: "quiet" }, row.id))] : [make("strong", {}, row.id)]);
  const clauseRows = (row) => {
    const asks = row.asks.length ? row.asks : [null];
    const isOff = row.status === "off" || row.status === "none";
    const own = [row.id, ...row.asks.map((one) => one.name)];
    const body = make("tbody", { class: isOff && !row.asks.length ? "off" : null });
    asks.forEach((one, n) => {
      const line = make("tr", {});
      if (n === 0) {
        line.append(
          make("td", { class: "at", rowspan: asks.length, "data-label": say("models.clause") }, ...idOf(row), row.at ? make("div", { class: "quiet" }, row.at) : null),
          make("td", { class: "words", rowspan: asks.length, "data-label": say("models.words") }, wordsOf(row)),
        );
      }
      line.append(make("td", { class: "says", "data-label": say("models.in_model") }, ...saysOf(row, one)));
      if (one) {
        const of = row.id === one.name ? row.id : `${row.id} ${one.name}`;
        line.append(
          make("td", { class: "target", "data-label": say("models.target") }, ...targets(one, of)),
          make("td", { class: "when", "data-label": say("models.years") }, control(one.years, { bare: true, of })),
          make("td", { class: "how", "data-label": say("models.strength") }, control(one.strength, { bare: true, of }), one.weight.silent ? null : control(one.weight, { of })),
          make("td", { class: "on", "data-label": say("models.on") }, control(one.on, { bare: true, of })),
        );
      } else {
        const by = (name) => (row.aside ?? []).find((field) => field.key.at(-1) === name);
        line.append(
          make("td", {}),
          make("td", { class: "when", "data-label": say("models.years") }, by("years") ? control(by("years"), { bare: true, of: row.id }) : null),
          make("td", { class: "how", "data-label": say("models.strength") }, by("strength") ? control(by("strength"), { bare: true, of: row.id }) : null),
          make("td", { class: "on", "data-label": say("models.on") }, by("on") ? control(by("on"), { bare: true, of: row.id }) : null),
        );
      }
      const status = one?.what || row.what || "";
      const kind = one?.status || row.status;
      line.append(make("td", { class: "what", "data-label": say("models.status") }, make("span", { class: kind === "decided" ? "good" : kind === "undecided" ? "warn" : "" }, status)));
      body.append(line);
    });
    const odd = [...new Set(own.flatMap((name) => findings.get(name) ?? []))];
    if (odd.length) body.append(make("tr", {}, make("td", { colspan: heads.length }, ...odd.map((text) => make("p", { class: "finding" }, text)))));
    body.dataset.text = [row.id, row.at, row.quote, row.says, ...row.asks.flatMap((one) => [one.name, one.sentence, ...one.fields.map((field) => shown(field.value, field))])].join("\n").toLowerCase();
    const fields = [...(row.aside ?? []), ...row.asks.flatMap((one) => [...one.fields, one.strength, one.years, one.on, one.weight, one.source, one.basis])];
    body.dataset.changed = fields.some((field) => field.of) ? "yes" : "";
    const strengths = [...row.asks.map((one) => one.strength.value), ...(row.aside ?? []).filter((field) => field.key.at(-1) === "strength").map((field) => field.value)];
    body.dataset.must = strengths.includes("must") ? "yes" : "";
    return body;
  };
  // The numbers that a clause is about stand in its row; what it counts, where and of whom, opens below them.
  const targets = (one, of) => {
    const isNumber = (field) => field.kind === "number" || field.of || refused.has(keyOf(field.key));
    const rest = one.fields.filter((field) => !isNumber(field));
    const parts = one.fields.filter(isNumber).map((field) => control(field, { of }));
    if (!rest.length) return parts;
    const box = make("details", { class: "quiet" }, make("summary", {}, rest.map((field) => field.label).join(say("models.comma"))));
    box.addEventListener("toggle", () => {
      if (box.open && box.children.length === 1) box.append(...rest.map((field) => control(field, { of })));
    });
    return [...parts, box];
  };
  const short = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);
  const wordsOf = (row) => {
    const quote = row.quote || row.says;
    if (!quote) return "";
    const more = [
      row.quote ? make("blockquote", {}, row.quote) : null,
      row.quote && row.says ? make("p", {}, row.says) : null,
      row.label ? make("p", { class: "quiet" }, `${say("models.label")}: ${row.label}`) : null,
      row.note ? make("p", { class: "quiet" }, `${say("models.reading")}: ${row.note}`) : null,
      row.reason ? make("p", { class: "quiet" }, row.reason) : null,
      row.source ? make("p", { class: "quiet" }, `${say("models.source")}: ${row.source}`) : null,
    ];
    return make("details", {}, make("summary", {}, short(quote, 48)), ...more);
  };
  const saysOf = (row, one) => {
    if (!one) return [row.reason || row.says];
    const parts = [make("span", {}, one.sentence)];
    if (one.name !== row.id) parts.push(" ", make("small", {}, say("models.rule_named", { name: one.name })));
    if (one.stale) parts.push(make("p", { class: "warn" }, `⚠ ${say("models.stale")}`));
    parts.push(sourced(one, one.name));
    return parts;
  };
  // Where the numbers of a table come from: shown in brief, edited on opening.
  const sourced = (one, of) => {
    const box = make("details", { class: "quiet" }, make("summary", {}, `${say("models.basis")}: ${shown(one.basis.value, one.basis)}${one.source.of || one.basis.of ? ` · ${say("models.changed_mark")}` : ""}`));
    box.addEventListener("toggle", () => {
      if (box.open && box.children.length === 1) box.append(control(one.basis, { of }), control(one.source, { of }));
    });
    return box;
  };
  const heads = ["models.clause", "models.words", "models.in_model", "models.target", "models.years", "models.strength", "models.on", "models.status"];
  const clauseTable = (rows, title) => {
    const table = make("table", {}, make("caption", { class: "only-heard" }, title), make("thead", {}, make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, say(name))))));
    // (Rows are bodies of the table: a clause that several rules serve has several lines.)
    const whole = make("div", { class: "scroll clauses stacked" }, table);
    const head = table.children.length;
    return { whole, draw: (items) => list(table, items, (row) => row.id, clauseRows, head) };
  };
  const documentParts = new Map();
  const showClauses = (panel) => {
    if (!panel.dataset.made) {
      panel.dataset.made = "yes";
      const search = make("input", { id: "search", type: "search", placeholder: say("models.search_hint"), oninput: (event) => { filter.text = event.target.value; sift(); } });
      const tick = (name, text) => make("label", { class: "beside" }, make("input", { type: "checkbox", id: `only-${name}`, onchange: (event) => { filter[name] = event.target.checked; sift(); } }), " ", text);
      panel.append(
        make("div", { class: "filter" }, make("div", {}, make("label", { class: "above", for: "search" }, say("models.search")), search), tick("changed", say("models.only_changed")), tick("must", say("models.only_must")), make("span", { id: "sifted", class: "quiet", role: "status" }),
          make("button", { type: "button", id: "rule-new", onclick: (event) => doing(event.currentTarget, addRule) }, say("models.add_rule"))),
        make("div", { id: "odd" }),
        make("div", { id: "documents" }),
      );
    }
    const groups = [
      ...view.documents.map((one) => ({ ...one, code: `document-${one.id}`, open: !one.foreign })),
      { code: "rules", title: say("models.other_rules"), rows: view.rules, open: true },
    ].filter((one) => one.rows.length);
    for (const one of groups) {
      let part = documentParts.get(one.code);
      if (!part) {
        const table = clauseTable(one.rows, one.title);
        const title = make("h2", {});
        const about = make("p", { class: "quiet" });
        part = { element: make("details", { class: "document box", open: one.open }, make("summary", {}, title), about, table.whole), table, title, about };
        documentParts.set(one.code, part);
      }
      part.title.replaceChildren(one.title, " ", make("small", {}, `(${one.rows.length})`), " ", one.draft ? make("span", { class: "mark warn" }, say("models.draft")) : "", one.foreign ? make("span", { class: "mark" }, say("models.regime_foreign")) : "");
      part.about.replaceChildren([one.issuer, one.as_of ? say("models.as_of_day", { day: one.as_of }) : "", one.regime, one.note].filter(Boolean).join(" · "));
      part.table.draw(one.rows);
    }
    at("documents").replaceChildren(...groups.map((one) => documentParts.get(one.code).element), adoptable());
    const named = new Set(groups.flatMap((one) => one.rows.flatMap((row) => [row.id, ...row.asks.map((rule) => rule.name)])));
    const rest = [...findings].filter(([name]) => !named.has(name)).flatMap(([, texts]) => texts);
    at("odd").replaceChildren(...(rest.length ? [make("section", {}, make("h2", {}, say("models.finding_rest")), make("ul", {}, ...[...new Set(rest)].map((text) => make("li", {}, text))))] : []));
    sift();
  };
  const adoptable = () => {
    if (!view.adoptable.length) return "";
    const box = make("details", { class: "document box" }, make("summary", {}, make("h2", {}, say("models.adoptable"), " ", make("small", {}, `(${view.adoptable.length})`))));
    box.addEventListener("toggle", () => {
      if (!box.open || box.children.length > 1) return;
      const adopted = view.settings.find((field) => field.key[0] === "adopt")?.value ?? [];
      box.append(
        make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "only-heard" }, say("models.adoptable")), make("thead", {}, make("tr", {}, ...["models.clause", "models.words", "models.source"].map((name) => make("th", { scope: "col" }, say(name))), make("th", {}, make("span", { class: "only-heard" }, say("models.adopt"))))),
          make("tbody", {}, ...view.adoptable.map((one) => make("tr", {}, make("th", { scope: "row" }, one.id), make("td", {}, one.says), make("td", { class: "quiet" }, one.source),
            make("td", {}, make("button", { type: "button", "aria-label": say("models.adopt_of", { id: one.id }), onclick: () => change([{ key: ["adopt"], value: [...adopted, one.id] }], null, one.id) }, say("models.adopt")))))))),
      );
    });
    return box;
  };
  const sift = () => {
    const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
    let all = 0;
    let left = 0;
    for (const part of documentParts.values()) {
      if (!part.element.isConnected) continue;
      let mine = 0;
      for (const body of part.element.querySelectorAll("tbody")) {
        const fits = words.every((word) => body.dataset.text.includes(word)) && (!filter.changed || body.dataset.changed) && (!filter.must || body.dataset.must);
        body.hidden = !fits;
        all += 1;
        mine += fits ? 1 : 0;
      }
      left += mine;
      part.element.hidden = mine === 0;
    }
    at("sifted").textContent = say("models.shown", { shown: left, all });
  };

  // ---- tables of numbers ----

  const groupRow = (row) =>
    make("tr", {},
      make("th", { scope: "row", class: "called" }, row.name, row.code && row.code !== row.name ? make("div", {}, make("small", {}, row.code)) : null),
      make("td", { class: "numbers", "data-label": say("models.numbers") }, make("div", {}, ...row.fields.map((field) => control(field, { of: row.name }))), row.stale ? make("p", { class: "warn" }, `⚠ ${say("models.stale")}`) : null),
      make("td", { "data-label": say("models.source") }, make("div", { class: "quiet" }, short(String(row.source.value ?? ""), 90)), sourced(row, row.name)),
    );
  const group = (one) => {
    const body = make("tbody", {});
    const head = make("tr", {}, make("th", { scope: "col" }, say("models.name")), make("th", { scope: "col" }, say("models.numbers")), make("th", { scope: "col" }, say("models.source")));
    const made = make("section", {}, make("h2", {}, one.label), make("div", { class: "scroll stacked" }, make("table", {}, make("caption", { class: "only-heard" }, one.label), make("thead", {}, head), body)));
    return { made, draw: (rows) => list(body, rows, (row) => row.code, groupRow) };
  };
  const groups = new Map();
  const showGroups = (into, tables) => {
    const parts = [];
    for (const one of view.groups.filter((each) => tables.includes(each.table))) {
      if (!groups.has(one.table)) groups.set(one.table, group(one));
      groups.get(one.table).draw(one.rows);
      parts.push(groups.get(one.table).made);
    }
    into.replaceChildren(...parts);
  };
  const showSettings = (panel) => {
    if (!panel.dataset.made) {
      panel.dataset.made = "yes";
      panel.append(make("section", {}, make("h2", {}, say("models.basics")), make("div", { class: "settings" })), make("div", { class: "groups" }));
    }
    list(panel.querySelector(".settings"), view.settings.flatMap((field) => (field.kind === "other" && field.value ? Object.keys(field.value).map((one) => view.tree.find((leaf) => keyOf(leaf.key) === keyOf([...field.key, one]))).filter(Boolean) : [field])), (field) => keyOf(field.key), (field) => {
      const box = make("div", {}, control(field));
      if (field.key[0] === "circle" && view.circles?.[field.value]) box.append(make("p", { class: "quiet" }, say("models.circle_means", { text: view.circles[field.value] })));
      if (field.key[0] === "compare_circles") box.append(make("ul", { class: "quiet" }, ...(field.value ?? []).filter((one) => view.circles?.[one]).map((one) => make("li", {}, `${field.choices.find(([code]) => code === one)?.[1] ?? one}: ${view.circles[one]}`))));
      return box;
    });
    showGroups(panel.querySelector(".groups"), ["population", "travel", "modes", "circles"]);
  };
  let budget = null;
  const showMoney = (panel) => {
    if (!panel.dataset.made) {
      panel.dataset.made = "yes";
      budget = clauseTable([], say("models.budget"));
      panel.append(make("section", {}, make("h2", {}, say("models.budget")), make("p", { class: "quiet", id: "no-budget" }, say("models.no_budget")), budget.whole), make("div", { class: "groups" }));
    }
    at("no-budget").hidden = view.budget.length > 0;
    budget.whole.hidden = view.budget.length === 0;
    budget.draw(view.budget);
    showGroups(panel.querySelector(".groups"), ["siting", "resources", "functions", "outreach", "postings", "pools", "consortia", "contracts", "visits"]);
  };

  // ---- goals ----

  let dragged = null;
  const order = () => view.goals.map((one) => one.name);
  const moveGoal = (name, to) => {
    const names = order().filter((one) => one !== name);
    names.splice(to, 0, name);
    if (names.join() === order().join()) return;
    const label = view.goals.find((one) => one.name === name).label;
    change([{ key: ["goals"], order: names }], null, label, () => tell(say("models.moved", { name: label, place: to + 1 })));
  };
  const goalItem = (goal) => {
    const place = () => order().indexOf(goal.name);
    const item = make("li", { draggable: "true", "data-goal": goal.name },
      make("div", { class: "text" }, make("strong", {}, goal.label), make("p", {}, goal.says), make("div", { class: "fields" }, ...goal.fields.map((field) => control(field, { of: goal.label })))),
      make("div", { class: "row" },
        make("button", { type: "button", "data-key": `${goal.name}-up`, "aria-label": say("models.up_of", { name: goal.label }), onclick: () => moveGoal(goal.name, Math.max(0, place() - 1)) }, `↑ ${say("models.up")}`),
        make("button", { type: "button", "data-key": `${goal.name}-down`, "aria-label": say("models.down_of", { name: goal.label }), onclick: () => moveGoal(goal.name, Math.min(order().length - 1, place() + 1)) }, `↓ ${say("models.down")}`)));
    item.addEventListener("dragstart", (event) => {
      dragged = goal.name;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", goal.name);
    });
    item.addEventListener("dragover", (event) => { if (dragged) { event.preventDefault(); item.classList.add("over"); } });
    item.addEventListener("dragleave", () => item.classList.remove("over"));
    item.addEventListener("drop", (event) => {
      event.preventDefault();
      item.classList.remove("over");
      if (dragged && dragged !== goal.name) moveGoal(dragged, place());
      dragged = null;
    });
    item.addEventListener("dragend", () => { dragged = null; });
    return item;
  };
  const showGoals = (panel) => {
    if (!panel.dataset.made) {
      panel.dataset.made = "yes";
      panel.append(make("section", {}, make("h2", {}, say("models.tab_goals")), make("p", { class: "quiet" }, say("models.goal_order")), make("p", { id: "goals-changed" }), make("ol", { class: "goals" })));
    }
    const changed = view.changed.find((one) => keyOf(one.key) === '["goals"]');
    const labels = (names) => names.map((name) => view.goals.find((one) => one.name === name)?.label ?? name).join(" → ");
    at("goals-changed").replaceChildren(...(changed ? [make("span", { class: "mark warn" }, say("models.changed_mark")), " ", say("models.was", { of: changed.of, value: labels(changed.from ?? []) }), " ", make("button", { type: "button", class: "plain", "data-key": "goals-reset", onclick: () => change([{ key: ["goals"], reset: true }], null, "") }, say("models.reset"))] : []));
    list(panel.querySelector("ol"), view.goals, (one) => one.name, goalItem);
  };

  // ---- scenarios ----

  const showScenarios = (panel) => {
    const rows = view.scenarios.map((one) =>
      make("tr", {}, make("th", { scope: "row", class: "called" }, one.title, make("div", {}, make("small", {}, one.name)), one.from ? make("small", {}, say("models.on_top", { name: one.from })) : null),
        make("td", {}, make("ul", {}, ...one.changes.map((each) => make("li", {}, `${each.label}: ${shown(each.from, each)} → `, make("strong", {}, shown(each.to, each)), " ", make("code", { class: "quiet" }, each.key))))),
        make("td", { class: "quiet" }, [one.basis, one.source, one.note].filter(Boolean).join("; "))));
    const table = make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "only-heard" }, say("models.tab_scenarios")), make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("models.scenario")), make("th", { scope: "col" }, say("models.changes")), make("th", { scope: "col" }, say("models.source")))), make("tbody", {}, ...rows)));
    const sets = Object.entries(view.sets ?? {}).map(([name, members]) => make("li", {}, make("strong", {}, name), `: ${members.join(", ")}`));
    panel.replaceChildren(make("section", {}, make("h2", {}, say("models.tab_scenarios")), make("p", { class: "quiet" }, say("models.about_scenarios")), rows.length ? table : make("p", {}, say("models.no_scenarios")), sets.length ? make("ul", {}, ...sets) : "",
      make("p", {}, make("button", { type: "button", onclick: newScenario }, say("models.new_scenario")))));
  };
  const holdable = () => view.changed.filter((one) => one.to !== null && !["goals", "scenarios", "scenario_sets", "title"].includes(one.key[0]) && !["source", "basis", "note", "name"].includes(one.key.at(-1)));
  const newScenario = () => {
    const changes = holdable();
    if (!changes.length) {
      tell(say("models.scenario_nothing"), { bad: true });
      return;
    }
    const name = make("input", { id: "scenario-name", required: true, pattern: "[A-Za-z0-9_]{1,40}", title: say("models.scenario_bad"), value: `scenario_${view.scenarios.length + 1}` });
    const title = make("input", { id: "scenario-title", required: true, maxlength: 80 });
    const source = make("input", { id: "scenario-source", maxlength: 400 });
    const back = make("input", { id: "scenario-back", type: "checkbox", checked: true });
    const shownAs = dialog(say("models.new_scenario"), (close) =>
      make("form", { onsubmit: (event) => {
        event.preventDefault();
        const set = Object.fromEntries(changes.map((one) => [one.key.join("."), one.to]));
        const table = { title: { zh: title.value.trim(), en: title.value.trim() }, basis: "assumed", source: source.value.trim(), set };
        const resets = back.checked ? changes.map((one) => ({ key: one.key, reset: true })) : [];
        change([...resets, { key: ["scenarios", name.value], value: table }], null, name.value, close);
      } },
        make("ul", {}, ...changes.map((one) => make("li", {}, `${one.label}: ${shown(one.from)} → ${shown(one.to)}`))),
        make("p", {}, make("label", { for: "scenario-name" }, say("models.scenario_id")), name), make("p", {}, make("label", { for: "scenario-title" }, say("models.scenario_title")), title), make("p", {}, make("label", { for: "scenario-source" }, say("models.scenario_source")), source),
        make("p", {}, back, " ", make("label", { class: "beside", for: "scenario-back" }, say("models.scenario_back"))),
        make("p", { class: "row" }, make("button", { class: "main" }, say("models.create")), make("button", { type: "button", onclick: close }, say("models.cancel")))));
    shownAs.querySelector("input").focus();
  };

  // ---- everything else ----

  const showRest = (panel) => {
    if (!panel.dataset.made) {
      panel.dataset.made = "yes";
      panel.append(make("p", { class: "quiet" }, say("models.about_rest")), make("div", { id: "leaves" }));
    }
    const heads = new Map();
    const counts = new Map();
    for (const leaf of view.tree) counts.set(leaf.key[0], (counts.get(leaf.key[0]) ?? 0) + 1);
    // (What is by itself stands with the others that are.)
    const headOf = (leaf) => (leaf.key.length < 3 && counts.get(leaf.key[0]) < 4 ? "" : leaf.key[0]);
    for (const leaf of view.tree) heads.set(headOf(leaf), [...(heads.get(headOf(leaf)) ?? []), leaf]);
    list(at("leaves"), [...heads].map(([name, leaves]) => ({ name, leaves })), (one) => one.name, ({ name, leaves }) => {
      const wasOpen = drawn.get(at("leaves"))?.get(name)?.element.open ?? false;
      const box = make("details", { class: "document box" }, make("summary", {}, make("h2", {}, say("models.values_of", { name: name ? view.heads[name] ?? name : say("models.basics"), count: leaves.length }))));
      const fill = () => {
        if (box.open && box.children.length === 1) box.append(...leaves.map((leaf) => make("div", { class: "leaf" }, make("div", {}, make("code", {}, leaf.path), leaf.comment ? make("div", { class: "quiet" }, leaf.comment) : null), control(leaf, { of: leaf.path }))));
      };
      box.addEventListener("toggle", fill);
      if (wasOpen) { box.open = true; fill(); }
      return box;
    });
  };
  const showJoint = (panel) => {
    const rows = view.districts.map((one) => make("tr", {}, make("th", { scope: "row" }, one.title), make("td", {}, one.has_model ? make("a", { href: `/models/${encodeURIComponent(one.model)}` }, say("models.model_of", { name: one.model })) : say("models.no_model")), make("td", {}, one.has_data ? make("a", { href: `/data/${encodeURIComponent(one.name)}` }, say("models.district_data", { name: one.name })) : say("models.no_data"))));
    const parts = make("div", { class: "groups" });
    const lacking = view.districts.filter((one) => !one.has_model || !one.has_data).map((one) => one.title);
    const told = lacking.length ? make("p", { id: "lacking" }, make("span", { class: "mark warn" }, say("models.joint_lacking", { count: lacking.length })), " ", say("models.joint_lacking_names", { names: lacking.join(say("models.joint_comma")) })) : "";
    panel.replaceChildren(make("section", {}, make("p", {}, say("models.joint_about")), told, make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "only-heard" }, say("models.tab_joint")), make("tbody", {}, ...rows)))), parts);
    showGroups(parts, ["shared"]);
    parts.append(make("section", {}, make("h2", {}, say("models.basics")), make("div", { class: "settings" }, ...view.settings.filter((field) => field.kind !== "other").map((field) => control(field)))));
  };
  const showBroken = (panel) => {
    panel.replaceChildren(make("section", {}, make("p", { class: "bad" }, say("models.broken")), make("ul", { class: "faults" }, ...view.problems.map((one) => make("li", {}, one.text)))));
  };

  // ---- dialogs ----

  const dialog = (title, build) => {
    const box = make("dialog", { "aria-labelledby": "dialog-title" });
    const close = () => box.close();
    box.addEventListener("close", () => box.remove());
    box.append(make("h2", { id: "dialog-title" }, title), build(close));
    at("content").append(box);
    box.showModal();
    return box;
  };
  const listChanged = () =>
    dialog(say("models.changed_title"), (close) =>
      make("div", {},
        make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "only-heard" }, say("models.changed_title")), make("thead", {}, make("tr", {}, ...["models.value", "models.from", "models.to"].map((name) => make("th", { scope: "col" }, say(name))), make("th", {}, make("span", { class: "only-heard" }, say("models.reset"))))),
          make("tbody", {}, ...view.changed.map((one) => make("tr", {}, make("th", { scope: "row" }, one.label, make("div", {}, make("small", {}, one.key.join(".")))), make("td", {}, `${one.of}: ${shown(one.from, one)}`), make("td", {}, shown(one.to, one)),
            make("td", {}, make("button", { type: "button", "aria-label": say("models.reset_of", { name: one.label, value: shown(one.from, one) }), onclick: () => change([{ key: one.key, reset: true }], null, "", () => { close(); if (view.changed.length) listChanged(); }) }, say("models.reset")))))))),
        make("p", {}, make("button", { type: "button", onclick: close }, say("models.close")))));
  const runForm = () =>
    dialog(say("models.run_title"), (close) => {
      const pick = (name, values, chosen) => make("select", { id: `run-${name}` }, ...values.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
      const seconds = pick("seconds", [["60", "60"], ["200", "200"], ["600", "600"]], "200");
      const scenario = pick("scenario", [["", say("models.scenario_none")], ...(view.scenarios ?? []).map((one) => [one.name, one.title])], "");
      const name = make("input", { id: "run-name", value: view.name, required: true, maxlength: 60 });
      const draws = make("input", { id: "run-draws", type: "checkbox" });
      const go = make("button", { class: "main" }, say("models.run"));
      let typed = false;
      name.addEventListener("input", () => { typed = true; });
      scenario.addEventListener("change", () => { if (!typed) name.value = scenario.value ? `${view.name}-${scenario.value}` : view.name; });
      return make("form", { onsubmit: (event) => {
        event.preventDefault();
        doing(go, async () => {
          const asked = { verb: "plan", model: view.name, name: name.value.trim(), scenario: scenario.value, seconds: Number(seconds.value), draws: draws.checked ? null : 0 };
          const made = await send("/api/runs", asked);
          location.href = made.way;
        });
      } },
        make("p", {}, make("label", { for: "run-seconds" }, say("models.seconds")), seconds), make("p", {}, make("label", { for: "run-name" }, say("models.plan_name")), name),
        view.kind === "model" ? make("p", {}, make("label", { for: "run-scenario" }, say("models.scenario")), scenario) : "",
        view.kind === "model" ? make("p", {}, draws, " ", make("label", { class: "beside", for: "run-draws" }, say("models.draws"))) : "",
        make("p", { class: "row" }, go, make("button", { type: "button", onclick: close }, say("models.cancel"))));
    });
  const check = (button) =>
    doing(button, async () => {
      const run = make("button", { type: "button", onclick: () => doing(run, async () => { location.href = (await send("/api/runs", { verb: "check", model: view.name })).way; }) }, say("models.check_run"));
      const said = at("checked");
      said.replaceChildren(say("models.checking"));
      findings = new Map();
      if (view.kind === "model") {
        try {
          const found = await ask(`${here}/findings`);
          for (const one of found.findings) for (const name of one.rows.length && one.rows.length <= MOST_ROWS ? one.rows : [""]) findings.set(name, [...(findings.get(name) ?? []), one.text]);
          said.replaceChildren(found.findings.length ? say("models.checked", { count: found.findings.length }) : say("models.checked_none"), " ", run);
          location.hash = "clauses";
        } catch (error) {
          said.replaceChildren(run);
          throw error;
        } finally {
          show();
        }
      } else said.replaceChildren(run);
    });

  // ---- the page ----

  const panels = {
    clauses: showClauses,
    settings: showSettings,
    money: showMoney,
    goals: showGoals,
    scenarios: showScenarios,
    rest: showRest,
    joint: showJoint,
    broken: showBroken,
  };
  const tabsOf = () => (view.kind === "joint" ? ["joint", "rest"] : view.kind === "broken" ? ["broken", "rest"] : ["clauses", "settings", "money", "goals", "scenarios", "rest"]);
  const shownPanels = new Map();
  const show = () => {
    const names = tabsOf();
    const now = names.includes(location.hash.slice(1)) ? location.hash.slice(1) : names[0];
    at("title").textContent = view.title;
    const about = [make("code", {}, view.file)];
    if (view.district) about.push(" · ", make("a", { href: `/data/${encodeURIComponent(view.district)}` }, say("models.district_data", { name: view.district })));
    at("file").replaceChildren(...about);
    const hadFocus = at("tabs").contains(document.activeElement);
    at("tabs").replaceChildren(...names.map((name) => make("a", { href: `#${name}`, "aria-current": name === now ? "page" : null }, name === "broken" ? "⚠" : say(`models.tab_${name}`))));
    if (hadFocus) at("tabs").querySelector("[aria-current]").focus();
    if (!shownPanels.has(now)) shownPanels.set(now, make("div", {}));
    const panel = shownPanels.get(now);
    if (at("panel").firstChild !== panel) at("panel").replaceChildren(panel);
    panels[now](panel);
    bar();
  };
  const bar = () => {
    const box = at("bar");
    if (!box.children.length) {
      const button = (id, text, work, attributes = {}) => make("button", { type: "button", id, ...attributes, onclick: (event) => work(event.currentTarget) }, text);
      box.append(
        button("changed", "", listChanged), button("undo", `↶ ${say("models.undo")}`, (one) => undo(one, view.undo).then(bar)), button("redo", `↷ ${say("models.redo")}`, (one) => undo(one, view.redo).then(bar)),
        make("a", { href: `/history?of=${encodeURIComponent(view.name)}` }, say("models.history")), make("span", { id: "checked", class: "quiet", role: "status" }),
        make("span", { class: "end" }, button("check", say("models.check"), check), button("run", say("models.run"), runForm, { class: "main" })),
      );
      box.hidden = false;
    }
    at("changed").textContent = say("models.changed_count", { count: view.changed.length });
    at("changed").disabled = view.changed.length === 0;
    at("undo").disabled = !view.undo || conflict;
    at("redo").disabled = !view.redo || conflict;
  };
  addEventListener("hashchange", () => {
    if (!view) return;
    show();
    scrollTo(0, 0);
  });

  const start = async () => {
    try {
      view = await ask(here);
      at("model").hidden = false;
      show();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      at("trouble").replaceChildren(make("p", { class: "box bad" }, error.message));
    } finally {
      at("reading").hidden = true;
    }
  };
  start();
})();
