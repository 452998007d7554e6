/* Draws the plan. Every text of the plan reaches the page by textContent, never as markup. */
(() => {
"use strict";

const plan = JSON.parse(document.getElementById("plan").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const { places, marks, towns } = plan;
const STATUSES = plan.statuses;
const FIRM = ["official", "surveyed"];
const LOCALE = { zh: "zh-CN", en: "en" };
// Links appear by themselves this many zoom steps nearer than the whole district.
const LINK_STEPS = 2;
const SEARCH_LIMIT = 20;
const LIST_LIMIT = 200;

// Okabe & Ito's colours, told apart with any colour vision; shapes differ as well.
const COLOURS = {
  served: "#009e73", rounds: "#56b4e9", no_capacity: "#e69f00", out_of_range: "#d55e00", unknown: "#777777",
  opening: "#0072b2", kept: "#1d2329", changing: "#f0e442", closing: "#cc79a7", existing: "#8a939b",
};
const SHAPES = {
  served: "circle", rounds: "barred", no_capacity: "triangle", out_of_range: "diamond", unknown: "circle",
};
const SIZES = { clinic: 5, station: 6.5, ems_station: 6, township_hospital: 7, community_centre: 7, hospital: 9 };
const OPEN_STATES = ["opening", "kept", "changing"];

const state = {
  language: "zh",
  year: plan.years.length ? plan.years[plan.years.length - 1] : null,
  shown: { places: true, sites: true, existing: true, towns: true },
  links: null, // null: by zoom; else what the reader chose
  selected: null,
};

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

// Never 100 % or 0 % for what is only nearly so.
function percent(part, whole) {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  if (part < whole && share >= 99.95) return "> 99.9 %";
  if (part > 0 && share < 0.05) return "< 0.1 %";
  return `${share.toFixed(1)} %`;
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
  return words[key][state.language].split(/(\{\w+\})/).map((part) => {
    const name = part.slice(1, -1);
    return part.startsWith("{") && name in values ? values[name] : part;
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

/* ---- the plan by year ---- */

const indexes = new Map();

// What the page asks about a year, counted once: people by status, each place's rows, each site's people.
function indexOf(year) {
  if (!indexes.has(year)) indexes.set(year, countYear(plan.rows[year]));
  return indexes.get(year);
}

function countYear(rows) {
  const people = STATUSES.map(() => 0);
  const worst = new Int8Array(places.id.length).fill(-1);
  const ofPlace = new Map();
  const ofMark = new Map();
  const add = (table, key, row) => (table.has(key) ? table.get(key).push(row) : table.set(key, [row]));
  for (let row = 0; row < (rows ? rows.place.length : 0); row += 1) {
    const place = rows.place[row];
    people[rows.status[row]] += rows.people[row];
    worst[place] = Math.max(worst[place], rows.status[row]);
    add(ofPlace, place, row);
    if (rows.mark[row] >= 0) add(ofMark, rows.mark[row], row);
  }
  return { rows, people, worst, ofPlace, ofMark, total: people.reduce((sum, some) => sum + some, 0) };
}

function peopleOf(index, rows) {
  return rows.reduce((sum, row) => sum + index.rows.people[row], 0);
}

// The state of a site in a year, or "absent" before it opens and "gone" after it closes.
function stateOf(mark, year) {
  const actions = marks.actions[mark];
  if (!actions) return "existing";
  const past = actions.filter((step) => step.year === null || year === null || step.year <= year);
  // What is later moved, upgraded or closed stood there before.
  if (!past.length) return actions[0].action === "open" ? "absent" : "kept";
  const last = past[past.length - 1];
  const now = last.year === year;
  switch (last.action) {
    case "close":
    case "merge":
      return now ? "closing" : "gone";
    case "open":
      return now ? "opening" : "kept";
    case "move":
    case "upgrade":
      return now ? "changing" : "kept";
    default:
      return "kept";
  }
}

function spotOf(mark, year) {
  for (const step of [...(marks.actions[mark] || [])].reverse()) {
    if (step.lon !== null && (step.year === null || step.year <= year)) return [step.lat, step.lon];
  }
  return marks.lon[mark] === null ? null : [marks.lat[mark], marks.lon[mark]];
}

function isHollow(basis) {
  return !FIRM.includes(plan.bases[basis]);
}

/* ---- symbols, the same on the map and in the legend ---- */

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

function drawPlace(ctx, x, y, { shape, colour, hollow, r }) {
  outline(ctx, shape, x, y, r);
  ctx.fillStyle = colour;
  ctx.globalAlpha = hollow ? 0.16 : 0.88;
  ctx.fill();
  ctx.globalAlpha = 1;
  stroke(ctx, hollow ? colour : "#ffffff", hollow ? 1.5 : 0.8);
  if (shape !== "barred") return;
  ctx.beginPath();
  ctx.moveTo(x - r, y);
  ctx.lineTo(x + r, y);
  stroke(ctx, hollow ? colour : "#ffffff", 1.5);
}

// Each look is drawn once and then stamped: fifty thousand places are shown in one frame.
const stamps = new Map();
function stampPlace(ctx, x, y, look) {
  if (!look.stamp) look.stamp = stampOf(look);
  const { picture, half } = look.stamp;
  ctx.drawImage(picture, Math.round(x) - half, Math.round(y) - half, 2 * half, 2 * half);
}

function stampOf(look) {
  const key = `${look.shape} ${look.colour} ${look.hollow} ${look.r}`;
  if (!stamps.has(key)) {
    const scale = L.Browser.retina ? 2 : 1;
    const half = Math.ceil(1.3 * look.r) + 2;
    const picture = element("canvas");
    picture.width = picture.height = 2 * half * scale;
    const ctx = picture.getContext("2d");
    ctx.scale(scale, scale);
    drawPlace(ctx, half, half, look);
    stamps.set(key, { picture, half });
  }
  return stamps.get(key);
}

function drawSite(ctx, x, y, { shape, colour, hollow, r, closing }) {
  outline(ctx, shape, x, y, r);
  stroke(ctx, "#ffffff", 4.5);
  ctx.fillStyle = hollow || closing ? "#ffffff" : colour;
  ctx.fill();
  // Yellow alone is too weak a line on a light ground.
  const line = colour === COLOURS.changing ? COLOURS.kept : colour;
  if (hollow && colour === COLOURS.changing) {
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.55;
    ctx.fill();
    ctx.globalAlpha = 1;
  }
  stroke(ctx, line, 2);
  if (shape === "crossed") {
    ctx.beginPath();
    ctx.moveTo(x - 0.55 * r, y);
    ctx.lineTo(x + 0.55 * r, y);
    ctx.moveTo(x, y - 0.55 * r);
    ctx.lineTo(x, y + 0.55 * r);
    stroke(ctx, hollow || closing ? line : "#ffffff", 2.2);
  }
  if (!closing) return;
  ctx.beginPath();
  ctx.moveTo(x - 1.3 * r, y - 1.3 * r);
  ctx.lineTo(x + 1.3 * r, y + 1.3 * r);
  ctx.moveTo(x + 1.3 * r, y - 1.3 * r);
  ctx.lineTo(x - 1.3 * r, y + 1.3 * r);
  stroke(ctx, line, 2);
}

function siteLook(kind, condition, hollow) {
  const shape = kind === "hospital" ? "crossed" : kind.endsWith("hospital") || kind.endsWith("centre") ? "square" : "house";
  const r = SIZES[kind] || 6;
  return { shape, colour: COLOURS[condition], hollow, closing: condition === "closing", r };
}

function placeLook(status, hollow, r) {
  return { shape: SHAPES[status], colour: COLOURS[status], hollow, r };
}

function symbol(draw, look) {
  const made = element("canvas", "symbol");
  made.width = 44;
  made.height = 36;
  made.setAttribute("aria-hidden", "true");
  const ctx = made.getContext("2d");
  ctx.scale(2, 2);
  draw(ctx, 11, 9, look);
  return made;
}

const placeSymbol = (status, hollow) => symbol(drawPlace, placeLook(status, hollow, 5));
const siteSymbol = (kind, condition, hollow) => symbol(drawSite, siteLook(kind, condition, hollow));

/* ---- the map ---- */

const map = L.map("map", {
  center: plan.view.centre,
  zoom: plan.view.zoom,
  zoomControl: plan.view.zoom_control,
  preferCanvas: plan.view.prefer_canvas,
  attributionControl: false,
  zoomSnap: 0.5,
  minZoom: 6,
  maxZoom: 18,
});
const canvas = L.canvas({ padding: 0.3, tolerance: 3 });
const zoomControl = L.control.zoom({ zoomInTitle: "+", zoomOutTitle: "−" }).addTo(map);
L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
L.control.attribution({ prefix: false }).setPrefix(false).addAttribution("Leaflet").addTo(map);

const Spot = L.CircleMarker.extend({
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    renderer._ctx.globalAlpha = 1; // the line before left its own
    this.options.draw(renderer._ctx, this._point.x, this._point.y, this.options.look);
  },
});

const layers = {
  boundary: L.featureGroup(),
  links: L.featureGroup(),
  places: L.featureGroup(),
  existing: L.featureGroup(),
  sites: L.featureGroup(),
  chosen: L.featureGroup(),
  towns: L.featureGroup(),
};
const hint = L.tooltip({ direction: "top", offset: [0, -8], opacity: 0.95 });
const placeSpots = [];

function spotOptions(draw, look, subject) {
  return { renderer: canvas, radius: look.r + 1, weight: 3, draw, look, subject, bubblingMouseEvents: false };
}

function radiusScale() {
  const sorted = places.people.filter((people) => people > 0).sort((one, other) => one - other);
  const large = sorted.length ? sorted[Math.floor(0.98 * (sorted.length - 1))] : 1;
  const crowd = places.id.length > 3000;
  // In half pixels, so that there are few different looks.
  return (people) => Math.max(crowd ? 2 : 4, Math.min(12, Math.round(2 * (crowd ? 6 : 9.5) * Math.sqrt((people || 0) / large)) / 2));
}
const radius = radiusScale();

function drawBoundary() {
  if (!plan.boundary) return;
  const style = { renderer: canvas, interactive: false, color: "#7d8892", weight: 1.5, fillColor: "#ffffff", fillOpacity: 1 };
  L.geoJSON(plan.boundary, style).addTo(layers.boundary);
}

// One object for each place for good; years only change its looks.
function makePlaces() {
  for (let place = 0; place < places.id.length; place += 1) {
    if (places.lon[place] === null) continue;
    const look = placeLook("unknown", true, 4);
    const spot = new Spot([places.lat[place], places.lon[place]], spotOptions(stampPlace, look, { place }));
    placeSpots[place] = spot;
  }
}

function drawPlaces() {
  const index = indexOf(state.year);
  for (let place = 0; place < places.id.length; place += 1) {
    const spot = placeSpots[place];
    if (!spot) continue;
    const worst = index.worst[place];
    const rows = index.ofPlace.get(place);
    const r = radius(rows ? peopleOf(index, rows) : places.people[place]);
    spot.options.look = placeLook(STATUSES[worst < 0 ? STATUSES.length - 1 : worst], isHollow(places.position_basis[place]), r);
    if (layers.places.hasLayer(spot)) spot.setStyle({ radius: r + 1 });
    else spot.setRadius(r + 1).addTo(layers.places);
  }
}

function drawSites() {
  layers.sites.clearLayers();
  layers.existing.clearLayers();
  const order = [...marks.id.keys()].sort((one, other) => (SIZES[marks.kind[one]] || 6) - (SIZES[marks.kind[other]] || 6));
  for (const mark of order) {
    const condition = stateOf(mark, state.year);
    const spot = spotOf(mark, state.year);
    if (!spot || condition === "absent" || condition === "gone") continue;
    const look = siteLook(marks.kind[mark], condition, isHollow(marks.basis[mark]));
    new Spot(spot, spotOptions(drawSite, look, { mark })).addTo(condition === "existing" ? layers.existing : layers.sites);
  }
}

function linkLine(index, row) {
  const mark = index.rows.mark[row];
  const place = index.rows.place[row];
  const spot = mark < 0 ? null : spotOf(mark, state.year);
  return spot && places.lon[place] !== null ? [[places.lat[place], places.lon[place]], spot] : null;
}

function linksWanted() {
  return state.links === null ? map.getZoom() >= wholeZoom + LINK_STEPS : state.links;
}

function drawLinks() {
  const index = indexOf(state.year);
  layers.links.clearLayers();
  const lines = [];
  for (let row = 0; row < (index.rows ? index.rows.place.length : 0); row += 1) {
    const line = linkLine(index, row);
    if (line) lines.push(line);
  }
  // All links are one object: fifty thousand of them pan as one.
  L.polyline(lines, { renderer: canvas, interactive: false, color: "#4d5761", weight: 0.9, opacity: 0.55 }).addTo(layers.links);
}

function drawTowns() {
  layers.towns.clearLayers();
  towns.name.forEach((name, town) => {
    if (towns.lon[town] === null) return;
    const label = element("span");
    label.textContent = name;
    label.dir = "auto";
    const icon = L.divIcon({ className: "town-label", html: label, iconSize: [0, 0] });
    L.marker([towns.lat[town], towns.lon[town]], { icon, interactive: false, keyboard: false }).addTo(layers.towns);
  });
}

// Names that would lie on one another: the later one waits until there is room.
function spaceTowns() {
  const taken = [];
  layers.towns.eachLayer((marker) => {
    const icon = marker.getElement();
    if (!icon) return;
    const box = icon.firstElementChild.getBoundingClientRect();
    const clash = taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
    icon.classList.toggle("behind", clash);
    if (!clash) taken.push(box);
  });
}

function drawChosen() {
  layers.chosen.clearLayers();
  const subject = state.selected;
  if (!subject) return;
  const index = indexOf(state.year);
  const rows = ("place" in subject ? index.ofPlace.get(subject.place) : index.ofMark.get(subject.mark)) || [];
  const lines = rows.map((row) => linkLine(index, row)).filter(Boolean);
  L.polyline(lines, { renderer: canvas, interactive: false, color: "#1d2329", weight: 1.6, opacity: 0.9 }).addTo(layers.chosen);
  const spot = latLngOf(subject);
  if (!spot) return;
  const r = "place" in subject ? placeSpots[subject.place].options.look.r : (SIZES[marks.kind[subject.mark]] || 6);
  L.circleMarker(spot, { renderer: canvas, interactive: false, radius: r + 6, color: "#1d2329", weight: 2.5, fill: false }).addTo(layers.chosen);
}

function latLngOf(subject) {
  if ("mark" in subject) return spotOf(subject.mark, state.year);
  return placeSpots[subject.place] ? placeSpots[subject.place].getLatLng() : null;
}

function stack() {
  for (const [name, layer] of Object.entries(layers)) {
    const shown = name === "links" ? linksWanted() : state.shown[name] !== false;
    if (shown && !map.hasLayer(layer)) layer.addTo(map);
    if (!shown && map.hasLayer(layer)) layer.remove();
  }
  // Canvas draws in the order of arrival, so what was switched on later is put in its place.
  if (map.hasLayer(layers.links)) layers.links.bringToBack();
  layers.boundary.bringToBack();
  for (const layer of [layers.existing, layers.sites, layers.chosen]) if (map.hasLayer(layer)) layer.bringToFront();
  if (map.hasLayer(layers.towns)) spaceTowns();
}

function wholeBounds() {
  if (plan.boundary) return layers.boundary.getBounds();
  const bounds = layers.places.getBounds();
  return bounds.isValid() ? bounds : L.latLng(plan.view.centre).toBounds(20000);
}

let wholeZoom = 0;
function showWhole() {
  map.fitBounds(wholeBounds(), { padding: [12, 12], animate: false, maxZoom: 15 });
  wholeZoom = map.getZoom();
}

const WholeButton = L.Control.extend({
  options: { position: "topleft" },
  onAdd() {
    const box = element("div", "leaflet-bar");
    const link = element("a", "", "⌂");
    link.setAttribute("role", "button");
    link.tabIndex = 0;
    link.id = "whole";
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

/* ---- the panel ---- */

function show(id, ...content) {
  document.getElementById(id).replaceChildren(...content.flat().filter(Boolean));
}

function tableOf(heads, rows, foot) {
  const head = element("thead", "", element("tr", "", ...heads.map((text) => cell("th", "col", text))));
  const table = element("table", "", head, element("tbody", "", ...rows));
  if (foot) table.append(element("tfoot", "", foot));
  return table;
}

function drawHead() {
  const title = inLanguage(plan.title) || say("unnamed");
  document.documentElement.lang = LOCALE[state.language];
  document.title = say("page_title", { title, year: state.year ?? "" });
  show("title", given(title));
  const names = { district: given(inLanguage(plan.district)), as_of: given(plan.as_of), year: String(state.year ?? "–") };
  show("subtitle", sentence(plan.as_of ? "subtitle" : "subtitle_plain", names));
  const switches = plan.years.map((year) => {
    const made = button("", String(year), () => chooseYear(year));
    made.setAttribute("aria-pressed", String(year === state.year));
    made.dataset.year = year;
    return made;
  });
  show("years", switches);
  document.getElementById("language").textContent = say("language_switch");
  document.getElementById("language").lang = LOCALE[state.language === "zh" ? "en" : "zh"];
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  map.getContainer().setAttribute("aria-label", say("map_region"));
  for (const [part, word] of [[zoomControl._zoomInButton, "zoom_in"], [zoomControl._zoomOutButton, "zoom_out"], [document.getElementById("whole"), "whole"]]) {
    part.title = say(word);
    part.setAttribute("aria-label", say(word));
  }
}

function drawBanner() {
  const { positions, people, sites, missing } = plan.estimates;
  const lines = [];
  const add = (key, count, total) => count && lines.push(element("span", "", say(key, { count: number(count), total: number(total) })));
  add("banner_positions", ...positions);
  add("banner_people", ...people);
  add("banner_sites", ...sites);
  add("banner_missing", missing, missing);
  const banner = document.getElementById("banner");
  const sound = !lines.length;
  if (sound && positions[1]) lines.push(element("span", "", say("banner_sound")));
  banner.classList.toggle("sound", sound);
  banner.hidden = !lines.length;
  show("banner", lines);
}

function statusRows(index) {
  return STATUSES.map((status, at) => {
    const always = status === "served" || status === "no_capacity" || status === "out_of_range";
    if (!always && !index.people[at]) return null;
    const row = element("tr", "", cell("th", "row", placeSymbol(status, false), say(`status_${status}`)),
      cell("td", "", number(index.people[at])), cell("td", "", percent(index.people[at], index.total)));
    row.dataset.status = status;
    row.dataset.people = index.people[at];
    return row;
  }).filter(Boolean);
}

function bar(index) {
  const made = element("div", "bar");
  made.setAttribute("aria-hidden", "true");
  index.people.forEach((people, at) => {
    if (!people) return;
    const part = element("i");
    part.style.flex = `${people} 0 0`;
    part.style.background = COLOURS[STATUSES[at]];
    made.append(part);
  });
  return made;
}

function sumNote(index) {
  const expected = plan.expected[state.year];
  if (expected === null || expected === undefined) return null;
  const agrees = expected === index.total;
  const values = { people: number(expected), sum: number(index.total), difference: number(Math.abs(expected - index.total)) };
  return element("p", agrees ? "note" : "note alarm", say(agrees ? "adds_up" : "adds_up_not", values));
}

function siteCounts() {
  const states = marks.id.map((_, mark) => stateOf(mark, state.year));
  const kinds = new Map();
  states.forEach((condition, mark) => {
    if (OPEN_STATES.includes(condition)) kinds.set(marks.kind[mark], (kinds.get(marks.kind[mark]) || 0) + 1);
  });
  const count = (condition) => states.filter((one) => one === condition).length;
  return { open: OPEN_STATES.reduce((sum, one) => sum + count(one), 0), kinds, opening: count("opening"), changing: count("changing"), closing: count("closing") };
}

function sitesFacts() {
  const counts = siteCounts();
  const open = element("strong", "", say("sites_open", { count: number(counts.open) }));
  open.id = "sites-open";
  open.dataset.count = counts.open;
  const kinds = [...counts.kinds].flatMap(([kind, count]) => [" · ", given(sayCode("kind", kind)), ` ${number(count)}`]);
  return element("div", "facts", element("h2", "", say("sites")), element("p", "", open, ...kinds),
    element("p", "note", say("sites_changes", counts)));
}

function coverageFacts() {
  const lines = plan.coverage[state.year] || [];
  if (!lines.length) return null;
  const shown = lines.map(([preset, people, covered, share]) => element("p", "", ...sentence("coverage_line", {
    preset: given(inLanguage(preset)), people: number(people), covered: number(covered),
    share: people !== null && covered !== null ? percent(covered, people) : percent(share ?? 0, 1),
  })));
  return element("div", "facts", element("h2", "", say("coverage")), ...shown);
}

function gapSentence() {
  if (plan.gap === null) return say("gap_unknown");
  return say(plan.outcome === "optimal" ? "gap_proven" : "gap_open", { gap: percentUp(plan.gap) });
}

// Rounded up, so that the page never claims more than was proven.
function percentUp(gap) {
  return `${(Math.max(0, Math.ceil(gap * 1e4 - 1e-7)) / 100).toLocaleString("en-US")} %`;
}

function stageGaps() {
  const parts = plan.stages.flatMap(([name, gap], at) => [at ? " · " : "", given(inLanguage(name)), ` ${percentUp(gap)}`]);
  return element("p", "note", ...parts);
}

function certaintyFacts() {
  const gap = element("p", "", gapSentence());
  gap.id = "gap";
  const lines = plan.stages.length ? [gap, stageGaps()] : [gap];
  const { draws } = plan;
  if (draws) {
    const add = (key, reach, format) => reach && lines.push(element("p", "", say(key, { count: number(draws.count), range: range(reach, format) })));
    add("draws_sites", draws.sites[state.year], (value) => number(value));
    add("draws_coverage", draws.coverage[state.year], (value) => percent(value, 1));
    add("draws_cost", draws.cost, (value) => number(value));
  } else if (plan.estimates.positions[0]) {
    lines.push(element("p", "", say("draws_none")));
  }
  return element("div", "facts", element("h2", "", say("certainty")), ...lines);
}

function drawSummary() {
  const index = indexOf(state.year);
  const served = element("strong", "", percent(index.people[0], index.total));
  served.id = "served-share";
  const foot = element("tr", "", cell("th", "row", say("total")), cell("td", "", number(index.total)), cell("td", "", index.total ? "100 %" : "–"));
  foot.id = "total";
  foot.dataset.people = index.total;
  const heads = [say("people_of_year", { year: state.year ?? "" }), say("people"), say("share")];
  show("summary", element("p", "headline", served, element("span", "", say("headline"))), bar(index),
    tableOf(heads, statusRows(index), foot), sumNote(index), sitesFacts(), coverageFacts(), certaintyFacts());
}

function legendItem(picture, text) {
  return element("li", "", picture, element("span", "", text));
}

function linePicture(colour, width, fill) {
  return symbol((ctx) => {
    ctx.beginPath();
    if (fill) ctx.rect(3, 3, 16, 12);
    else { ctx.moveTo(2, 13); ctx.lineTo(20, 5); }
    stroke(ctx, colour, width);
  });
}

function drawLegend() {
  const heading = (word) => element("h3", "", say(word));
  const statuses = STATUSES.slice(0, -1).map((status) => legendItem(placeSymbol(status, false), say(`status_${status}`)));
  const present = (kind) => marks.kind.includes(kind);
  const kinds = Object.keys(SIZES).filter(present).map((kind) => legendItem(siteSymbol(kind, "kept", false), say(`kind_${kind}`)));
  const kind = present("clinic") || !present("station") ? "clinic" : "station";
  const conditions = ["opening", "kept", "changing", "closing"];
  if (marks.actions.includes(null)) conditions.push("existing");
  const states = conditions.map((condition) => legendItem(siteSymbol(kind, condition, false), say(`state_${condition}`)));
  const rest = [
    legendItem(placeSymbol("served", true), say("legend_hollow")), legendItem(linePicture("#4d5761", 1.2), say("legend_link")),
    legendItem(linePicture("#7d8892", 1.5, true), say("legend_boundary")),
  ];
  show("legend", heading("legend_places"), element("ul", "", ...statuses), heading("legend_sites"), element("ul", "", ...kinds),
    element("h3"), element("ul", "", ...states), element("h3"), element("ul", "", ...rest), element("p", "note", say("legend_mixed")));
}

function townLines() {
  const index = indexOf(state.year);
  const lines = towns.name.map((name, town) => ({ name, town, people: 0, served: 0, sites: 0 }));
  for (const [place, rows] of index.ofPlace) {
    const line = lines[places.town[place]];
    if (!line) continue;
    for (const row of rows) {
      line.people += index.rows.people[row];
      if (index.rows.status[row] === 0) line.served += index.rows.people[row];
    }
  }
  marks.id.forEach((_, mark) => {
    if (lines[marks.town[mark]] && OPEN_STATES.includes(stateOf(mark, state.year))) lines[marks.town[mark]].sites += 1;
  });
  const share = (line) => (line.people ? line.served / line.people : 2);
  return lines.filter((line) => line.people || line.sites).sort((one, other) => share(one) - share(other) || one.town - other.town);
}

function townDetails() {
  const reach = plan.draws ? plan.draws.towns[state.year] : {};
  const rows = townLines().map((line) => {
    const name = cell("td", "", given(line.name || say("unnamed")));
    name.className = "name";
    const span = reach && reach[line.town] ? ` (${range(reach[line.town], (value) => number(value))})` : "";
    return element("tr", "", name, cell("td", "", number(line.people)), cell("td", "", percent(line.served, line.people)), cell("td", "", number(line.sites) + span));
  });
  if (!rows.length) return null;
  return element("details", "", element("summary", "", say("by_town")), tableOf([say("town"), say("people"), say("served_short"), say("sites")], rows));
}

function clauseItem(clause) {
  const item = element("li", clause.status === "missed" || clause.status === "met" ? clause.status : "");
  const strength = clause.strength ? [" · ", given(sayCode("strength", clause.strength))] : [];
  item.append(element("b", "", given(sayCode("clause", clause.status))), ...strength, " · ", given(inLanguage(clause.indicator)), element("br"));
  item.append(...sentence("clause_figures", { target: given(number(clause.target, 2)), value: given(number(clause.value, 2)), unit: given(inLanguage(clause.unit)) }));
  if (clause.status === "missed" && clause.shortfall !== null) {
    item.append("; ", ...sentence("clause_shortfall", { shortfall: given(number(clause.shortfall, 2)), unit: given(inLanguage(clause.short_unit)) }));
  }
  if (clause.causes.length) {
    const causes = clause.causes.flatMap((cause, at) => (at ? [", ", given(cause)] : [given(cause)]));
    item.append(element("br"), ...sentence("clause_causes", { causes: element("span", "", ...causes) }));
  }
  const source = [clause.document, clause.clause].filter(Boolean).join(" ");
  const quote = [source, clause.quote].filter(Boolean).join(": ");
  if (quote) item.append(element("span", "quote", given(quote)));
  return item;
}

function clauseDetails() {
  const clauses = plan.clauses[state.year] || [];
  if (!clauses.length) return null;
  const rank = (clause) => ["missed", "undecided", "reported", "met", "not_applicable"].indexOf(clause.status);
  const count = (status) => clauses.filter((clause) => clause.status === status).length;
  const title = `${say("clauses", { year: state.year })}: ${say("clauses_met", { met: count("met"), missed: count("missed") })}`;
  const items = [...clauses].sort((one, other) => rank(one) - rank(other)).map(clauseItem);
  return element("details", "", element("summary", "", title), element("ul", "clauses", ...items));
}

function assumptionDetails() {
  const lines = plan.estimates.tables.map(([table, basis, rows]) => element("li", "", ...sentence("assumption_line", {
    table: given(table), basis: say(`basis_${plan.bases[basis]}`), rows: number(rows),
  })));
  if (!lines.length) return null;
  return element("details", "facts", element("summary", "", say("assumptions")), element("ul", "", ...lines));
}

function drawDetails() {
  const wasOpen = [...document.querySelectorAll("#details details")].map((one) => one.open);
  const made = [townDetails(), clauseDetails(), assumptionDetails()].filter(Boolean);
  if (made.length === wasOpen.length) made.forEach((one, at) => { one.open = wasOpen[at]; });
  show("details", made);
  document.getElementById("details").hidden = !made.length;
}

function drawFoot() {
  const approval = plan.approval ? sentence("approval_given", { number: given(plan.approval) }) : [say("approval_missing")];
  show("approval", approval);
  const datum = plan.datum ? element("p", "", ...sentence("datum", { datum: given(plan.datum.toUpperCase()) })) : null;
  show("foot", datum, element("p", "", say("drawn_with")));
}

/* ---- the card ---- */

function basisWord(basis) {
  return say(`basis_${plan.bases[basis]}`);
}

function lines(pairs) {
  const list = element("dl");
  for (const [word, ...content] of pairs.filter(Boolean)) {
    list.append(element("dt", "", say(word, { year: state.year ?? "" })), element("dd", "", ...content));
  }
  return list;
}

function townName(town) {
  return town < 0 || !towns.name[town] ? null : ["card_town", given(towns.name[town])];
}

function openLink(subject) {
  const name = "mark" in subject ? marks.name[subject.mark] : places.name[subject.place];
  return button("link", given(name || say("unnamed")), () => choose(subject, true));
}

function placeRows(index, rows) {
  const parts = rows.length > 1;
  return rows.flatMap((row) => {
    const data = index.rows;
    const status = STATUSES[data.status[row]];
    return [
      ["card_status", element("span", "state", placeSymbol(status, isHollow(places.position_basis[data.place[row]])), say(`status_${status}`),
        parts ? ` · ${say("card_part", { people: number(data.people[row]) })}` : "")],
      ["card_served_by", data.mark[row] < 0 ? say("nobody") : openLink({ mark: data.mark[row] })],
      data.minutes[row] === null ? null : ["card_minutes", say("card_minutes_value", { minutes: number(data.minutes[row], 1) })],
      ["card_figure_basis", basisWord(data.basis[row])],
    ];
  });
}

function placeCard(place) {
  const index = indexOf(state.year);
  const rows = index.ofPlace.get(place) || [];
  const kind = places.kind[place];
  const people = rows.length ? peopleOf(index, rows) : places.people[place];
  return [lines([
    kind ? ["card_kind", given(sayCode("kind", kind))] : null,
    townName(places.town[place]),
    ["card_people", say("card_people_value", { people: number(people) }), ` (${basisWord(places.people_basis[place])})`],
    ...(rows.length ? placeRows(index, rows) : [["card_status", say("card_no_row")]]),
    ["card_position_basis", basisWord(places.position_basis[place])],
  ]), isHollow(places.position_basis[place]) ? element("p", "note", say("card_example")) : null];
}

function staffLine(staff) {
  if (staff === null || staff === "") return null;
  if (!Array.isArray(staff)) return ["card_staff", given(number(staff, 1))];
  const parts = staff.flatMap(([role, count], at) => [at ? " · " : "", given(role), " ", given(number(count, 1))]);
  return parts.length ? ["card_staff", ...parts] : null;
}

function siteStateWord(mark) {
  const condition = stateOf(mark, state.year);
  if (condition === "absent") return say("card_not_yet");
  if (condition === "gone") return say("card_gone");
  return say(`state_${condition}`);
}

function markCard(mark) {
  const index = indexOf(state.year);
  const rows = index.ofMark.get(mark) || [];
  const steps = marks.actions[mark] || [];
  const past = steps.filter((step) => step.year === null || step.year <= state.year);
  const step = past[past.length - 1] || steps[0];
  const actions = steps.flatMap((one, at) => [at ? " · " : "", ...sentence("card_action_value", {
    year: String(one.year ?? "–"), action: given(sayCode("action", one.action)),
  })]);
  const cost = step && step.cost !== null && step.cost !== "" ? ["card_cost", ...sentence("card_cost_value", { cost: given(number(step.cost)) })] : null;
  const condition = stateOf(mark, state.year);
  const picture = condition === "absent" || condition === "gone" ? "" : siteSymbol(marks.kind[mark], condition, isHollow(marks.basis[mark]));
  const served = rows.slice(0, LIST_LIMIT).map((row) => element("li", "", openLink({ place: index.rows.place[row] }), ` ${number(index.rows.people[row])}`));
  return [lines([
    marks.kind[mark] ? ["card_kind", given(sayCode("kind", marks.kind[mark]))] : null,
    townName(marks.town[mark]),
    ["card_state", element("span", "state", picture, siteStateWord(mark))],
    actions.length ? ["card_action", ...actions] : null,
    ["card_serves", say("card_serves_value", { people: number(peopleOf(index, rows)), places: number(new Set(rows.map((row) => index.rows.place[row])).size) })],
    parentLine(step),
    step ? staffLine(step.staff) : null,
    cost,
    ["card_position_basis", basisWord(marks.basis[mark])],
    marks.source[mark] ? ["card_source", given(marks.source[mark])] : null,
  ]), isHollow(marks.basis[mark]) ? element("p", "note", say("card_example")) : null,
  served.length ? element("ul", "served", ...served) : null];
}

function parentLine(step) {
  if (!step || step.parent === "") return null;
  return ["card_parent", typeof step.parent === "number" ? openLink({ mark: step.parent }) : given(step.parent)];
}

function drawCard() {
  const card = document.getElementById("card");
  const subject = state.selected;
  card.hidden = !subject;
  if (!subject) {
    card.replaceChildren();
    return;
  }
  const name = "mark" in subject ? marks.name[subject.mark] : places.name[subject.place];
  const close = button("close", "×", () => choose(null));
  close.setAttribute("aria-label", say("close_card"));
  const heading = element("h2", "", given(name || say("unnamed")));
  show("card", element("header", "", heading, close), "mark" in subject ? markCard(subject.mark) : placeCard(subject.place));
  card.scrollTop = 0;
}

/* ---- what the reader does ---- */

function drawAll() {
  drawHead();
  drawBanner();
  drawSummary();
  drawLayerBoxes();
  drawLegend();
  drawDetails();
  drawFoot();
  drawCard();
  if (document.getElementById("find").value) find();
}

function drawYear() {
  drawPlaces();
  drawSites();
  drawLinks();
  drawChosen();
  stack();
}

function chooseYear(year) {
  state.year = year;
  drawYear();
  drawAll();
  const pressed = document.querySelector(`#years [data-year="${year}"]`);
  if (pressed) pressed.focus();
}

function choose(subject, move = false) {
  state.selected = subject;
  hint.remove();
  drawChosen();
  stack();
  drawCard();
  if (!subject) {
    map.getContainer().focus({ preventScroll: true });
    return;
  }
  const spot = latLngOf(subject);
  const card = document.getElementById("card");
  if (move && spot) map.setView(spot, Math.max(map.getZoom(), wholeZoom + LINK_STEPS), { animate: false });
  if (spot) uncover(spot, card);
  card.focus({ preventScroll: true });
  if (move) card.parentElement.scrollIntoView({ block: "nearest" });
}

// Moves the map where the card would lie on what it tells about.
function uncover(spot, card) {
  const size = map.getSize();
  const below = card.offsetTop + card.offsetHeight >= size.y - 2;
  const room = below ? { paddingTopLeft: [20, 20], paddingBottomRight: [20, Math.min(card.offsetHeight + 20, size.y - 60)] }
    : { paddingTopLeft: [Math.min(card.offsetLeft + card.offsetWidth + 20, size.x - 60), 20], paddingBottomRight: [20, 40] };
  const at = map.latLngToContainerPoint(spot);
  const covered = below ? at.y > size.y - card.offsetHeight - 20 : at.x < card.offsetLeft + card.offsetWidth + 20 && at.y < card.offsetTop + card.offsetHeight + 20;
  if (covered) map.panInside(spot, { ...room, animate: false });
}

function drawLayerBoxes() {
  const box = document.getElementById("layers");
  const legend = box.querySelector("legend");
  const names = ["places", "sites", "existing", "towns", "links"].filter((name) => name !== "existing" || marks.actions.includes(null));
  const boxes = names.map((name) => {
    const input = element("input");
    input.type = "checkbox";
    input.id = `layer-${name}`;
    input.checked = name === "links" ? linksWanted() : state.shown[name];
    input.addEventListener("change", () => {
      if (name === "links") state.links = input.checked;
      else state.shown[name] = input.checked;
      stack();
    });
    return element("label", "", input, say(`layer_${name}`));
  });
  box.replaceChildren(legend, ...boxes);
}

function find() {
  const asked = document.getElementById("find").value.trim().toLowerCase();
  const list = document.getElementById("found");
  list.hidden = !asked;
  if (!asked) return;
  const hits = [];
  marks.name.forEach((name, mark) => { if (name.toLowerCase().includes(asked)) hits.push({ mark }); });
  places.name.forEach((name, place) => { if (name.toLowerCase().includes(asked)) hits.push({ place }); });
  const items = hits.slice(0, SEARCH_LIMIT).map((subject) => {
    const table = "mark" in subject ? marks : places;
    const at = "mark" in subject ? subject.mark : subject.place;
    const label = element("span", "", given(table.name[at]), " · ", given(sayCode("kind", table.kind[at])), " · ", given(towns.name[table.town[at]] || ""));
    return element("li", "", button("", label, () => {
      choose(subject, true);
      list.hidden = true;
    }));
  });
  if (!hits.length) items.push(element("li", "note", say("find_none")));
  if (hits.length > SEARCH_LIMIT) items.push(element("li", "note", say("find_more", { count: number(hits.length - SEARCH_LIMIT) })));
  list.replaceChildren(...items);
}

function listen() {
  document.getElementById("language").addEventListener("click", () => {
    state.language = state.language === "zh" ? "en" : "zh";
    drawAll();
  });
  document.getElementById("find").addEventListener("input", find);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.selected) choose(null);
  });
  for (const layer of [layers.places, layers.sites, layers.existing]) {
    layer.on("click", (event) => choose(event.layer.options.subject));
    layer.on("mouseover", (event) => {
      const { place, mark } = event.layer.options.subject;
      hint.setContent(given(place === undefined ? marks.name[mark] : places.name[place]));
      hint.setLatLng(event.layer.getLatLng()).addTo(map);
    });
    layer.on("mouseout", () => hint.remove());
  }
  map.on("click", () => { if (state.selected) choose(null); });
  map.on("zoomend", () => {
    stack();
    const box = document.getElementById("layer-links");
    if (box) box.checked = linksWanted();
  });
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  listenToPrinter();
}

// A sheet has its own size: the map is drawn again for it, and afterwards as it was.
function listenToPrinter() {
  let before = null;
  addEventListener("beforeprint", () => {
    before = { centre: map.getCenter(), zoom: map.getZoom(), open: [] };
    document.documentElement.classList.add("printing");
    map.invalidateSize({ animate: false, pan: false });
    if (before.zoom <= wholeZoom) map.fitBounds(wholeBounds(), { padding: [12, 12], animate: false });
    else map.setView(before.centre, before.zoom, { animate: false });
    canvas._redraw();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    map.invalidateSize({ animate: false, pan: false });
    if (before) map.setView(before.centre, before.zoom, { animate: false });
  });
}

function start() {
  new WholeButton().addTo(map);
  drawHead();
  drawBanner();
  drawFoot();
  // The heading has just taken its room.
  map.invalidateSize({ animate: false, pan: false });
  layers.boundary.addTo(map);
  drawBoundary();
  makePlaces();
  drawPlaces();
  showWhole();
  drawSites();
  drawLinks();
  drawTowns();
  stack();
  drawAll();
  listen();
  requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = "yes"; }));
}

start();
})();
