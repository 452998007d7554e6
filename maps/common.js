"use strict";
/* What the pages share: words and numbers, elements, symbols, names, and the years. Texts of a plan become text, never markup. */
const pageTools = (words, state, LOCALE) => {
const YEAR_LABELS = 4; // more would lie on one another on a telephone

/* ---- words and numbers ---- */

function say(key, values = {}) {
  return words[key][state.language].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// A word of the catalogue if the code has one, else the code itself, as it came.
function sayCode(group, code) {
  const key = `${group}_${code}`;
  return Object.hasOwn(words, key) ? say(key) : code;
}

function inLanguage(name) {
  return name[state.language];
}

function number(value, digits = 0) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

const ALL = "100\u00a0%";

// Never 100 % or 0 % for what is only nearly so.
function percent(part, whole) {
  if (!whole) return "–";
  if (part === whole) return ALL;
  const share = (100 * part) / whole;
  if (part < whole && share >= 99.95) return ">\u00a099.9\u00a0%";
  if (part > 0 && share < 0.05) return "<\u00a00.1\u00a0%";
  return `${share.toFixed(1)}\u00a0%`;
}

// So many digits that a figure differs from a target that it is not.
function apart(value, target) {
  if (typeof value !== "number" || typeof target !== "number" || value === target) return number(value, 2);
  const enough = [2, 3, 4, 5, 6, 7, 8].find((digits) => number(value, digits) !== number(target, digits));
  return number(value, enough ?? 9);
}

function inBrackets(text) {
  return say("in_brackets", { text });
}

function range(reach, show) {
  const [low, high] = reach.map(show);
  return low === high ? low : `${low} – ${high}`;
}

/* ---- elements ---- */

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// Text of the plan: isolated, so that its writing direction cannot rearrange its neighbours.
function given(value) {
  const made = document.createElement("bdi");
  made.textContent = String(value);
  return made;
}

// A sentence of the catalogue with elements in it.
function sentence(key, values) {
  return filled(words[key][state.language], values);
}

// (Where a text wants thousands apart, the catalogue says so: every number here is written so.)
function filled(text, values) {
  return text.split(/(\{\w+(?::,)?\})/).map((part) => {
    const name = part.startsWith("{") ? part.slice(1, -1).split(":")[0] : "";
    return Object.hasOwn(values, name) ? values[name] : part;
  });
}

function button(className, label, act) {
  const made = element("button", className);
  made.type = "button";
  made.append(label);
  made.addEventListener("click", act);
  return made;
}

function cell(tag, scope, ...content) {
  const made = element(tag, "", ...content);
  if (scope) made.scope = scope;
  return made;
}

/* ---- symbols ---- */

function outline(ctx, shape, x, y, r) {
  ctx.beginPath();
  switch (shape) {
    case "triangle":
      ctx.moveTo(x - 1.15 * r, y - 0.8 * r);
      ctx.lineTo(x + 1.15 * r, y - 0.8 * r);
      ctx.lineTo(x, y + 1.2 * r);
      ctx.closePath();
      break;
    case "diamond":
      ctx.moveTo(x, y - 1.3 * r);
      ctx.lineTo(x + 1.3 * r, y);
      ctx.lineTo(x, y + 1.3 * r);
      ctx.lineTo(x - 1.3 * r, y);
      ctx.closePath();
      break;
    case "house":
      ctx.moveTo(x, y - 1.15 * r);
      ctx.lineTo(x + r, y - 0.15 * r);
      ctx.lineTo(x + r, y + 0.9 * r);
      ctx.lineTo(x - r, y + 0.9 * r);
      ctx.lineTo(x - r, y - 0.15 * r);
      ctx.closePath();
      break;
    case "square":
    case "crossed":
      ctx.rect(x - r, y - r, 2 * r, 2 * r);
      break;
    default:
      ctx.arc(x, y, r, 0, 2 * Math.PI);
  }
}

function stroke(ctx, colour, width) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
}

// Rings one after another: what lies within an even number of them is a hole.
function ringsOf(area) {
  let start = 0;
  return area.corners.map((count) => {
    const ring = [];
    for (let at = start; at < start + count; at += 1) ring.push([area.lat[at], area.lon[at]]);
    start += count;
    return ring;
  });
}

// Names that would lie on one another: the later one waits until there is room.
function spaceTowns(labels) {
  const taken = [];
  labels.eachLayer((marker) => {
    const icon = marker.getElement();
    if (!icon) return;
    const box = icon.firstElementChild.getBoundingClientRect();
    const clash = taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
    icon.classList.toggle("behind", clash);
    if (!clash) taken.push(box);
  });
}

/* ---- the years ---- */

function show(id, ...content) {
  document.getElementById(id).replaceChildren(...content.flat().filter(Boolean));
}

// Made once, so that a hand or a key that moves the slider keeps hold of it.
function makeYears(years, chooseYear) {
  const last = years.length - 1;
  const now = element("strong");
  now.id = "year-now";
  show("years", now);
  if (last < 1) return;
  const slider = element("input");
  Object.assign(slider, { type: "range", id: "year", min: 0, max: last, step: 1 });
  slider.addEventListener("input", () => chooseYear(years[slider.valueAsNumber]));
  const pace = Math.ceil(last / (YEAR_LABELS - 1));
  const ticks = years.map((year, at) => {
    const near = at !== last && (at % pace !== 0 || last - at < pace);
    // The slider is what the keyboard moves; the labels are for the mouse and the finger.
    const tick = button(near ? "between" : "", String(year), () => { chooseYear(year); slider.focus(); });
    tick.tabIndex = -1;
    tick.dataset.year = year;
    tick.style.setProperty("--at", at / last);
    return tick;
  });
  document.getElementById("years").append(element("div", "slider", slider, element("div", "ticks", ...ticks)));
}

function drawYears(years) {
  document.getElementById("year-now").textContent = state.year === null ? "" : say("year_now", { year: state.year });
  const slider = document.getElementById("year");
  if (!slider) return;
  slider.value = years.indexOf(state.year);
  slider.setAttribute("aria-label", say("years"));
  slider.setAttribute("aria-valuetext", say("year_now", { year: state.year }));
  for (const tick of document.querySelectorAll("#years [data-year]")) tick.classList.toggle("now", tick.dataset.year === String(state.year));
}

/* ---- the map's own buttons ---- */

function wholeButton(showWhole) {
  const WholeButton = L.Control.extend({
    options: { position: "topleft" },
    onAdd() {
      const box = element("div", "leaflet-bar");
      const link = element("a", "", "⌂");
      link.setAttribute("role", "button");
      [link.tabIndex, link.id] = [0, "whole"];
      L.DomEvent.disableClickPropagation(box);
      link.addEventListener("click", showWhole);
      link.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        showWhole();
      });
      box.append(link);
      return box;
    },
  });
  return new WholeButton();
}

// What stands in the page's own markup, and on the map's buttons, in the language chosen.
function sayPage(map, zoomControl) {
  const language = document.getElementById("language");
  language.textContent = say("language_switch");
  language.lang = LOCALE[state.language === "zh" ? "en" : "zh"];
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  map.getContainer().setAttribute("aria-label", say("map_region"));
  for (const [part, word] of [[zoomControl._zoomInButton, "zoom_in"], [zoomControl._zoomOutButton, "zoom_out"], [document.getElementById("whole"), "whole"]]) {
    part.title = say(word);
    part.setAttribute("aria-label", say(word));
  }
}

return {
  ALL, say, sayCode, inLanguage, number, percent, apart, inBrackets, range, element, given, sentence, filled, button, cell,
  show, outline, stroke, ringsOf, spaceTowns, makeYears, drawYears,
  wholeButton, sayPage,
};
};
