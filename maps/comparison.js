/* Draws plans beside the first of them. Every text of a plan reaches the page by textContent, never as markup. */
(() => {
"use strict";

const content = JSON.parse(document.getElementById("comparison").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const { places, sites, towns, pairs } = content;
const LOCALE = { zh: "zh-CN", en: "en" };
// Okabe & Ito's colours, told apart with any colour vision; shapes differ as well.
const PLACE_LOOKS = {
  better: { shape: "up", colour: "#0072b2" }, worse: { shape: "triangle", colour: "#d55e00" },
  mixed: { shape: "diamond", colour: "#cc79a7" }, unknown: { shape: "square", colour: "#777777" },
  same: { shape: "circle", colour: "#aab3bb" },
};
const SITE_LOOKS = [
  { word: "site_first", colour: "#d55e00", crossed: true }, { word: "site_other", colour: "#0072b2", filled: true },
  { word: "site_both", colour: "#39434c", filled: true, small: true },
];
// Two hues (ColorBrewer's oranges and blues), a light and a dark step of each, and white between them.
const TOWN_COLOURS = { more: "#9ecae1", few_more: "#deebf7", even: "#ffffff", few_less: "#fee6ce", less: "#fdae6b" };
const INK = "#1d2329";
const SMALL = 2.5; // radius of a place that fares the same: pixels
const HUNDRED = 100;
const ASIDE = 8; // pixels

const state = {
  language: Object.keys(LOCALE).includes(content.language) ? content.language : "zh",
  pair: 0,
  year: null,
  shown: { towns: true, unchanged: true, places: true, sites: true, names: true },
  selected: null,
};

const {
  say, sayCode, inLanguage, number, percent, apart, inBrackets, element, given, sentence, button, cell, show, outline, stroke,
  ringsOf, spaceTowns, makeYears, drawYears, wholeButton, sayPage,
} = pageTools(words, state, LOCALE);

const pair = () => pairs[state.pair];
const ofYear = (table) => table[state.year] || [];
// (What rounds to nothing has no sign.)
const withMinus = (value, digits) => number(value, digits).replace(/^-0$/, "0").replace("-", "−");
const signed = (value, digits = 0) => (value > 0 ? "+" : "") + withMinus(value, digits);

/* ---- symbols ---- */

function drawPlace(ctx, x, y, { shape, colour, hollow, small, r }) {
  if (shape === "up") {
    ctx.beginPath();
    ctx.moveTo(x, y - 1.2 * r);
    ctx.lineTo(x + 1.15 * r, y + 0.8 * r);
    ctx.lineTo(x - 1.15 * r, y + 0.8 * r);
    ctx.closePath();
  } else {
    outline(ctx, shape, x, y, r);
  }
  stroke(ctx, "#ffffff", small ? 1 : 4);
  ctx.fillStyle = hollow ? "#ffffff" : colour;
  ctx.fill();
  stroke(ctx, hollow ? colour : "#ffffff", hollow ? (small ? 1 : 1.8) : 0.8);
}

// (What stands in one plan only is set off, so that the place below it is seen.)
function drawSite(ctx, across, up, { colour, filled, crossed, hollow, r, aside }) {
  const [x, y] = aside ? [across + ASIDE, up - ASIDE] : [across, up];
  outline(ctx, "house", x, y, r);
  stroke(ctx, "#ffffff", 4);
  ctx.fillStyle = filled && !hollow ? colour : "#ffffff";
  ctx.fill();
  stroke(ctx, colour, 2);
  if (!crossed) return;
  ctx.beginPath();
  ctx.moveTo(x - 1.2 * r, y - 1.2 * r);
  ctx.lineTo(x + 1.2 * r, y + 1.2 * r);
  ctx.moveTo(x + 1.2 * r, y - 1.2 * r);
  ctx.lineTo(x - 1.2 * r, y + 1.2 * r);
  stroke(ctx, colour, 2);
}

function symbol(draw, look) {
  const made = element("canvas", "symbol");
  [made.width, made.height] = [44, 36];
  made.setAttribute("aria-hidden", "true");
  const ctx = made.getContext("2d");
  ctx.scale(2, 2);
  draw(ctx, 11, 9, look);
  return made;
}

function drawPatch(ctx, x, y, { colour }) {
  outline(ctx, "square", x, y, 6);
  ctx.fillStyle = colour;
  ctx.fill();
  stroke(ctx, "#8d86a8", 1);
}

/* ---- the map ---- */

const map = L.map("map", {
  center: content.view.centre, zoom: content.view.zoom, zoomControl: content.view.zoom_control,
  preferCanvas: content.view.prefer_canvas, attributionControl: false, zoomSnap: 0.5, minZoom: 6, maxZoom: 18,
});
const canvas = L.canvas({ padding: 0.3, tolerance: 3 });
const zoomControl = L.control.zoom({ zoomInTitle: "+", zoomOutTitle: "−" }).addTo(map);
L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
L.control.attribution({ prefix: false }).setPrefix(false).addAttribution("Leaflet").addTo(map);

const Spot = L.CircleMarker.extend({
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    renderer._ctx.globalAlpha = 1;
    renderer._ctx.setLineDash([]);
    this.options.draw(renderer._ctx, this._point.x, this._point.y, this.options.look);
  },
});
// As large as what is set off needs, to be drawn and clicked on.
const Aside = Spot.extend({
  _updateBounds() {
    Spot.prototype._updateBounds.call(this);
    this._pxBounds = L.bounds(this._pxBounds.min.subtract([2 * ASIDE, 2 * ASIDE]), this._pxBounds.max.add([2 * ASIDE, 2 * ASIDE]));
  },
  _containsPoint(point) {
    const at = this.options.look.aside ? this._point.add([ASIDE, -ASIDE]) : this._point;
    return point.distanceTo(at) <= this._radius + this._clickTolerance();
  },
});
const layers = Object.fromEntries(["boundary", "towns", "unchanged", "places", "sites", "chosen", "names"].map((name) => [name, L.featureGroup()]));
const hint = L.tooltip({ direction: "top", offset: [0, -8], opacity: 0.95 });

function spot(table, at, draw, look, subject) {
  if (table.lon[at] === null) return null;
  const options = { renderer: canvas, radius: look.r + 1, weight: 3, draw, look, subject, bubblingMouseEvents: false };
  return new (table === sites ? Aside : Spot)([table.lat[at], table.lon[at]], options);
}

function radiusScale() {
  const sorted = places.people.filter((people) => people > 0).sort((one, other) => one - other);
  const large = sorted.length ? sorted[Math.floor(0.98 * (sorted.length - 1))] : 1;
  return (people) => Math.max(3.5, Math.min(12, 9 * Math.sqrt((people || 0) / large)));
}
const radius = radiusScale();

// What a place's parts come to: one word, or that some win and some lose.
function fateOf(parts) {
  const found = new Set(parts.map((part) => part[1]));
  if (found.has("better") && found.has("worse")) return "mixed";
  return ["better", "worse", "unknown"].find((verdict) => found.has(verdict)) || "same";
}

function partsByPlace() {
  const found = new Map();
  for (const part of ofYear(pair().parts)) found.set(part[0], [...(found.get(part[0]) || []), part]);
  return found;
}

function drawPlaces() {
  const parts = partsByPlace();
  layers.places.clearLayers();
  layers.unchanged.clearLayers();
  for (let place = 0; place < places.name.length; place += 1) {
    const fate = fateOf(parts.get(place) || []);
    const small = fate === "same";
    const look = { ...PLACE_LOOKS[fate], hollow: Boolean(places.hollow[place]), small, r: small ? SMALL : radius(places.people[place]) };
    const made = spot(places, place, drawPlace, look, { place });
    if (made) made.addTo(small ? layers.unchanged : layers.places);
  }
}

function drawSites() {
  layers.sites.clearLayers();
  // What stands in both lies below what stands in one.
  for (const [site, where] of [...ofYear(pair().standing)].sort((one, other) => other[1] - one[1])) {
    const aside = !SITE_LOOKS[where].small;
    const look = { ...SITE_LOOKS[where], hollow: Boolean(sites.hollow[site]), r: aside ? 6 : 3.5, aside };
    const made = spot(sites, site, drawSite, look, { site });
    if (made) made.addTo(layers.sites);
  }
}

// Half of what the town that differs most has, in round numbers: from there on a colour is dark.
function townStep() {
  const all = Object.values(pair().towns).flat().map(([, first, other]) => Math.abs(other - first));
  const half = Math.max(0, ...all) / 2;
  if (half < 2) return 1;
  const power = 10 ** Math.floor(Math.log10(half));
  return power * Math.floor(half / power);
}

function townColour(more) {
  const step = townStep();
  if (more === 0) return TOWN_COLOURS.even;
  if (more > 0) return more > step ? TOWN_COLOURS.more : TOWN_COLOURS.few_more;
  return more < -step ? TOWN_COLOURS.less : TOWN_COLOURS.few_less;
}

function drawTowns() {
  layers.towns.clearLayers();
  const lines = new Map(ofYear(pair().towns).map((line) => [line[0], line]));
  for (const [town, area] of Object.entries(content.areas)) {
    const line = lines.get(Number(town));
    const fillColor = line ? townColour(line[2] - line[1]) : TOWN_COLOURS.even;
    const style = { renderer: canvas, color: "#8d86a8", weight: 0.8, fillOpacity: 1, fillColor, subject: { town: Number(town) }, bubblingMouseEvents: false };
    L.polygon(ringsOf(area), style).addTo(layers.towns);
  }
}

function drawNames() {
  towns.name.forEach((name, town) => {
    if (towns.lon[town] === null) return;
    const label = element("span");
    label.textContent = name;
    label.dir = "auto";
    const icon = L.divIcon({ className: "town-label", html: label, iconSize: [0, 0] });
    L.marker([towns.lat[town], towns.lon[town]], { icon, interactive: false, keyboard: false }).addTo(layers.names);
  });
}

function drawChosen() {
  layers.chosen.clearLayers();
  const subject = state.selected;
  if (!subject || "town" in subject) return;
  const [table, at] = "site" in subject ? [sites, subject.site] : [places, subject.place];
  L.circleMarker([table.lat[at], table.lon[at]], { renderer: canvas, interactive: false, radius: 14, color: INK, weight: 2.5, fill: false }).addTo(layers.chosen);
}

function stack() {
  for (const [name, layer] of Object.entries(layers)) {
    const shown = state.shown[name] !== false;
    if (shown && !map.hasLayer(layer)) layer.addTo(map);
    if (!shown && map.hasLayer(layer)) layer.remove();
  }
  // Canvas draws in the order of arrival, so what was switched on later is put in its place.
  for (const layer of [layers.towns, layers.boundary]) if (map.hasLayer(layer)) layer.bringToBack();
  for (const layer of [layers.unchanged, layers.places, layers.sites, layers.chosen]) if (map.hasLayer(layer)) layer.bringToFront();
  if (map.hasLayer(layers.names)) spaceTowns(layers.names);
}

function showWhole() {
  const bounds = (content.boundary ? layers.boundary : L.featureGroup([layers.places, layers.unchanged])).getBounds();
  map.fitBounds(bounds.isValid() ? bounds : L.latLng(content.view.centre).toBounds(20000), { padding: [12, 12], animate: false, maxZoom: 15 });
}

/* ---- the panel ---- */

function drawHead() {
  document.documentElement.lang = LOCALE[state.language];
  document.title = `${inLanguage(content.district)} · ${pair().other}`;
  show("title", ...sentence("page_title", { district: given(inLanguage(content.district)) }));
  show("subtitle", ...sentence("page_subtitle", { first: given(pair().first), other: given(pair().other) }));
  drawYears(pair().years);
  sayPage(map, zoomControl);
}

const isSoft = () => [...places.hollow, ...sites.hollow].some(Boolean);

function drawBanner() {
  const { same, cost_told: isTold, same_people: areSame } = pair();
  const lines = [same ? say("page_same") : say("banner_plans")];
  if (!isTold && !same) lines.push(say("banner_gap"));
  if (!areSame) lines.push(say("banner_unknown"));
  if (isSoft()) lines.push(say("banner_estimated"));
  document.getElementById("banner").classList.toggle("sound", lines.length === 1);
  show("banner", ...lines.map((line) => element("span", "", line)));
}

function drawPairs() {
  const first = element("p", "first", ...sentence("first_is", { name: given(pair().first) }));
  if (pairs.length === 1) {
    show("pairs", first, element("p", "other", ...sentence("other_is", { name: given(pair().other) })));
    return;
  }
  const select = element("select");
  select.id = "pair";
  pairs.forEach((one, at) => select.add(new Option(one.other.slice(0, 80), at, false, at === state.pair)));
  select.addEventListener("change", () => choosePair(Number(select.value)));
  show("pairs", first, element("label", "pick", say("chooser"), select));
}

function drawSummary() {
  const [better, worse, same, elsewhere, unknown, itsUnknown, people, itsPeople] = ofYear(pair().people);
  const rows = [["place_better", better], ["place_worse", worse], ["place_same", same]];
  const made = rows.map(([word, count]) => element("tr", "", cell("th", "row", say(word)), cell("td", "", number(count)), cell("td", "", percent(count, people))));
  const more = [element("p", "note", say("summary_elsewhere", { count: number(elsewhere) }))];
  if (unknown || itsUnknown) more.push(element("p", "note alarm", say("summary_unknown", { first: number(unknown), other: number(itsUnknown), people: number(people), its_people: number(itsPeople) })));
  const head = element("h2", "", say("summary_head", { year: state.year, people: number(people) }));
  show("summary", head, element("table", "", element("tbody", "", ...made)), ...more, element("p", "note", say("summary_means")));
}

function drawLayerBoxes() {
  const box = document.getElementById("layers");
  const names = ["places", "unchanged", "sites", "towns", "names"].filter((name) => name !== "towns" || Object.keys(content.areas).length);
  const boxes = names.map((name) => {
    const input = element("input");
    [input.type, input.id, input.checked] = ["checkbox", `layer-${name}`, state.shown[name]];
    input.addEventListener("change", () => {
      state.shown[name] = input.checked;
      stack();
    });
    return element("label", "", input, say(`layer_${name}`));
  });
  box.replaceChildren(box.querySelector("legend"), ...boxes);
}

function legendList(head, items) {
  return [element("h3", "", say(head)), element("ul", "wide", ...items.map(([picture, text]) => element("li", "", picture, element("span", "", text))))];
}

function drawLegend() {
  const parts = partsByPlace();
  const fates = new Map();
  places.name.forEach((_, place) => {
    const fate = fateOf(parts.get(place) || []);
    fates.set(fate, (fates.get(fate) || 0) + 1);
  });
  const ofPlaces = Object.keys(PLACE_LOOKS).map((fate) => [symbol(drawPlace, { ...PLACE_LOOKS[fate], r: 5.5 }), `${say(`place_${fate}`)}${inBrackets(number(fates.get(fate) || 0))}`]);
  const counts = SITE_LOOKS.map((_, where) => ofYear(pair().standing).filter((row) => row[1] === where).length);
  const ofSites = SITE_LOOKS.map((look, where) => [symbol(drawSite, { ...look, r: look.small ? 4 : 6 }), `${say(look.word)}${inBrackets(number(counts[where]))}`]);
  const step = townStep();
  const ofTowns = [["more", "town_more", { from: number(step) }], ["few_more", "town_more_few", { to: number(step) }], ["even", "town_even", {}], ["few_less", "town_less_few", { to: number(step) }], ["less", "town_less", { from: number(step) }]]
    .map(([colour, word, values]) => [symbol(drawPatch, { colour: TOWN_COLOURS[colour] }), say(word, values)]);
  const hollow = isSoft() ? element("p", "note", say("hollow")) : null;
  show("legend", ...legendList("legend_places", ofPlaces), ...legendList("legend_sites", ofSites), ...(Object.keys(content.areas).length ? legendList("legend_towns", ofTowns) : []), hollow);
}

function drawFoot() {
  show("approval", ...(content.approval ? sentence("approval_given", { number: given(content.approval) }) : [say("approval_missing")]));
  show("foot", content.openstreetmap ? element("p", "", say("roads_openstreetmap")) : null, element("p", "", "allocate · Leaflet"));
}

/* ---- the card ---- */

function nameOf(subject) {
  const name = "site" in subject ? sites.name[subject.site] : "town" in subject ? towns.name[subject.town] : places.name[subject.place];
  return name || say("unnamed");
}

function faringWord(faring) {
  if (!faring) return [say("card_unknown")];
  const [status, site, minutes] = faring;
  const more = status === "served" && site >= 0 ? sentence("card_site", { site: given(sites.name[site]), minutes: number(minutes, 1) }) : [];
  return [sayCode("status", status), ...more];
}

function placeCard(place) {
  const parts = partsByPlace().get(place) || [];
  if (!parts.length) return [element("p", "", say("place_same"))];
  return parts.flatMap(([, verdict, people, share, first, other]) => {
    const who = people === null ? say("card_share", { share: percent(share, 1) }) : say("card_people", { people: number(people) });
    return [element("h3", "", `${who} · ${say(`place_${verdict}`)}`),
      element("dl", "", element("dt", "first", ...sentence("first_is", { name: given(pair().first) })), element("dd", "", ...faringWord(first)),
        element("dt", "other", ...sentence("other_is", { name: given(pair().other) })), element("dd", "", ...faringWord(other)))];
  });
}

function siteCard(site) {
  const row = ofYear(pair().standing).find(([one]) => one === site);
  if (!row) return [];
  const people = (value) => (value === null ? "–" : number(value));
  return [element("p", "", sayCode("kind", sites.kind[site])), element("p", "", say(SITE_LOOKS[row[1]].word)),
    element("p", "", say("card_served", { first: people(row[2]), other: people(row[3]) }))];
}

function townCard(town) {
  const row = ofYear(pair().towns).find(([one]) => one === town);
  if (!row) return [];
  const [, first, other, people, itsPeople] = row;
  const values = { first: number(first), other: number(other), people: number(people), its_people: number(itsPeople) };
  return [element("p", "", say("card_town", values)), element("p", "", `${signed(other - first)} · ${percent(first, people)} → ${percent(other, itsPeople)}`)];
}

function drawCard() {
  const subject = state.selected;
  document.getElementById("card").hidden = !subject;
  if (!subject) {
    show("card");
    return;
  }
  const close = button("close", "×", () => choose(null));
  close.setAttribute("aria-label", say("close_card"));
  const body = "site" in subject ? siteCard(subject.site) : "town" in subject ? townCard(subject.town) : placeCard(subject.place);
  const about = element("p", "note", say("card_year", { year: state.year }));
  show("card", element("header", "", element("h2", "", given(nameOf(subject))), close), about, ...body);
}

/* ---- lines and tables ---- */

function drawLines() {
  show("lines", element("ul", "", ...pair().lines[state.language].map((line) => element("li", "", given(line)))));
}

const isText = (kind) => ["text", "code", "id", "mark"].includes(kind);

// A measure in shares reads in percent, as the unit of its own line says.
function cellWord(field, value, record) {
  if (value === null) return "";
  if (field.kind === "code") return sayCode(field.group, value);
  if (isText(field.kind)) return given(value);
  const unit = field.name.startsWith("shortfall") ? record.shortfall_unit : record.unit;
  if (field.kind === "share") return percent(value, 1);
  if (field.kind === "gap") return `${number(Math.ceil(value * HUNDRED * HUNDRED) / HUNDRED, 2)}\u00a0%`;
  if (field.kind === "measure" && unit === "ratio") return `${apart(value * HUNDRED, Math.round(value) * HUNDRED)}\u00a0%`;
  if (field.kind === "year") return String(value);
  if (field.name.endsWith("_difference")) return signed(value, 2);
  return withMinus(value, field.kind === "degrees" ? 5 : field.kind === "minutes" ? 1 : 2);
}

function tableOf({ fields, rows, count, title, about }) {
  const shown = fields.slice(fields[0].name === "compared_with" ? 1 : 0);
  const skipped = fields.length - shown.length;
  const head = element("tr", "", ...shown.map((field) => {
    const made = cell("th", "col", inLanguage(field.heading));
    if (isText(field.kind)) made.className = "text";
    return made;
  }));
  const body = rows.map((row) => {
    const said = row.map((value) => (Array.isArray(value) ? value[state.language === "zh" ? 0 : 1] : value));
    const record = Object.fromEntries(fields.map((field, at) => [field.name, said[at]]));
    const line = element("tr", record.verdict || "", ...shown.map((field, at) => {
      const made = cell("td", "", cellWord(field, said[at + skipped], record));
      made.className = `${isText(field.kind) ? "text" : ""} ${field.name === "verdict" ? "verdict" : ""}`.trim();
      return made;
    }));
    return line;
  });
  const note = rows.length < count ? element("p", "note alarm", say("rows_cut", { shown: number(rows.length), count: number(count) })) : null;
  const table = element("div", "scroll", element("table", "", element("thead", "", head), element("tbody", "", ...body)));
  const summary = element("summary", "", `${inLanguage(title)}${inBrackets(number(count))}`);
  const made = element("details", "", summary, element("p", "note", inLanguage(about)), ...[note].filter(Boolean), count ? table : element("p", "", say("rows_none")));
  return made;
}

function drawTables() {
  const open = [...document.querySelectorAll("#tables > details")].map((one) => one.open);
  const made = pair().tables.map(tableOf);
  made.forEach((one, at) => { one.open = open.length ? open[at] : at === 1; });
  show("tables", ...made);
}

/* ---- what the reader does ---- */

function drawYear() {
  drawTowns();
  drawPlaces();
  drawSites();
  drawChosen();
  stack();
  drawHead();
  drawSummary();
  drawLegend();
  drawCard();
}

function drawAll() {
  drawYear();
  drawBanner();
  drawPairs();
  drawLayerBoxes();
  drawFoot();
  drawLines();
  drawTables();
}

function chooseYear(year) {
  state.year = year;
  drawYear();
}

function choosePair(at) {
  state.pair = at;
  const { years } = pair();
  if (!years.includes(state.year)) state.year = years[years.length - 1];
  state.selected = null;
  makeYears(years, chooseYear);
  drawAll();
  const select = document.getElementById("pair");
  if (select) select.focus({ preventScroll: true });
}

function choose(subject) {
  state.selected = subject;
  hint.remove();
  drawChosen();
  stack();
  drawCard();
  const card = document.getElementById("card");
  if (subject) card.focus({ preventScroll: true });
  else map.getContainer().focus({ preventScroll: true });
}

function listen() {
  document.getElementById("language").addEventListener("click", () => {
    state.language = state.language === "zh" ? "en" : "zh";
    drawAll();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.selected) choose(null); });
  for (const layer of [layers.unchanged, layers.places, layers.sites, layers.towns]) {
    layer.on("click", (event) => choose(event.layer.options.subject));
    layer.on("mouseover", (event) => {
      hint.setContent(given(nameOf(event.layer.options.subject)));
      hint.setLatLng(event.layer.getLatLng ? event.layer.getLatLng() : event.latlng).addTo(map);
    });
    layer.on("mouseout", () => hint.remove());
  }
  map.on("zoomend", stack);
  map.on("click", () => { if (state.selected) choose(null); });
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  // A sheet cannot be unfolded.
  addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("#tables > details")) one.open = true; });
}

function start() {
  wholeButton(showWhole).addTo(map);
  state.year = pair().years[pair().years.length - 1];
  makeYears(pair().years, chooseYear);
  if (content.boundary) L.geoJSON(content.boundary, { renderer: canvas, interactive: false, color: "#7d8892", weight: 1.5, fillColor: "#ffffff", fillOpacity: 1 }).addTo(layers.boundary);
  drawNames();
  drawAll();
  map.invalidateSize({ animate: false, pan: false });
  showWhole();
  listen();
  requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = "yes"; }));
}

start();
})();
