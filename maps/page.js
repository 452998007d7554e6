/* Draws the plan. Every text of the plan reaches the page by textContent, never as markup. */
(() => {
"use strict";

const plan = unpackPlan(JSON.parse(document.getElementById("plan").textContent));
const words = JSON.parse(document.getElementById("words").textContent);
const { places, marks, towns, rounds, visits, tours, care, abilities, consortia, functions, reserves } = plan;
const STATUSES = plan.statuses;
const FIRM = ["official", "surveyed"];
const LOCALE = { zh: "zh-CN", en: "en" };
const LANGUAGES = Object.keys(LOCALE);
// Links appear by themselves this many zoom steps nearer than the whole district.
const LINK_STEPS = 2;
const SEARCH_LIMIT = 20;
const LIST_LIMIT = 200;

// Okabe & Ito's colours, told apart with any colour vision; shapes differ as well.
const COLOURS = {
  served: "#009e73", posted: "#cc79a7", rounds: "#56b4e9", no_capacity: "#e69f00", out_of_range: "#d55e00", unknown: "#777777",
  opening: "#0072b2", kept: "#1d2329", changing: "#f0e442", closing: "#cc79a7", existing: "#8a939b",
};
const SHAPES = {
  served: "circle", posted: "plus", rounds: "barred", no_capacity: "triangle", out_of_range: "diamond", unknown: "circle",
};
const SIZES = { clinic: 5, station: 6.5, ems_station: 6, township_hospital: 7, community_centre: 7, hospital: 9, hospital_site: 9 };
const OPEN_STATES = ["opening", "kept", "changing"];
// One hue in five steps (ColorBrewer's Purples): the fewer people of a town are served, the darker it is.
const SHARES = [
  { from: 1, colour: "#f6f4fa" }, { from: 0.9, colour: "#dadaeb" }, { from: 0.8, colour: "#bcbddc" },
  { from: 0.6, colour: "#9e9ac8" }, { from: 0, colour: "#756bb1" },
];
// So many places are drawn smaller, and as one picture.
const CROWD = places.id.length > 3000;
const MANY_SITES = 600;
// So many lines of rounds, all years together, wait until they are asked for: a map should follow the hand.
const MANY_LINES = 2000;
// Lines of who goes where; of posts in villages and rounds darker than their places, to be seen on a light ground.
const GOING = {
  rounds: { color: "#1f7ab0", weight: 1.7 }, posts: { color: "#a8407f", weight: 1.7 },
  postings: { color: "#5b3a9e", weight: 1.4, dashArray: "7 4" }, towns: { color: "#1f7ab0", weight: 1.2, dashArray: "2 4" },
};
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"];
const HALVES = ["am", "pm"];
const DAYS = 7; // of a week
const SUPPORT = ["resident", "part", "remote", "none"];
const MONTHS = 12;
// Tol's light colours, which a place and a name stand out from; a district has seldom as many consortia.
const LEAD_COLOURS = ["#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#bbcc33", "#99ddff", "#aaaa00", "#dddddd"];
const CENTRE = { color: "#222255", weight: 1.8, dashArray: "2 5" };
const CHOSEN = "#a8005c"; // rings round the sites that have the chosen function
const FADED = 0.25;
const AMBULANCES = "ems"; // the function of ambulance stations
const NAMES_LIMIT = 12; // of functions in a line of a card
const REACH = { color: "#0b5c94", weight: 1.4, dashArray: "5 4", fillColor: "#4a9bd0" };
// Clauses that the plan does not decide are folded.
const FOLDED = ["undecided", "reported", "not_applicable"];

// What parts of this script add: boxes and fields of layers, and what is put on every map.
const EXTRAS = { boxes: [], maps: [], legends: [], years: [], facts: [], details: [] };
// What a subject is a row of, by its name, and what its card holds.
const TABLES = { mark: marks, town: towns, place: places };
const CARDS = { mark: markCard, town: townCard, place: placeCard };

const state = {
  language: LANGUAGES.includes(plan.language) ? plan.language : "zh",
  year: plan.years.length ? plan.years[plan.years.length - 1] : null,
  shown: { places: true, sites: true, existing: true, towns: true, rounds: rounds.stop.length <= MANY_LINES, postings: false, consortia: false, centres: false, homes: false, dropped: false, shares: false, reach: false },
  links: null, // null: by zoom; else what the reader chose
  selected: null,
  tiled: false, // whether a base map is seen
  pair: false, // whether today stands beside the plan
  centre: -1, // whose links are drawn: a function, by its position
  ability: -1, // the function that is looked for; -1: none
};

const {
  ALL, say, sayCode, inLanguage, number, percent, apart, inBrackets, range, element, given, sentence, filled, button, cell,
  show, outline, stroke, ringsOf, spaceTowns, makeYears, drawYears,
  wholeButton, sayPage,
} = pageTools(words, state, LOCALE);

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
    case "move":
      return now ? "closing" : "gone";
    case "open":
      return now ? "opening" : "kept";
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

/* ---- who goes where, by year ---- */

// A stop is a village or, below 0, a town.
const subjectOf = (stop) => (stop < 0 ? { town: -1 - stop } : { place: stop });

function rowsBy(table, keyOf, year) {
  const found = new Map();
  table.year.forEach((of, row) => {
    if (of !== year) return;
    const key = keyOf(row);
    if (found.has(key)) found.get(key).push(row);
    else found.set(key, [row]);
  });
  return found;
}

const goings = new Map();

// What the page asks about who goes where in a year, sorted once.
function goingOf(year) {
  if (!goings.has(year)) {
    goings.set(year, {
      roundsTo: rowsBy(rounds, (row) => rounds.stop[row], year),
      roundsFrom: rowsBy(rounds, (row) => rounds.mark[row], year),
      toursTo: rowsBy(tours, (row) => tours.mark[row], year),
      toursFrom: rowsBy(tours, (row) => plan.senders[tours.sender[row]][1], year),
      care: rowsBy(care, (row) => care.place[row], year),
    });
  }
  return goings.get(year);
}

const visitsByRound = new Map();
visits.round.forEach((round, row) => (visitsByRound.has(round) ? visitsByRound.get(round).push(row) : visitsByRound.set(round, [row])));
const visitsOf = (round) => visitsByRound.get(round) || [];

function byTeam(rows) {
  const found = new Map();
  for (const row of rows) found.set(visits.team[row], [...(found.get(visits.team[row]) || []), row]);
  return [...found].sort(([one], [other]) => one - other);
}

// How many of those who go a site has in a year; where the plan does not say, as many as are out.
function teamsOf(mark, way, year) {
  const { resource } = plan.ways[way];
  const there = ((plan.staff[mark] || {})[year] || []).find(([one]) => one === resource);
  if (there && typeof there[1] === "number") return there[1];
  const rows = (goingOf(year).roundsFrom.get(mark) || []).filter((row) => rounds.way[row] === way);
  return new Set(rows.flatMap(visitsOf).map((row) => visits.team[row])).size;
}

/* ---- consortia, shared centres and functions, by year ---- */

// The leads of all years together, so that a consortium keeps its colour.
const LEADS = [...new Set(consortia.lead)].sort((one, other) => one - other);
const leadColour = (lead) => LEAD_COLOURS[LEADS.indexOf(lead) % LEAD_COLOURS.length];
const CENTRES = [...abilities.keys()].filter((at) => abilities[at].centre);
const AMBULANCE = abilities.findIndex(({ code }) => code === AMBULANCES);
[state.centre = -1] = CENTRES;

function isHeld(row, year) {
  const { since, until } = functions;
  return (since[row] === null || since[row] <= year) && (until[row] === null || year <= until[row]);
}

// Of every function the sites that have it in a year, each with its centre: -1 where it is its own.
function haversIn(year) {
  const found = abilities.map(() => new Map());
  functions.mark.forEach((mark, row) => { if (isHeld(row, year)) found[functions.ability[row]].set(mark, functions.centre[row]); });
  return found;
}

const belongings = new Map();

// What the page asks about a year's consortia, functions and reserves, sorted once.
function belongingOf(year) {
  if (!belongings.has(year)) {
    belongings.set(year, {
      ofMark: rowsBy(consortia, (row) => consortia.mark[row], year),
      ofLead: rowsBy(consortia, (row) => consortia.lead[row], year),
      has: haversIn(year),
      held: rowsBy(reserves, (row) => reserves.mark[row], year),
    });
  }
  return belongings.get(year);
}

// Its members, without the lead, and their people.
function membersOf(lead) {
  const rows = (belongingOf(state.year).ofLead.get(lead) || []).filter((row) => consortia.mark[row] !== lead);
  return { rows, count: number(rows.length), people: number(rows.reduce((sum, row) => sum + (consortia.people[row] || 0), 0)) };
}

// The lead of a town's hubs; of a town whose hubs have several, or none, nothing.
function townLeads() {
  const found = new Map();
  for (const [mark, [row]] of belongingOf(state.year).ofMark) {
    const lead = consortia.lead[row];
    const town = marks.town[mark];
    if (mark !== lead) found.set(town, found.has(town) && found.get(town) !== lead ? -1 : lead);
  }
  return new Map([...found].filter(([, lead]) => lead >= 0));
}

// Whether towns have the colours of consortia: of a single one there is nothing to tell apart.
function isColoured() {
  return isDrawn("consortia") && LEADS.length > 1 && !isDrawn("shares");
}

/* ---- symbols, the same on the map and in the legend ---- */

function drawPlace(ctx, x, y, { shape, colour, hollow, faded, r }) {
  outline(ctx, shape, x, y, r);
  ctx.fillStyle = colour;
  ctx.globalAlpha = (hollow ? 0.16 : 0.88) * (faded ? FADED : 1);
  ctx.fill();
  ctx.globalAlpha = faded ? FADED : 1;
  stroke(ctx, hollow ? colour : "#ffffff", hollow ? 1.5 : 0.8);
  if (shape !== "barred" && shape !== "plus") return;
  ctx.beginPath();
  ctx.moveTo(x - r, y);
  ctx.lineTo(x + r, y);
  if (shape === "plus") {
    ctx.moveTo(x, y - r);
    ctx.lineTo(x, y + r);
  }
  stroke(ctx, hollow ? colour : "#ffffff", 1.5);
}

// Each look is drawn once and then stamped.
const stamps = new Map();
function stampPlace(ctx, x, y, look, sheet) {
  if (!look.stamp) look.stamp = stampOf(look);
  if (CROWD) {
    sheet.gather(Math.round(x), Math.round(y), look.stamp);
    return;
  }
  const { picture, half } = look.stamp;
  ctx.drawImage(picture, Math.round(x) - half, Math.round(y) - half, 2 * half, 2 * half);
}

function stampOf(look) {
  const key = `${look.shape} ${look.colour} ${look.hollow} ${look.faded} ${look.r}`;
  if (!stamps.has(key)) {
    const scale = L.Browser.retina ? 2 : 1;
    const half = Math.ceil(1.3 * look.r) + 2;
    const picture = element("canvas");
    picture.width = picture.height = 2 * half * scale;
    const ctx = picture.getContext("2d");
    ctx.scale(scale, scale);
    drawPlace(ctx, half, half, look);
    stamps.set(key, { picture, half, inked: CROWD ? inkOf(ctx.getImageData(0, 0, picture.width, picture.height), half * scale) : null });
  }
  return stamps.get(key);
}

// The points of a stamp that are not empty, from its middle.
function inkOf({ data, width }, half) {
  const colours = new Uint32Array(data.buffer);
  const inked = [...colours.keys()].filter((at) => data[4 * at + 3]);
  return {
    half,
    across: Int32Array.from(inked, (at) => at % width - half),
    down: Int32Array.from(inked, (at) => Math.floor(at / width) - half),
    colours: Uint32Array.from(inked, (at) => colours[at]),
  };
}

// Hundreds of sites are drawn smaller, so that the places between them are seen.
function sizeOf(kind) {
  return (SIZES[kind] || 6) * (marks.id.length > MANY_SITES ? 0.7 : 1);
}

function drawSite(ctx, x, y, look) {
  const { shape, colour, hollow, r, closing } = look;
  if (look.disc) drawDisc(ctx, x, y, r + 8, look.disc);
  (look.rings || []).forEach((ring, at) => drawRing(ctx, x, y, r + 6 + 5 * at, ring));
  ctx.globalAlpha = look.faded ? FADED : 1;
  outline(ctx, shape, x, y, r);
  stroke(ctx, "#ffffff", marks.id.length > MANY_SITES ? 3 : 4.5);
  ctx.fillStyle = hollow || closing ? "#ffffff" : colour;
  ctx.fill();
  // Yellow alone is too weak a line on a light ground.
  const line = colour === COLOURS.changing ? COLOURS.kept : colour;
  if (hollow && colour === COLOURS.changing) {
    ctx.fillStyle = colour;
    ctx.globalAlpha *= 0.55;
    ctx.fill();
    ctx.globalAlpha = look.faded ? FADED : 1;
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
  if (closing) {
    ctx.beginPath();
    ctx.moveTo(x - 1.3 * r, y - 1.3 * r);
    ctx.lineTo(x + 1.3 * r, y + 1.3 * r);
    ctx.moveTo(x + 1.3 * r, y - 1.3 * r);
    ctx.lineTo(x - 1.3 * r, y + 1.3 * r);
    stroke(ctx, line, 2);
  }
  if (look.ambulance) drawAmbulance(ctx, x + r + 2, y - r - 2);
  ctx.globalAlpha = 1;
  // Leads of one place (or of one assumed position) each show their star.
  if (look.lead) drawStar(ctx, x + (look.right ? 8 : -8), y - r - 13, look.lead);
}

function drawDisc(ctx, x, y, r, colour) {
  outline(ctx, "circle", x, y, r);
  ctx.fillStyle = colour;
  ctx.fill();
  stroke(ctx, COLOURS.kept, 0.8);
}

function drawRing(ctx, x, y, r, { colour, dashed }) {
  outline(ctx, "circle", x, y, r);
  stroke(ctx, "#ffffff", 4);
  ctx.setLineDash(dashed ? [4, 3] : []);
  stroke(ctx, colour, 2.4);
  ctx.setLineDash([]);
}

function drawStar(ctx, x, y, colour) {
  ctx.beginPath();
  for (let at = 0; at < 10; at += 1) {
    const r = at % 2 ? 3 : 7;
    ctx.lineTo(x + r * Math.sin((at * Math.PI) / 5), y - r * Math.cos((at * Math.PI) / 5));
  }
  ctx.closePath();
  stroke(ctx, "#ffffff", 4.5);
  ctx.fillStyle = colour;
  ctx.fill();
  stroke(ctx, COLOURS.kept, 1.4);
}

// A star of six arms, as ambulances bear it.
function drawAmbulance(ctx, x, y) {
  drawDisc(ctx, x, y, 5, "#ffffff");
  ctx.beginPath();
  for (let at = 0; at < 6; at += 1) {
    ctx.moveTo(x, y);
    ctx.lineTo(x + 3.6 * Math.sin((at * Math.PI) / 3), y - 3.6 * Math.cos((at * Math.PI) / 3));
  }
  stroke(ctx, REACH.color, 1.8);
}

function siteLook(kind, condition, hollow) {
  const shape = kind.startsWith("hospital") ? "crossed" : kind.endsWith("hospital") || kind.endsWith("centre") ? "square" : "house";
  const r = sizeOf(kind);
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

const MAP_OPTIONS = {
  center: plan.view.centre,
  zoom: plan.view.zoom,
  zoomControl: plan.view.zoom_control,
  preferCanvas: plan.view.prefer_canvas,
  attributionControl: false,
  zoomSnap: 0.5,
  minZoom: 6,
  maxZoom: 18,
};
const map = L.map("map", MAP_OPTIONS);
// A canvas that puts a crowd of places on as one picture: a browser takes a microsecond or two for each stamp that
// it draws by itself, so fifty thousand of them would not follow the hand.
const Sheet = L.Canvas.extend({
  _redraw() {
    if (CROWD) this._redrawBounds = null; // the picture is whole or not at all
    L.Canvas.prototype._redraw.call(this);
  },
  _draw() {
    L.Canvas.prototype._draw.call(this);
    this.putCrowd();
  },
  gather(x, y, { inked }) {
    if (!this._crowd) this._crowd = this._newCrowd();
    const { bytes, colours, width, height, scale } = this._crowd;
    const left = (x - this._bounds.min.x) * scale;
    const top = (y - this._bounds.min.y) * scale;
    const inside = left >= inked.half && top >= inked.half && left < width - inked.half && top < height - inked.half;
    for (let ink = 0; ink < inked.colours.length; ink += 1) {
      const column = left + inked.across[ink];
      const line = top + inked.down[ink];
      if (!inside && (column < 0 || line < 0 || column >= width || line >= height)) continue;
      const at = line * width + column;
      const colour = inked.colours[ink];
      const opacity = colour >>> 24; // the bytes are red, green, blue, opacity, the lowest first
      if (opacity === 255 || colours[at] === 0) {
        colours[at] = colour;
        continue;
      }
      const byte = 4 * at;
      const rest = (bytes[byte + 3] * (255 - opacity)) / 255;
      const share = opacity / (opacity + rest);
      bytes[byte] += ((colour & 255) - bytes[byte]) * share;
      bytes[byte + 1] += (((colour >>> 8) & 255) - bytes[byte + 1]) * share;
      bytes[byte + 2] += (((colour >>> 16) & 255) - bytes[byte + 2]) * share;
      bytes[byte + 3] = opacity + rest;
    }
  },
  _newCrowd() {
    const { width, height } = this._container;
    const picture = new ImageData(width, height);
    return { picture, bytes: picture.data, colours: new Uint32Array(picture.data.buffer), width, height, scale: L.Browser.retina ? 2 : 1 };
  },
  // What stands above the places comes after them.
  putCrowd() {
    if (!this._crowd) return;
    const { picture, width, height, scale } = this._crowd;
    const sheet = element("canvas");
    [sheet.width, sheet.height] = [width, height];
    sheet.getContext("2d").putImageData(picture, 0, 0);
    this._ctx.globalAlpha = 1;
    this._ctx.drawImage(sheet, this._bounds.min.x, this._bounds.min.y, width / scale, height / scale);
    this._crowd = null;
  },
});
const canvas = new Sheet({ padding: 0.3, tolerance: 3 });
const zoomControl = L.control.zoom({ zoomInTitle: "+", zoomOutTitle: "−" }).addTo(map);
L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
L.control.attribution({ prefix: false }).setPrefix(false).addAttribution("Leaflet").addTo(map);

const Spot = L.CircleMarker.extend({
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    if (this.options.draw !== stampPlace) renderer.putCrowd();
    renderer._ctx.globalAlpha = 1; // the line before left its own, and its dashes
    renderer._ctx.setLineDash([]);
    this.options.draw(renderer._ctx, this._point.x, this._point.y, this.options.look, renderer);
  },
});

// How far badges and rings stand out.
const ROOM = 24;
const Site = Spot.extend({
  _updateBounds() {
    Spot.prototype._updateBounds.call(this);
    this._pxBounds = L.bounds(this._pxBounds.min.subtract([ROOM, ROOM]), this._pxBounds.max.add([ROOM, ROOM]));
  },
});

const layers = {
  boundary: L.featureGroup(),
  shares: L.featureGroup(),
  reach: L.featureGroup(),
  links: L.featureGroup(),
  consortia: L.featureGroup(),
  centres: L.featureGroup(),
  rounds: L.featureGroup(),
  postings: L.featureGroup(),
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
  const [least, most] = CROWD ? [2, Math.max(3.5, 6 * Math.sqrt(3000 / places.id.length))] : [4, 9.5];
  // In half pixels, so that there are few different looks.
  return (people) => Math.max(least, Math.min(1.3 * most, Math.round(2 * most * Math.sqrt((people || 0) / large)) / 2));
}
const radius = radiusScale();

function drawBoundary(renderer, onto) {
  if (!plan.boundary) return;
  const style = { renderer, interactive: false, color: "#7d8892", weight: 1.5, fillColor: "#ffffff", fillOpacity: 1 };
  L.geoJSON(plan.boundary, style).addTo(onto);
}

// The ground of the district, white where no base map is seen.
function setGround(opacity) {
  for (const group of [layers.boundary, aside && aside.layers.boundary]) if (group) group.setStyle({ fillOpacity: opacity });
}

function shareClass(line) {
  return SHARES.find(({ from }) => (from === 1 ? line.served === line.people : line.served >= from * line.people));
}

const townShapes = new Map();
function drawShares() {
  const lines = new Map(townLines().map((line) => [line.town, line]));
  const leads = isColoured() ? townLeads() : null;
  for (const [town, area] of Object.entries(plan.areas.towns)) {
    if (!townShapes.has(town)) {
      const style = { renderer: canvas, color: "#8d86a8", weight: 0.8, fillOpacity: 1, subject: { town: Number(town) }, bubblingMouseEvents: false };
      townShapes.set(town, L.polygon(ringsOf(area), style).addTo(layers.shares));
    }
    const line = lines.get(Number(town));
    const lead = leads ? leads.get(Number(town)) : undefined;
    const byShare = !leads && line && line.people ? shareClass(line).colour : "#ffffff";
    townShapes.get(town).setStyle({ fillColor: lead === undefined ? byShare : leadColour(lead), fillOpacity: leads ? 0.5 : state.tiled ? 0.6 : 1 });
  }
}

// Over the colours of towns only a line: a fill would change what they say.
function reachStyle() {
  return { ...REACH, fillOpacity: isDrawn("shares") || isColoured() ? 0 : 0.13 };
}

// A year that is not listed is as the one before it.
const reachShapes = new Map();
function drawReach() {
  layers.reach.clearLayers();
  const year = plan.years.filter((one) => one <= state.year && one in plan.areas.reach).pop();
  if (year === undefined) return;
  if (!reachShapes.has(year)) {
    reachShapes.set(year, L.polygon(ringsOf(plan.areas.reach[year]), { renderer: canvas, interactive: false, ...reachStyle() }));
  }
  reachShapes.get(year).setStyle(reachStyle()).addTo(layers.reach);
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
    spot.options.look.faded = state.ability >= 0;
    if (layers.places.hasLayer(spot)) spot.setStyle({ radius: r + 1 });
    else spot.setRadius(r + 1).addTo(layers.places);
  }
}

// What a site bears besides its own symbol: its consortium, the chosen function, ambulances.
function badgesOf(mark) {
  const { ofMark, has } = belongingOf(state.year);
  const [row] = ofMark.get(mark) || [];
  const lead = isDrawn("consortia") && row !== undefined ? consortia.lead[row] : null;
  const rings = [];
  const found = state.ability < 0 ? null : has[state.ability];
  if (found && found.has(mark)) rings.push({ colour: CHOSEN, dashed: found.get(mark) >= 0 });
  if (isDrawn("centres") && has[state.centre].get(mark) === -1) rings.push({ colour: CENTRE.color });
  return {
    rings, faded: found && !found.has(mark), lead: lead === mark ? leadColour(lead) : null, right: LEADS.indexOf(mark) % 2 === 1,
    disc: lead !== null && LEADS.length > 1 ? leadColour(lead) : null, ambulance: AMBULANCE >= 0 && has[AMBULANCE].has(mark),
  };
}

function drawSites() {
  layers.sites.clearLayers();
  layers.existing.clearLayers();
  const badges = marks.id.map((_, mark) => badgesOf(mark));
  // Large ones above small ones, and what has a star or a ring above all others.
  const height = (mark) => sizeOf(marks.kind[mark]) + 100 * badges[mark].rings.length + (badges[mark].lead ? 100 : 0);
  for (const mark of [...marks.id.keys()].sort((one, other) => height(one) - height(other))) {
    const condition = stateOf(mark, state.year);
    const spot = spotOf(mark, state.year);
    if (!spot || condition === "absent" || condition === "gone") continue;
    const look = { ...siteLook(marks.kind[mark], condition, isHollow(marks.basis[mark])), ...badges[mark] };
    new Site(spot, spotOptions(drawSite, look, { mark })).addTo(condition === "existing" ? layers.existing : layers.sites);
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

function roundLine(row) {
  const ends = [spotOf(rounds.mark[row], state.year), latLngOf(subjectOf(rounds.stop[row]))];
  return rounds.mark[row] >= 0 && ends.every(Boolean) ? ends : null;
}

function tourLine(row) {
  const sender = plan.senders[tours.sender[row]][1];
  const ends = sender < 0 || tours.mark[row] < 0 ? [] : [spotOf(sender, state.year), spotOf(tours.mark[row], state.year)];
  return ends.length && ends.every(Boolean) ? ends : null;
}

// A canvas takes longer for thousands of lines in one stroke than for as many in several.
const STROKE = 100;

function goingLines(rows, lineOf, style) {
  const drawn = rows.map(lineOf).filter(Boolean);
  const options = { renderer: canvas, interactive: false, opacity: 0.85, ...GOING[style] };
  const strokes = Array.from({ length: Math.ceil(drawn.length / STROKE) }, (_, at) => drawn.slice(at * STROKE, (at + 1) * STROKE));
  return strokes.map((some) => L.polyline(some, options));
}

// The ways of a year's rounds to villages, to villages where somebody stays, and to towns.
function sortOf(row) {
  if (rounds.stop[row] < 0) return "towns";
  return plan.ways[rounds.way[row]].post ? "posts" : "rounds";
}

function roundLines(rows, ...sorts) {
  return sorts.flatMap((sort) => goingLines(rows.filter((row) => sortOf(row) === sort), roundLine, sort));
}

function drawGoing() {
  const { roundsTo, toursTo } = goingOf(state.year);
  layers.rounds.clearLayers();
  layers.postings.clearLayers();
  for (const made of roundLines([...roundsTo.values()].flat(), "rounds", "posts")) made.addTo(layers.rounds);
  for (const made of goingLines([...toursTo.values()].flat(), tourLine, "postings")) made.addTo(layers.postings);
}

// Lines between sites, as many as have a position, in one object.
function siteLines(pairs, style) {
  const drawn = pairs.map((pair) => pair.map((mark) => spotOf(mark, state.year))).filter((ends) => ends.every(Boolean));
  return L.polyline(drawn, { renderer: canvas, interactive: false, opacity: 0.9, ...style });
}

function drawBelonging() {
  const { ofLead, has } = belongingOf(state.year);
  layers.consortia.clearLayers();
  layers.centres.clearLayers();
  for (const lead of ofLead.keys()) {
    const pairs = membersOf(lead).rows.map((row) => [consortia.mark[row], lead]);
    // (What comes later is brought to the back later, and so lies below.)
    for (const style of [{ color: leadColour(lead), weight: 3.4 }, { color: "#4d5761", weight: 4.8 }]) siteLines(pairs, style).addTo(layers.consortia);
  }
  if (state.centre < 0) return;
  siteLines([...has[state.centre]].filter(([, centre]) => centre >= 0), CENTRE).addTo(layers.centres);
}

function drawTowns(onto) {
  onto.clearLayers();
  towns.name.forEach((name, town) => {
    if (towns.lon[town] === null) return;
    const label = element("span");
    label.textContent = name;
    label.dir = "auto";
    const icon = L.divIcon({ className: "town-label", html: label, iconSize: [0, 0] });
    L.marker([towns.lat[town], towns.lon[town]], { icon, interactive: false, keyboard: false }).addTo(onto);
  });
}

function drawChosen() {
  layers.chosen.clearLayers();
  const subject = state.selected;
  if (!subject) return;
  if ("town" in subject) {
    const shape = townShapes.get(String(subject.town));
    if (shape) L.polygon(shape.getLatLngs(), { renderer: canvas, interactive: false, color: "#1d2329", weight: 2.5, fill: false }).addTo(layers.chosen);
    return;
  }
  const index = indexOf(state.year);
  const rows = ("place" in subject ? index.ofPlace.get(subject.place) : "mark" in subject ? index.ofMark.get(subject.mark) : null) || [];
  const lines = rows.map((row) => linkLine(index, row)).filter(Boolean);
  L.polyline(lines, { renderer: canvas, interactive: false, color: "#1d2329", weight: 1.6, opacity: 0.9 }).addTo(layers.chosen);
  const { roundsTo, roundsFrom, toursTo, toursFrom } = goingOf(state.year);
  const visiting = ("place" in subject ? roundsTo.get(subject.place) : "mark" in subject ? roundsFrom.get(subject.mark) : null) || [];
  const touring = "mark" in subject ? [...(toursTo.get(subject.mark) || []), ...(toursFrom.get(subject.mark) || [])] : [];
  const chosen = [...roundLines(visiting, "rounds", "posts", "towns"), ...goingLines(touring, tourLine, "postings")];
  for (const made of chosen) made.addTo(layers.chosen);
  const spot = latLngOf(subject);
  if (!spot) return;
  const r = "place" in subject ? placeSpots[subject.place].options.look.r : "mark" in subject ? sizeOf(marks.kind[subject.mark]) : 6;
  L.circleMarker(spot, { renderer: canvas, interactive: false, radius: r + 6, color: "#1d2329", weight: 2.5, fill: false }).addTo(layers.chosen);
}

function latLngOf(subject) {
  if ("mark" in subject) return spotOf(subject.mark, state.year);
  if ("place" in subject) return placeSpots[subject.place] ? placeSpots[subject.place].getLatLng() : null;
  const [table, at] = rowOf(subject);
  return table.lon[at] === null ? null : [table.lat[at], table.lon[at]];
}

// The table that a subject stands in, and its row.
function rowOf(subject) {
  const [kind] = Object.keys(subject);
  return [TABLES[kind], subject[kind]];
}

function nameOf(subject) {
  const [table, at] = rowOf(subject);
  return table.name[at] || say("unnamed");
}

function stack() {
  for (const [name, layer] of Object.entries(layers)) {
    const shown = name === "links" ? linksWanted() : state.shown[name] !== false || (name === "shares" && isColoured());
    if (shown && !map.hasLayer(layer)) layer.addTo(map);
    if (!shown && map.hasLayer(layer)) layer.remove();
  }
  // Canvas draws in the order of arrival, so what was switched on later is put in its place.
  for (const layer of [layers.existing, layers.sites, layers.homes, layers.chosen]) if (map.hasLayer(layer)) layer.bringToFront();
  for (const layer of [layers.postings, layers.rounds, layers.links, layers.centres, layers.consortia, contractLines, layers.dropped, layers.reach, layers.shares, layers.boundary]) if (map.hasLayer(layer)) layer.bringToBack();
  if (map.hasLayer(layers.towns)) spaceTowns(layers.towns);
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

/* ---- the panel ---- */

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
  drawYears(plan.years);
  sayPage(map, zoomControl);
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
  const note = element("p", agrees ? "note" : "note alarm", say(agrees ? "adds_up" : "adds_up_not", values));
  note.id = "adds-up";
  return note;
}

// What the plan sites, as its draws count it; the rest are hubs.
function isSited(mark) {
  return plan.siting === null || plan.siting.includes(marks.kind[mark]);
}

function siteCounts() {
  const states = marks.id.map((_, mark) => stateOf(mark, state.year));
  const [sited, hubs] = [new Map(), new Map()];
  states.forEach((condition, mark) => {
    const kinds = isSited(mark) ? sited : hubs;
    if (OPEN_STATES.includes(condition)) kinds.set(marks.kind[mark], (kinds.get(marks.kind[mark]) || 0) + 1);
  });
  const count = (condition) => states.filter((one) => one === condition).length;
  return { sited, hubs, opening: count("opening"), changing: count("changing"), closing: count("closing") };
}

function sitesFacts() {
  const counts = siteCounts();
  const sum = (kinds) => [...kinds.values()].reduce((all, some) => all + some, 0);
  const open = element("strong", "", say("sites_open", { count: number(sum(counts.sited)) }));
  open.id = "sites-open";
  open.dataset.count = sum(counts.sited);
  const named = (kinds) => [...kinds].flatMap(([kind, count]) => [" · ", given(sayCode("kind", kind)), ` ${number(count)}`]);
  const hubs = element("p", "", say("sites_hubs", { count: number(sum(counts.hubs)) }), ...named(counts.hubs));
  hubs.id = "sites-hubs";
  return element("div", "facts", element("h2", "", say("sites")), element("p", "", open, ...named(counts.sited)),
    ...(counts.hubs.size ? [hubs] : []), element("p", "note", say("sites_changes", counts)));
}

function coverageFacts() {
  const lines = plan.coverage[state.year] || [];
  if (!lines.length) return null;
  const part = (covered, share, people) => (people !== null && covered !== null ? percent(covered, people) : percent(share ?? 0, 1));
  const range = (ends, people) => (!ends || people === null ? [] : [" ", say("coverage_range", {
    doubt: `${Math.round(1000 * plan.doubt) / 10} %`, low: percent(ends[0], people), high: percent(ends[1], people),
  })]);
  const shown = lines.map(([preset, people, covered, share, today, ends]) => {
    const line = element("p", "", ...sentence("coverage_line", {
      preset: given(inLanguage(preset)), people: number(people), covered: number(covered), share: part(covered, share, people),
    }));
    line.append(...range(ends, people));
    if (today) {
      const [standing, share_today, ends_today] = today;
      line.append(" · ", say("coverage_today", { share: part(standing, share_today, people), covered: number(standing) }));
      line.append(...range(ends_today, people));
    }
    return line;
  });
  const unknown = lines.some((line) => line[4]) ? null : element("p", "note", say("coverage_unknown"));
  return element("div", "facts", element("h2", "", say("coverage")), ...shown, ...[unknown].filter(Boolean));
}

function gapSentence() {
  if (plan.gap === null) return say("gap_unknown");
  return say(plan.outcome === "optimal" ? "gap_proven" : "gap_open", { gap: percentUp(plan.gap) });
}

// Rounded up, so that the page never claims more than was proven.
function percentUp(gap) {
  return `${(Math.max(0, Math.ceil(gap * 1e4 - 1e-7)) / 100).toLocaleString("en-US")}\u00a0%`;
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
  const ways = plan.ways_by[state.year] || [];
  const parts = ways.flatMap(([how, people], at) => [at ? " · " : "", say(`way_by_${how}`), ` ${number(people)}`]);
  if (ways.length) {
    const told = element("p", "", ...sentence("times_rest_on", { parts: element("span", "", ...parts) }));
    told.id = "ways-by";
    lines.push(told);
  }
  return element("div", "facts", element("h2", "", say("certainty")), ...lines);
}

// What the plan decides stands in its year; what it does not stands in every year, for nobody to lose sight of it.
function clausesOf(...statuses) {
  return plan.clauses.filter((clause) => statuses.includes(clause.status)
    && (FOLDED.includes(clause.status) || clause.year === null || clause.year === state.year));
}

// A clause of several years counts once.
function clausesIn(status) {
  return new Set(clausesOf(status).map((clause) => clause.rule)).size;
}

// The name of a clause: its document, which may be a draft, its id and where it stands there.
function clauseName(clause) {
  const source = inLanguage(clause.document) + (clause.draft ? inBrackets(say("draft")) : "");
  return [source, clause.clause, clause.at].filter(Boolean).join(" ");
}

// A must that is missed stands under the headline, not only in the folded list.
function missedMusts() {
  return clausesOf("missed").filter((clause) => clause.strength === "must").map((clause) => {
    const name = clauseName(clause) || inLanguage(clause.indicator);
    const values = { clause: given(name), indicator: given(inLanguage(clause.indicator)),
      shortfall: given(number(clause.shortfall, 2)), unit: given(inLanguage(clause.short_unit)) };
    return element("p", "note alarm must", ...sentence("missed_must", values));
  });
}

function clauseCount() {
  const met = clausesOf("met").length;
  const count = met + clausesOf("missed").length;
  const rest = { undecided: clausesIn("undecided"), reported: clausesIn("reported") };
  const parts = [];
  if (count) parts.push(say("clause_count", { year: state.year, count: number(count), met: number(met) }));
  if (rest.undecided || rest.reported) parts.push(say("clause_rest", { undecided: number(rest.undecided), reported: number(rest.reported) }));
  const line = parts.length ? element("p", met < count ? "note alarm" : "note", parts.join(say("semicolon"))) : null;
  if (line) line.id = "clause-count";
  return line;
}

// Those whom no site serves, but rounds or staff posted in their village, are counted beside the headline.
function visitedNote(index) {
  const parts = ["rounds", "posted"].flatMap((status) => {
    const people = index.people[STATUSES.indexOf(status)];
    return people ? [say(`headline_${status}`, { share: percent(people, index.total) })] : [];
  });
  if (!parts.length) return null;
  const note = element("p", "note", say("headline_more", { parts: parts.join(say("comma")) }));
  note.id = "visited-share";
  return note;
}

const goersWord = (way, count) => say(plan.ways[way].post ? "goers_post" : "goers_team", { count: number(count) });
const periodOf = (way) => say(plan.ways[way].weeks === 1 ? "period_week" : "period_month");

function sendingFacts() {
  const { roundsFrom, toursTo } = goingOf(state.year);
  const all = [...roundsFrom.values()].flat();
  const made = plan.ways.flatMap((way, at) => {
    const rows = all.filter((row) => rounds.way[row] === at);
    if (!rows.length) return [];
    const bases = [...new Set(rows.map((row) => rounds.mark[row]))];
    const teams = bases.reduce((sum, mark) => sum + teamsOf(mark, at, state.year), 0);
    const used = rows.reduce((sum, row) => sum + visitsOf(row).length, 0);
    return [element("p", "", ...sentence("sending_way", {
      way: given(inLanguage(way.name)), stops: number(rows.length), goers: goersWord(at, teams), used: number(used), period: periodOf(at),
    }))];
  });
  // (A hospital may receive experts too, but is no hub.)
  const support = Object.entries(plan.support[state.year] || {}).flatMap(([mark, one]) => (marks.kind[mark] === "hospital" ? [] : [one]));
  const touring = [...toursTo.values()].flat().length;
  if (touring || support.length) made.push(element("p", "", say("sending_tours", { tours: number(touring) })));
  const parts = SUPPORT.flatMap((code) => {
    const count = support.filter((one) => one === code).length;
    return count ? [say("sending_part", { support: say(`support_${code}`), count: number(count) })] : [];
  });
  if (parts.length) made.push(element("p", "note", say("sending_hubs", { parts: parts.join(" · ") })));
  if (!made.length) return null;
  const facts = element("div", "facts", element("h2", "", say("sending")), ...made);
  facts.id = "sending";
  return facts;
}

function drawSummary() {
  const index = indexOf(state.year);
  const served = element("strong", "", percent(index.people[0], index.total));
  served.id = "served-share";
  const foot = element("tr", "", cell("th", "row", say("total")), cell("td", "", number(index.total)), cell("td", "", index.total ? ALL : "–"));
  foot.id = "total";
  foot.dataset.people = index.total;
  const heads = [say("people_of_year", { year: state.year ?? "" }), say("people"), say("share")];
  show("summary", element("p", "headline", served, element("span", "", say("headline"))), missedMusts(), visitedNote(index), clauseCount(), bar(index),
    tableOf(heads, statusRows(index), foot), sumNote(index), sitesFacts(), sendingFacts(), coverageFacts(), ...EXTRAS.facts.map((make) => make()), certaintyFacts());
}

function legendItem(picture, text) {
  return element("li", "", picture, element("span", "", text));
}

function linePicture(colour, width, fill, dashes = "") {
  return symbol((ctx) => {
    ctx.beginPath();
    ctx.setLineDash(dashes.split(" ").filter(Boolean).map(Number));
    if (fill) ctx.rect(3, 3, 16, 12);
    else { ctx.moveTo(2, 13); ctx.lineTo(20, 5); }
    stroke(ctx, colour, width);
  });
}

function swatch(style) {
  return symbol((ctx) => {
    ctx.beginPath();
    ctx.rect(2, 3, 18, 12);
    ctx.fillStyle = style.fillColor;
    ctx.globalAlpha = style.fillOpacity;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.setLineDash(style.dashArray ? style.dashArray.split(" ").map(Number) : []);
    stroke(ctx, style.color, style.weight);
  });
}

const wholePercent = (share) => `${Math.round(100 * share)}\u00a0%`;

function shareWord(at) {
  const { from } = SHARES[at];
  if (at === 0) return say("shares_all");
  const to = wholePercent(SHARES[at - 1].from);
  return from ? say("shares_from", { from: wholePercent(from), to }) : say("shares_under", { to });
}

// The legend of an area stands there as long as the area is shown.
function areaLegends() {
  const made = [];
  if (isDrawn("shares")) {
    const items = SHARES.map(({ colour }, at) => legendItem(swatch({ fillColor: colour, fillOpacity: 1, color: "#8d86a8", weight: 0.8 }), shareWord(at)));
    made.push(element("h3", "", say("legend_shares")), element("ul", "", ...items), element("p", "note", say("legend_shares_note")));
  }
  if (isDrawn("reach")) {
    const text = element("span", "", ...sentence("legend_reach", { circle: given(inLanguage(plan.circle)) }));
    made.push(element("h3"), element("ul", "wide", element("li", "", swatch(reachStyle()), text)), element("p", "note", say("legend_reach_note")));
    if (plan.by_road) made.push(element("p", "note", say("legend_reach_roads")));
    const modes = (plan.reach_by || []).map((name) => inLanguage(name)).join(" / ");
    if (modes) made.push(element("p", "note", ...sentence("legend_reach_by", { modes: given(modes) })));
  }
  return made;
}

const badge = (draw, ...look) => symbol((ctx, x, y) => draw(ctx, x, y, ...look));
const ring = (style) => badge((ctx, x, y) => drawRing(ctx, x, y, 6, style));

// Consortia, links and a function, as long as they are shown.
function belongingLegends() {
  const { ofLead, has } = belongingOf(state.year);
  const { year } = state;
  const made = [];
  const add = (head, items, ...notes) => made.push(element("h3", "", ...head), element("ul", "wide", ...items), ...notes.map((key) => element("p", "note", say(key))));
  const entry = (picture, key, values) => legendItem(picture, element("span", "", ...sentence(key, values)));
  if (isDrawn("consortia")) {
    const items = [...ofLead.keys()].map((lead) => entry(linePicture(leadColour(lead), 4), "legend_consortium", { lead: given(nameOf({ mark: lead })), ...membersOf(lead) }));
    const star = items.length ? [legendItem(badge(drawStar, items.length > 1 ? "#ffffff" : leadColour(LEADS[0])), say("legend_lead"))] : [];
    add([say("legend_consortia", { year, count: number(ofLead.size) })], [...items, ...star], ...(isColoured() ? ["legend_shares_note"] : []));
  }
  if (isDrawn("centres")) {
    const [own, linked] = [-1, 0].map((least) => [...has[state.centre]].filter(([, centre]) => (least ? centre < 0 : centre >= 0)));
    const items = own.map(([mark]) => entry(ring({ colour: CENTRE.color }), "legend_centre", { centre: given(nameOf({ mark })), count: number(linked.filter(([, centre]) => centre === mark).length) }));
    if (linked.length) items.push(legendItem(linePicture(CENTRE.color, CENTRE.weight, false, CENTRE.dashArray), say("legend_centre_link")));
    add(sentence("legend_centres", { year: String(year), name: given(inLanguage(abilities[state.centre].name)) }), items, ...(own.length ? [] : ["legend_nobody"]));
  }
  if (state.ability >= 0) {
    const { name, kinds } = abilities[state.ability];
    const found = has[state.ability];
    const through = [...found.values()].filter((centre) => centre >= 0).length;
    const counts = kindsOf(kinds, found).map(([kind, count, total]) => element("li", "", ...sentence("legend_share", { kind: given(sayCode("kind", kind)), count: number(count), total: number(total) })));
    const rings = [["legend_own", false, found.size - through], ["legend_linked", true, through]].filter(([, , count]) => count)
      .map(([key, dashed, count]) => legendItem(ring({ colour: CHOSEN, dashed }), say(key, { count: number(count) })));
    add(sentence("legend_function", { year: String(year), name: given(inLanguage(name)) }), [...counts, ...rings], ...(found.size ? [] : ["legend_nobody"]));
  }
  return made;
}

// How many sites of each kind have a function, of how many that are open.
function kindsOf(kinds, found) {
  const all = [...new Set([...kinds, ...[...found.keys()].map((mark) => marks.kind[mark])])];
  const open = marks.id.map((_, mark) => found.has(mark) || OPEN_STATES.includes(stateOf(mark, state.year)));
  return all.map((kind) => {
    const these = [...marks.id.keys()].filter((mark) => marks.kind[mark] === kind && open[mark]);
    return [kind, these.filter((mark) => found.has(mark)).length, these.length];
  }).filter(([, , total]) => total);
}

function goingLegend() {
  const posts = (row) => plan.ways[rounds.way[row]].post;
  const stops = [...rounds.stop.keys()].filter((row) => rounds.stop[row] >= 0);
  return [
    isDrawn("rounds") && stops.some((row) => !posts(row)) ? "rounds" : null,
    isDrawn("rounds") && stops.some(posts) ? "posts" : null, isDrawn("postings") ? "postings" : null,
  ].filter(Boolean).map((name) => legendItem(linePicture(GOING[name].color, GOING[name].weight, false, GOING[name].dashArray), say(`legend_${name}`)));
}

function drawLegend() {
  const heading = (word) => element("h3", "", say(word));
  const worst = indexOf(state.year).worst;
  // (What is unknown is drawn only of today.)
  const statuses = STATUSES.slice(0, state.pair && !plan.rows.today ? STATUSES.length : -1).map((status, at) => {
    const count = worst.reduce((sum, one) => sum + (one === at), 0);
    const word = say(`status_${status}`);
    return legendItem(placeSymbol(status, false), count ? say("legend_count", { status: word, count: number(count) }) : word);
  });
  const present = (kind) => marks.kind.includes(kind);
  const kinds = Object.keys(SIZES).filter(present).map((kind) => legendItem(siteSymbol(kind, "kept", false), say(`kind_${kind}`)));
  const ambulances = AMBULANCE < 0 ? 0 : belongingOf(state.year).has[AMBULANCE].size;
  if (ambulances) kinds.push(legendItem(badge(drawAmbulance), element("span", "", ...sentence("legend_count", { status: given(inLanguage(abilities[AMBULANCE].name)), count: number(ambulances) }))));
  const kind = present("clinic") || !present("station") ? "clinic" : "station";
  const conditions = ["opening", "kept", "changing", "closing"];
  if (marks.actions.includes(null)) conditions.push("existing");
  const states = conditions.map((condition) => legendItem(siteSymbol(kind, condition, false), say(`state_${condition}`)));
  const rest = [
    legendItem(placeSymbol("served", true), say("legend_hollow")), legendItem(linePicture("#4d5761", 1.2), say("legend_link")),
    ...goingLegend(), legendItem(linePicture("#7d8892", 1.5, true), say("legend_boundary")),
  ];
  show("legend", belongingLegends(), heading("legend_places"), element("ul", "", ...statuses), heading("legend_sites"), element("ul", "", ...kinds),
    element("h3"), element("ul", "", ...states), element("h3"), element("ul", "", ...rest), element("p", "note", say("legend_mixed")), areaLegends(), EXTRAS.legends.flatMap((make) => make()));
}

const linesOfYear = new Map();

// Every town's people by status and its sites in the year shown, worst served first; counted once a year.
function townLines() {
  if (!linesOfYear.has(state.year)) linesOfYear.set(state.year, countTowns());
  return linesOfYear.get(state.year);
}

function countTowns() {
  const index = indexOf(state.year);
  const lines = towns.name.map((name, town) => ({ name, town, people: 0, served: 0, sites: 0, hubs: 0, statuses: STATUSES.map(() => 0) }));
  for (const [place, rows] of index.ofPlace) {
    const line = lines[places.town[place]];
    if (!line) continue;
    for (const row of rows) {
      line.people += index.rows.people[row];
      line.statuses[index.rows.status[row]] += index.rows.people[row];
    }
  }
  marks.id.forEach((_, mark) => {
    const line = lines[marks.town[mark]];
    if (line && OPEN_STATES.includes(stateOf(mark, state.year))) line[isSited(mark) ? "sites" : "hubs"] += 1;
  });
  for (const line of lines) line.served = line.statuses[0];
  const share = (line) => (line.people ? line.served / line.people : 2);
  return lines.filter((line) => line.people || line.sites || line.hubs).sort((one, other) => share(one) - share(other) || one.town - other.town);
}

// The fewest and the most sites of a town over the draws, if they say.
function townReach(line) {
  return (plan.draws && plan.draws.towns[state.year] ? plan.draws.towns[state.year][line.town] : null) || null;
}

// How many sites a town has, and in brackets how many it has in other possible districts.
function townSites(line) {
  const reach = townReach(line);
  return number(line.sites) + (reach ? inBrackets(range(reach, (value) => number(value))) : "");
}

function townDetails() {
  const rows = townLines().map((line) => {
    const name = cell("td", "", openLink({ town: line.town }));
    name.className = "name";
    return element("tr", "", name, cell("td", "", number(line.people)), cell("td", "", percent(line.served, line.people)), cell("td", "", townSites(line)));
  });
  if (!rows.length) return null;
  return foldedPart("towns", say("by_town"), tableOf([say("town"), say("people"), say("served_short"), say("sites_sited")], rows),
    ...(townLines().some(townReach) ? [element("p", "note", say("sites_sited_note"))] : []));
}

// Target, today, plan and shortfall, as far as the plan knows them.
function clauseFigures(clause) {
  const unit = () => given(inLanguage(clause.unit));
  const known = (value) => value !== null && value !== undefined;
  if (!known(clause.target)) {
    return known(clause.value) ? sentence("clause_stock", { value: given(number(clause.value, 2)), unit: unit() }) : [];
  }
  const target = given((clause.sense ? `${sayCode("sense", clause.sense)} ` : "") + number(clause.target, 2));
  if (!known(clause.value)) return sentence("clause_target", { target, unit: unit() });
  const figures = sentence("clause_figures", { target, value: given(apart(clause.value, clause.target)), unit: unit() });
  if (known(clause.today)) figures.push(" · ", ...sentence("clause_today", { today: given(apart(clause.today, clause.target)) }));
  if (clause.status === "missed" && known(clause.shortfall)) {
    figures.push(say("semicolon"), ...sentence("clause_shortfall", { shortfall: given(number(clause.shortfall, 2)), unit: given(inLanguage(clause.short_unit)) }));
  }
  return figures;
}

function clauseItem(clause) {
  const item = element("li", clause.status === "missed" || clause.status === "met" ? clause.status : "");
  const folded = FOLDED.includes(clause.status);
  const heads = [
    folded ? null : element("b", "", given(sayCode("clause", clause.status))),
    folded && clause.year !== null ? given(clause.year) : null,
    clause.strength ? given(sayCode("strength", clause.strength)) : null,
    clause.changed ? element("span", "", ...sentence("clause_changed", { strength: given(sayCode("strength", clause.changed)) })) : null,
    given(inLanguage(clause.says) || inLanguage(clause.indicator) || clause.clause),
  ].filter(Boolean);
  item.append(...heads.flatMap((head, at) => (at ? [" · ", head] : [head])));
  const figures = clauseFigures(clause);
  if (figures.length) {
    const indicator = inLanguage(clause.says) && inLanguage(clause.indicator) ? [given(inLanguage(clause.indicator)), say("colon")] : [];
    item.append(element("br"), ...indicator, ...figures);
  }
  if (clause.causes.length) {
    const causes = clause.causes.flatMap((cause, at) => (at ? [say("comma"), given(cause)] : [given(cause)]));
    item.append(element("br"), ...sentence("clause_causes", { causes: element("span", "", ...causes) }));
  }
  if (inLanguage(clause.rests_on)) {
    item.append(element("br"), ...sentence("clause_rests_on", { names: given(inLanguage(clause.rests_on)) }));
  }
  for (const text of [clause.why, clause.reading].map(inLanguage)) {
    if (text) item.append(element("br"), given(text));
  }
  const quote = [clauseName(clause), clause.quote].filter(Boolean).join(say("colon"));
  if (quote) item.append(element("span", "quote", given(quote)));
  return item;
}

// A part of the page that is folded until the reader opens it; it stays open when the page is drawn again.
function foldedPart(name, title, ...content) {
  const made = element("details", "", element("summary", "", title), ...content);
  made.dataset.name = name;
  return made;
}

function clauseDetails() {
  const statuses = [...new Set(plan.clauses.map((clause) => clause.status))].filter((status) => !FOLDED.includes(status));
  const open = ["missed", ...statuses.filter((status) => status !== "missed")].flatMap((status) => clausesOf(status));
  const list = (clauses) => element("ul", "clauses", ...clauses.map(clauseItem));
  const groups = FOLDED.filter((status) => clausesIn(status)).map((status) => foldedPart(`clauses-${status}`,
    say("clause_group", { status: sayCode("clause", status), count: number(clausesIn(status)) }), list(clausesOf(status))));
  if (!open.length && !groups.length) return null;
  const title = `${say("clauses", { year: state.year ?? "" })}${say("colon")}${say("clauses_met", { met: clausesOf("met").length, missed: clausesOf("missed").length })}`;
  return foldedPart("clauses", title, ...(open.length ? [list(open)] : []), ...groups);
}

function assumptionDetails() {
  const lines = plan.estimates.tables.map(([table, basis, rows]) => element("li", "", ...sentence("assumption_line", {
    table: given(inLanguage(table)), basis: say(`basis_${plan.bases[basis]}`), rows: number(rows),
  })));
  if (!lines.length) return null;
  const made = foldedPart("assumptions", say("assumptions"), element("ul", "", ...lines));
  made.className = "facts";
  return made;
}

function drawDetails() {
  const wasOpen = [...document.querySelectorAll("#details details[open]")].map((one) => one.dataset.name);
  const made = [townDetails(), ...EXTRAS.details.map((make) => make()), clauseDetails(), assumptionDetails()].filter(Boolean);
  show("details", made);
  for (const one of document.querySelectorAll("#details details")) one.open = wasOpen.includes(one.dataset.name);
  document.getElementById("details").hidden = !made.length;
}

function tilesFoot() {
  const made = element("p", "tiles", say(`tiles_by_${plan.tiles.name}`), say("colon"), say("tiles_note"));
  if (plan.tiles.shifted) made.append(" ", say("tiles_shifted"));
  return made;
}

function drawFoot() {
  const approval = plan.approval ? sentence("approval_given", { number: given(plan.approval) }) : [say("approval_missing")];
  show("approval", approval);
  const datum = plan.datum ? element("p", "", ...sentence("datum", { datum: given(plan.datum.toUpperCase()) })) : null;
  const credit = plan.openstreetmap ? element("p", "", say("roads_openstreetmap")) : null;
  show("foot", credit, datum, plan.tiles ? tilesFoot() : null, element("p", "", say(plan.tiles ? "tiles_foot" : "drawn_with")));
}

/* ---- the card ---- */

function basisWord(basis) {
  return say(`basis_${plan.bases[basis]}`);
}

// The word of a line is a key of the catalogue, or an element.
function lines(pairs) {
  const list = element("dl");
  for (const [word, ...content] of pairs.filter(Boolean)) {
    const head = typeof word === "string" ? say(word, { year: state.year ?? "" }) : word;
    list.append(element("dt", "", head), element("dd", "", ...content));
  }
  return list;
}

function townName(town) {
  return town < 0 || !towns.name[town] ? null : ["card_town", openLink({ town })];
}

function openLink(subject) {
  return button("link", given(nameOf(subject)), () => choose(subject, true));
}

function placeRows(index, rows) {
  const parts = rows.length > 1;
  return rows.flatMap((row) => {
    const data = index.rows;
    const status = STATUSES[data.status[row]];
    // Who visits, and how far it is to them, stands below.
    const visited = status === "rounds" || status === "posted";
    return [
      ["card_status", element("span", "state", placeSymbol(status, isHollow(places.position_basis[data.place[row]])), say(`status_${status}`),
        parts ? ` · ${say("card_part", { people: number(data.people[row]) })}` : "")],
      ["card_why", ...whyPlace(status, data.mark[row], data.minutes[row])],
      visited ? null : ["card_served_by", data.mark[row] < 0 ? say("nobody") : openLink({ mark: data.mark[row] })],
      visited || data.minutes[row] === null ? null : ["card_minutes", say("card_minutes_value", { minutes: number(data.minutes[row], 1) })],
    ];
  });
}

// On which half-days somebody comes: a morning and an afternoon of one day are all of it.
function slotsOf(rows) {
  const days = new Map();
  for (const row of rows) {
    const key = visits.week[row] * DAYS + Math.floor(visits.slot[row] / HALVES.length);
    days.set(key, [...(days.get(key) || []), row]);
  }
  return [...days].sort(([one], [other]) => one - other).map(([, same]) => slotWord(same)).join(say("comma"));
}

function slotWord(same) {
  const [row] = same;
  const name = WEEKDAYS[Math.floor(visits.slot[row] / HALVES.length)];
  const day = name ? say(`field_${name}`) : "–";
  const halves = new Set(same.map((one) => visits.slot[one] % HALVES.length));
  const slot = halves.size === HALVES.length ? say("visit_day", { day })
    : say("visit_half", { day, half: say(`half_${HALVES[Math.abs([...halves][0])]}`) });
  if (plan.ways[rounds.way[visits.round[row]]].weeks === 1) return slot;
  return say("visit_week", { slot, week: sayCode("week", visits.week[row]) });
}

function teamWord(way, team) {
  return say(plan.ways[way].post ? "visit_post" : "visit_team", { team: number(team) });
}

// Who comes, when, how often and from how far.
function visitLines(rows) {
  return rows.map((row) => {
    const way = rounds.way[row];
    const teams = byTeam(visitsOf(row)).map(([team, some]) => say("visit_when", { team: teamWord(way, team), slots: slotsOf(some) }));
    const often = say(plan.ways[way].weeks === 1 ? "visit_times_week" : "visit_times_month", { times: number(rounds.times[row]), half_days: number(rounds.half_days[row]) });
    const far = rounds.minutes[row] === null ? "" : ` · ${say("visit_way", { minutes: number(rounds.minutes[row], 1) })}`;
    return [given(inLanguage(plan.ways[way].name)),
      element("div", "", rounds.mark[row] < 0 ? say("nobody_named") : openLink({ mark: rounds.mark[row] })),
      ...(teams.length ? teams : [say("visit_unset")]).map((text) => element("div", "when", text)),
      element("div", "", often, far, inBrackets(basisWord(rounds.basis[row])))];
  });
}

// Why a place is served as it is, the next best way, and what the whole plan would cost more with this one change.
function careLines(place) {
  const [row] = goingOf(state.year).care.get(place) || [];
  if (row === undefined) return [];
  const names = Object.keys(care).filter((name) => name.startsWith("say."));
  const figures = Object.fromEntries(names.map((name) => {
    const value = care[name][row];
    return [name.slice(4), given(typeof value === "number" ? number(value, 1) : value)];
  }));
  const why = care.why[row] < 0 ? null : ["card_choice", ...filled(inLanguage(plan.reasons[care.why[row]]), figures)];
  return [why, ["card_next", ...nextBest(row)]];
}

function nextBest(row) {
  if (care.next[row] < 0) return [say("next_nothing")];
  const choice = plan.choices[care.next[row]];
  const how = element("span", "", choice === "none" ? say("next_none") : say(`how_${choice}`));
  if (care.mark[row] >= 0) how.append(" · ", openLink({ mark: care.mark[row] }));
  const cost = care.cost[row];
  if (cost === null) return [how];
  return sentence(cost < 0 ? "next_less" : "next_more", { how, cost: number(Math.abs(cost)) });
}

// Why a place is served or not, in a sentence.
function whyPlace(status, mark, minutes) {
  const values = { minutes: number(minutes, 1), circle: given(inLanguage(plan.circle)), site: mark < 0 ? "" : given(nameOf({ mark })) };
  const timed = minutes === null ? "" : "_timed";
  switch (status) {
    case "served":
      return mark < 0 ? [say("nobody_named")] : sentence(timed ? "why_served_timed" : "why_served", values);
    case "no_capacity":
      return sentence(timed ? "why_full_timed" : "why_full", values);
    case "out_of_range":
      return sentence(inLanguage(plan.circle) ? "why_out_of_named_range" : "why_out_of_range", values);
    case "rounds":
      return [say("why_rounds")];
    case "posted":
      return [say("why_posted")];
    default:
      return [say("why_unknown")];
  }
}

// What a place or site is said to stand at, wherever it is drawn.
function spotLine(table, at) {
  const [lon, lat] = [(table.told_lon || table.lon)[at], (table.told_lat || table.lat)[at]];
  return lon === null || lon < 0 || lat < 0 ? null : ["card_spot", say("card_spot_value", { lat: lat.toFixed(5), lon: lon.toFixed(5), datum: plan.datum.toUpperCase() || "–" })];
}

function exampleNote(basis) {
  return isHollow(basis) ? element("p", "note", say("card_example", { basis: basisWord(basis) })) : null;
}

function placeCard(place) {
  const index = indexOf(state.year);
  const rows = index.ofPlace.get(place) || [];
  const kind = places.kind[place];
  const people = rows.length ? peopleOf(index, rows) : places.people[place];
  return [lines([
    kind ? ["card_kind", given(sayCode("kind", kind))] : null,
    townName(places.town[place]),
    ["card_people", say("card_people_value", { people: number(people) }), inBrackets(basisWord(places.people_basis[place]))],
    ...(rows.length ? placeRows(index, rows) : [["card_status", say("card_no_row")]]),
    ...visitLines(goingOf(state.year).roundsTo.get(place) || []),
    ...careLines(place),
    todayLine(place),
    spotLine(places, place),
    ["card_position_basis", basisWord(places.position_basis[place])],
  ]), exampleNote(places.position_basis[place])];
}

// Staff, beds and teams of a site: a line for each, a column for every year, the year shown marked.
function staffTable(mark) {
  const byYear = plan.staff[mark];
  if (!byYear) return [];
  const numberIn = (year, resource) => (byYear[year] || []).find(([one]) => one === resource)?.[1] ?? 0;
  const kept = plan.resources.flatMap((_, at) => (plan.years.some((year) => numberIn(year, at) !== 0) ? [at] : []));
  if (!kept.length) return [];
  const heads = [say("card_staff_by_year"), ...plan.years.map(String)];
  const rows = kept.map((at) => {
    const [words, assumed] = plan.resources[at];
    const cells = plan.years.map((year) => element("td", year === state.year ? "now" : "", number(numberIn(year, at), 1)));
    return element("tr", "", cell("th", "row", given(inLanguage(words)), assumed ? " *" : ""), ...cells);
  });
  const table = tableOf(heads, rows);
  table.classList.add("staff");
  table.querySelectorAll("thead th").forEach((head, at) => head.classList.toggle("now", plan.years[at - 1] === state.year));
  return [table, kept.some((at) => plan.resources[at][1]) ? element("p", "note", say("card_staff_assumed")) : null];
}

function siteStateWord(mark) {
  const condition = stateOf(mark, state.year);
  if (condition === "absent") return say("card_not_yet");
  if (condition === "gone") return say("card_gone");
  return say(`state_${condition}`);
}

// Why a site stands in the plan, or what its closing means: the same figures as in sites.csv.
function whySite(kind, condition, step, values) {
  if (kind === "ems_station" || kind === "hospital_site") return ["card_why", say(`why_${kind}`)];
  const alone = step && condition !== "absent" ? step.alone[state.year] : null;
  if (condition === "closing" || condition === "gone") {
    return typeof alone === "number" ? ["card_why", say(alone ? "why_closed_alone" : "why_closed", { ...values, alone: number(alone) })] : null;
  }
  if (typeof alone !== "number") return ["card_serves", say("card_serves_value", values)];
  return ["card_why", say(alone ? "why_site" : "why_site_spare", { ...values, alone: number(alone) })];
}

function townCard(town) {
  const line = townLines().find((one) => one.town === town);
  if (!line) return [lines([["card_status", say("card_no_row")]])];
  const total = element("tr", "", cell("th", "row", say("total")), cell("td", "", number(line.people)), cell("td", "", line.people ? ALL : "–"));
  const heads = [say("people_of_year", { year: state.year ?? "" }), say("people"), say("share")];
  return [tableOf(heads, statusRows({ people: line.statuses, total: line.people }), total),
    lines([
      ["sites", say("sites_open", { count: number(line.sites) }), line.hubs ? ` · ${say("sites_hubs", { count: number(line.hubs) })}` : ""],
      townReach(line) ? ["card_town_range", townRange(line)] : null,
      townLeads().has(town) ? ["card_consortium", ...sentence("card_led", { lead: openLink({ mark: townLeads().get(town) }) })] : null,
      ...visitLines(goingOf(state.year).roundsTo.get(-1 - town) || []),
      ...nearLines(town),
    ]),
    String(town) in plan.areas.towns ? element("p", "note", say("legend_shares_note")) : null];
}

function townRange(line) {
  return say("card_town_range_value", { range: range(townReach(line), (value) => number(value)), count: number(plan.draws.count) });
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
  // What a kind costs that the model does not site is not counted, which is not the same as nothing.
  const counted = step && step.cost !== null && step.cost !== "" && (step.cost !== 0 || isSited(mark));
  const cost = counted ? ["card_cost", ...sentence("card_cost_value", { cost: given(number(step.cost)), basis: basisWord(plan.cost_basis) }),
    plan.resources.length ? say("card_cost_apart") : ""] : null;
  const condition = stateOf(mark, state.year);
  const picture = condition === "absent" || condition === "gone" ? "" : siteSymbol(marks.kind[mark], condition, isHollow(marks.basis[mark]));
  const served = rows.slice(0, LIST_LIMIT).map((row) => element("li", "", openLink({ place: index.rows.place[row] }), ` ${number(index.rows.people[row])}`));
  return [lines([
    marks.kind[mark] ? ["card_kind", given(sayCode("kind", marks.kind[mark]))] : null,
    townName(marks.town[mark]),
    ["card_state", element("span", "state", picture, siteStateWord(mark))],
    actions.length ? ["card_action", ...actions] : null,
    whySite(marks.kind[mark], condition, step, { year: state.year ?? "", people: number(peopleOf(index, rows)), places: number(new Set(rows.map((row) => index.rows.place[row])).size) }),
    plan.kept[mark] ? ["card_kept", given(inLanguage(plan.kept[mark]))] : null,
    parentLine(step),
    ...consortiumLines(mark),
    ...heldLines(mark),
    cost,
    spotLine(marks, mark),
    ["card_position_basis", basisWord(marks.basis[mark])],
    marks.source[mark] ? ["card_source", given(marks.source[mark])] : null,
  ]), exampleNote(marks.basis[mark]), ...worthParts(mark), ...belongingParts(mark), ...contractParts(mark), ...staffTable(mark), ...toursHere(mark), ...toursSent(mark), ...visitsFrom(mark),
  served.length ? element("h3", "", say("card_serves_list")) : null, served.length ? element("ul", "served", ...served) : null];
}

/* What a site belongs to, what it can do and for whom, and what it holds back. */

function consortiumLines(mark) {
  const [row] = belongingOf(state.year).ofMark.get(mark) || [];
  if (row === undefined) return [];
  const lead = consortia.lead[row];
  if (lead === mark) return [["card_leads", say("card_leads_value", membersOf(mark))]];
  const [minutes, before] = [consortia.minutes[row], consortia.before[row]];
  return [["card_consortium", ...sentence("card_led", { lead: openLink({ mark: lead }) }),
    minutes === null ? "" : ` · ${say("card_minutes_value", { minutes: number(minutes, 1) })}`,
    ...(before < 0 || before === lead ? [] : [" · ", ...sentence("card_before", { before: given(nameOf({ mark: before })) })])]];
}

function heldLines(mark) {
  const made = (belongingOf(state.year).held.get(mark) || []).map((row) => element("div", "", ...sentence("card_held_value", {
    resource: given(inLanguage(plan.held[reserves.resource[row]])), reserved: number(reserves.reserved[row], 1),
    number: number(reserves.number[row], 1), share: percent(reserves.reserved[row], reserves.number[row]),
  })));
  return made.length ? [["card_held", ...made]] : [];
}

function belongingParts(mark) {
  const { has } = belongingOf(state.year);
  const members = membersOf(mark).rows.map((row) => element("li", "", openLink({ mark: consortia.mark[row] }),
    consortia.minutes[row] === null ? "" : element("small", "", ` ${say("card_minutes_value", { minutes: number(consortia.minutes[row], 1) })}`)));
  const hosted = CENTRES.filter((at) => has[at].get(mark) === -1).map((at) => element("li", "", ...sentence("legend_centre", {
    centre: given(inLanguage(abilities[at].name)), count: number([...has[at].values()].filter((centre) => centre === mark).length),
  })));
  const part = (key, items) => (items.length ? [element("h3", "", say(key, { year: state.year })), element("ul", "served", ...items.slice(0, LIST_LIMIT))] : []);
  return [...part("card_members", members), ...part("card_centres", hosted), ...functionParts(mark)];
}

function spellWord(since, until) {
  if (since === null) return until === null ? say("spell_today") : say("spell_until", { until });
  if (since === until) return say("spell_only", { since });
  return until === null ? say("spell_from", { since }) : say("spell", { since, until });
}

// Names in a line; what would be too many stays folded.
function namesOf(rows) {
  const names = rows.map((row) => given(inLanguage(abilities[functions.ability[row]].name)));
  const listed = (some) => some.flatMap((name, at) => (at ? [say("listing"), name] : [name]));
  const rest = names.slice(NAMES_LIMIT);
  if (rest.length < 2) return listed(names);
  return [...listed(names.slice(0, NAMES_LIMIT)), element("details", "", element("summary", "", say("and_more", { count: number(rest.length) })), ...listed(rest))];
}

// What a site can do, its own first, then what it has from each centre: a line for all of the same years.
function functionParts(mark) {
  const rows = [...functions.mark.keys()].filter((row) => functions.mark[row] === mark);
  if (!rows.length) return [];
  const sources = [...new Set(rows.map((row) => functions.centre[row]))].sort((one, other) => one - other);
  const made = sources.flatMap((centre) => {
    const spells = new Map();
    for (const row of rows.filter((one) => functions.centre[one] === centre)) {
      const word = spellWord(functions.since[row], functions.until[row]);
      spells.set(word, [...(spells.get(word) || []), row]);
    }
    const first = ([, [row]]) => functions.since[row] ?? -Infinity;
    const sorted = [...spells].sort((one, other) => first(one) - first(other) || 0);
    const list = lines(sorted.map(([word, some]) => [element("span", "", word), element("span", isHeld(some[0], state.year) ? "" : "quiet", ...namesOf(some))]));
    return centre < 0 ? [list] : [element("h4", "", ...sentence("card_through", { centre: openLink({ mark: centre }) })), list];
  });
  const now = rows.filter((row) => isHeld(row, state.year)).length;
  return [element("h3", "", say("card_functions", { year: state.year, count: number(now) })), ...made];
}

/* Who is posted at a site, whom it sends, and whom it visits. */

function monthsWord(row) {
  const first = tours.first[row];
  const length = tours.months[row];
  if (first === null) return say("tour_unset", { months: number(length) });
  const last = first + length - 1;
  const month = (at) => say(`field_month_${((at - 1) % MONTHS) + 1}`);
  return length === 1 ? month(first) : say(last <= MONTHS ? "roster_span" : "roster_over", { first: month(first), last: month(last) });
}

// The twelve months of a year, those in which somebody is there filled.
function monthStrip(row) {
  const strip = element("span", "months");
  strip.setAttribute("aria-hidden", "true");
  for (let month = 0; month < MONTHS; month += 1) {
    const there = Math.floor(tours.there[row] / 2 ** month) % 2;
    strip.append(element("i", there ? (tours.carried[row] ? "there carried" : "there") : ""));
  }
  return strip;
}

function fieldOf(row) {
  return [plan.specialties[tours.specialty[row]], plan.ranks[tours.rank[row]]].map(inLanguage).filter(Boolean).join(" · ");
}

function senderName(row) {
  const [name, mark] = plan.senders[tours.sender[row]];
  return mark >= 0 ? openLink({ mark }) : given(inLanguage(name));
}

function tourItem(row, ...about) {
  const post = tours.post[row] === null ? [] : [` · ${say("tour_post", { post: number(tours.post[row]) })}`];
  const carried = tours.carried[row] ? inBrackets(say("tour_carried")) : "";
  return element("li", "", element("span", "", ...about, ...post, element("small", "", monthsWord(row) + carried)), monthStrip(row));
}

function supportLines(mark) {
  const support = (plan.support[state.year] || {})[mark];
  const made = support ? [element("p", "", say("tours_support", { support: sayCode("support", support) }))] : [];
  for (const [year, of, rule, tool] of plan.remote) {
    if (year !== state.year || of !== mark) continue;
    const clause = plan.clauses.find((one) => one.rule === rule);
    const name = (clause && inLanguage(clause.says)) || rule;
    made.push(element("p", "note alarm", ...sentence("tours_remote", { with: given(inLanguage(tool)), rule: given(name) })));
  }
  return made;
}

function toursHere(mark) {
  const rows = goingOf(state.year).toursTo.get(mark) || [];
  const support = supportLines(mark);
  if (!rows.length && !support.length) return [];
  const items = rows.slice(0, LIST_LIMIT).map((row) => tourItem(row, element("b", "", given(fieldOf(row))), " · ", senderName(row)));
  return [element("h3", "", say("tours_here", { year: state.year })), ...support, element("ul", "tours", ...items),
    rows.length ? element("p", "note", say("tours_note")) : null];
}

// By specialty and rank: what a hospital lets go of each.
function toursSent(mark) {
  const rows = goingOf(state.year).toursFrom.get(mark) || [];
  if (!rows.length) return [];
  const groups = new Map();
  for (const row of rows) groups.set(fieldOf(row), [...(groups.get(fieldOf(row)) || []), row]);
  const made = [...groups].flatMap(([field, some]) => [
    element("h4", "", ...sentence("tours_group", { specialty: given(field), count: number(some.length) })),
    element("ul", "tours", ...some.slice(0, LIST_LIMIT).map((row) => tourItem(row, tours.mark[row] < 0 ? "–" : openLink({ mark: tours.mark[row] })))),
  ]);
  return [element("h3", "", say("tours_sent", { year: state.year })), ...made, element("p", "note", say("tours_note"))];
}

function visitsFrom(mark) {
  const rows = goingOf(state.year).roundsFrom.get(mark) || [];
  return plan.ways.flatMap((_, way) => {
    const mine = rows.filter((row) => rounds.way[row] === way);
    return mine.length ? visitsInWay(mark, way, mine) : [];
  });
}

// The teams of a site, how many half-days of each are used, and where each goes.
function visitsInWay(mark, way, rows) {
  const { name, room } = plan.ways[way];
  const groups = new Map();
  for (const row of rows) {
    const teams = byTeam(visitsOf(row));
    for (const [team, some] of teams.length ? teams : [[null, []]]) groups.set(team, [...(groups.get(team) || []), [row, some]]);
  }
  const used = (stops) => stops.reduce((sum, [, some]) => sum + some.length, 0);
  const made = [...groups].sort(([one], [other]) => (one ?? Infinity) - (other ?? Infinity)).flatMap(([team, stops]) => {
    const values = { team: team === null ? "" : teamWord(way, team), used: number(used(stops)), room: number(room), stops: number(stops.length) };
    const head = team === null ? say("visit_unset") : say(room === null ? "visits_team_plain" : "visits_team", values);
    const items = stops.slice(0, LIST_LIMIT).map(([row, some]) => element("li", "", openLink(subjectOf(rounds.stop[row])),
      some.length ? ` ${slotsOf(some)}` : "", rounds.minutes[row] === null ? "" : element("small", "", ` ${say("card_minutes_value", { minutes: number(rounds.minutes[row], 1) })}`)));
    return [element("h4", "", head), element("ul", "stops", ...items)];
  });
  const all = [...groups.values()].reduce((sum, stops) => sum + used(stops), 0);
  const sum = say("visits_sum", { goers: goersWord(way, teamsOf(mark, way, state.year)), used: number(all), period: periodOf(way), stops: number(rows.length) });
  return [element("h3", "", ...sentence("visits_of_site", { way: given(inLanguage(name)), year: String(state.year) })), element("p", "", sum), ...made];
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
  const close = button("close", "×", () => choose(null));
  close.setAttribute("aria-label", say("close_card"));
  const heading = element("h2", "", given(nameOf(subject)));
  show("card", element("header", "", heading, close), CARDS[Object.keys(subject)[0]](Object.values(subject)[0]));
  card.scrollTop = 0;
}

/* parts */
/* ---- what the reader does ---- */

function drawAll() {
  drawHead();
  drawSides();
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
  drawShares();
  drawReach();
  drawPlaces();
  drawSites();
  drawLinks();
  drawGoing();
  drawBelonging();
  drawChosen();
  drawToday();
  EXTRAS.years.forEach((draw) => draw());
  stack();
}

// Whoever asked from outside the frame knows already, and keeps the keyboard.
function chooseYear(year, byReader = true) {
  state.year = year;
  drawYear();
  drawAll();
  if (byReader) tellAround({ year });
}

function choose(subject, move = false, byReader = true) {
  state.selected = subject;
  if (byReader && subject && "mark" in subject) tellAround({ site: marks.id[subject.mark] });
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
  if (!byReader) return;
  card.focus({ preventScroll: true });
  if (move) card.parentElement.scrollIntoView({ block: "nearest" });
}

// Moves the map where the card would lie on what it tells about.
function uncover(spot, card) {
  const size = map.getSize();
  // (Beside today, the map begins where that ends.)
  const { offsetLeft, offsetTop } = map.getContainer();
  const [right, bottom] = [card.offsetLeft + card.offsetWidth - offsetLeft, card.offsetTop + card.offsetHeight - offsetTop];
  const below = bottom >= size.y - 2;
  const room = below ? { paddingTopLeft: [20, 20], paddingBottomRight: [20, Math.min(card.offsetHeight + 20, size.y - 60)] }
    : { paddingTopLeft: [Math.max(20, Math.min(right + 20, size.x - 60)), 20], paddingBottomRight: [20, 40] };
  const at = map.latLngToContainerPoint(spot);
  const covered = below ? at.y > size.y - card.offsetHeight - 20 : at.x < right + 20 && at.y < bottom + 20;
  if (covered) map.panInside(spot, { ...room, animate: false });
}

// Whether there is anything to show of a layer, and whether it is shown.
function isOffered(name) {
  if (name === "existing") return marks.actions.includes(null);
  if (name === "rounds") return rounds.stop.some((stop) => stop >= 0);
  if (name === "postings") return tours.sender.some((sender) => plan.senders[sender][1] >= 0);
  if (name === "consortia") return LEADS.length > 0;
  if (name === "centres") return CENTRES.length > 0;
  if (name === "homes" || name === "dropped") return plan[name].name.length > 0;
  if (name === "shares") return Object.keys(plan.areas.towns).length > 0;
  if (name === "reach") return Object.keys(plan.areas.reach).length > 0;
  return true;
}

function isDrawn(name) {
  return isOffered(name) && state.shown[name];
}

function drawLayerBoxes() {
  const box = document.getElementById("layers");
  const legend = box.querySelector("legend");
  const names = ["places", "sites", "existing", "towns", "links", "rounds", "postings", "consortia", "centres", "homes", "dropped", "shares", "reach"].filter(isOffered);
  const boxes = names.map((name) => {
    const input = element("input");
    input.type = "checkbox";
    input.id = `layer-${name}`;
    input.checked = name === "links" ? linksWanted() : state.shown[name];
    input.addEventListener("change", () => {
      if (name === "links") state.links = input.checked;
      else state.shown[name] = input.checked;
      if (name === "consortia" || name === "centres" || name === "shares") drawBadges();
      layers.reach.setStyle(reachStyle());
      drawToday();
      stack();
      drawLegend();
    });
    const label = element("label", "", input, say(`layer_${name}`));
    return name === "centres" ? [label, centrePicker()] : [label];
  });
  box.replaceChildren(legend, ...boxes.flat(), ...EXTRAS.boxes.flatMap((make) => make()), ...(abilities.length ? [abilityPicker()] : []));
}

function drawBadges() {
  drawShares();
  drawSites();
  drawBelonging();
}

// One of several functions; their names are cut as a list has to.
function picker(id, word, choices, chosen, act) {
  const select = element("select");
  select.id = id;
  for (const [value, text] of choices) select.add(new Option(text.slice(0, 80), value, false, value === chosen));
  select.addEventListener("change", () => {
    act(Number(select.value));
    stack();
    drawLegend();
  });
  return element("label", "pick", say(word), select);
}

const named = (at) => [at, inLanguage(abilities[at].name)];

// Who chooses a centre wants to see it.
function centrePicker() {
  return picker("centre", "pick_centre", CENTRES.map(named), state.centre, (at) => {
    state.centre = at;
    state.shown.centres = true;
    document.getElementById("layer-centres").checked = true;
    drawBadges();
  });
}

function abilityPicker() {
  return picker("ability", "pick_function", [[-1, say("pick_none")], ...[...abilities.keys()].map(named)], state.ability, (at) => {
    state.ability = at;
    drawPlaces();
    drawSites();
  });
}

// What a found thing is, and where: there are many places of one name.
function whatIs(subject) {
  if ("town" in subject) return [say("town")];
  const [table, at] = rowOf(subject);
  return ["home" in subject ? say("care_home") : given(sayCode("kind", table.kind[at])), " · ", given(towns.name[table.town[at]] || "")];
}

function find() {
  const asked = document.getElementById("find").value.trim().toLowerCase();
  const list = document.getElementById("found");
  list.hidden = !asked;
  if (!asked) return;
  const hits = [];
  towns.name.forEach((name, town) => { if (name.toLowerCase().includes(asked)) hits.push({ town }); });
  marks.name.forEach((name, mark) => { if (name.toLowerCase().includes(asked)) hits.push({ mark }); });
  places.name.forEach((name, place) => { if (name.toLowerCase().includes(asked)) hits.push({ place }); });
  plan.homes.name.forEach((name, home) => { if (name.toLowerCase().includes(asked)) hits.push({ home }); });
  const items = hits.slice(0, SEARCH_LIMIT).map((subject) => {
    const label = element("span", "", given(nameOf(subject)), " · ", ...whatIs(subject));
    return element("li", "", button("", label, () => {
      choose(subject, true);
      list.hidden = true;
    }));
  });
  if (!hits.length) items.push(element("li", "note", say("find_none")));
  if (hits.length > SEARCH_LIMIT) items.push(element("li", "note", say("find_more", { count: number(hits.length - SEARCH_LIMIT) })));
  list.replaceChildren(...items);
}

// What is drawn says its name to the mouse, and opens its card.
function answer(layer, onMap) {
  layer.on("click", (event) => choose(event.layer.options.subject));
  layer.on("mouseover", (event) => {
    hint.remove().setContent(given(nameOf(event.layer.options.subject)));
    hint.setLatLng(event.layer.getLatLng()).addTo(onMap);
  });
  layer.on("mouseout", () => hint.remove());
}

function listen() {
  document.getElementById("language").addEventListener("click", () => {
    state.language = state.language === "zh" ? "en" : "zh";
    drawAll();
  });
  document.getElementById("find").addEventListener("input", find);
  document.getElementById("find").addEventListener("keydown", (event) => {
    // While a word is being put together from keys, Enter only ends the word.
    if (event.key !== "Enter" || event.isComposing) return;
    const first = document.querySelector("#found button");
    if (first) first.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.selected) choose(null);
  });
  for (const layer of [layers.places, layers.sites, layers.existing, layers.homes, layers.dropped]) answer(layer, map);
  layers.shares.on("click", (event) => choose(event.layer.options.subject));
  layers.shares.on("mouseover mousemove", (event) => {
    const { subject } = event.layer.options;
    const line = townLines().find((one) => one.town === subject.town);
    const lead = isColoured() ? townLeads().get(subject.town) : undefined;
    const about = lead === undefined ? `${line ? percent(line.served, line.people) : "–"}` : given(nameOf({ mark: lead }));
    hint.setContent(element("span", "", given(nameOf(subject)), " ", about));
    hint.setLatLng(event.latlng).addTo(map);
  });
  layers.shares.on("mouseout", () => hint.remove());
  map.on("click", () => { if (state.selected) choose(null); });
  document.getElementById("picture").addEventListener("click", savePicture);
  document.getElementById("pair").addEventListener("click", () => showPair(!state.pair));
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
  const card = document.getElementById("card");
  const chart = card.parentElement;
  let before = null;
  addEventListener("beforeprint", () => {
    const folded = [...document.querySelectorAll("#details details:not([open]), #card details:not([open])")];
    before = { centre: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap, folded };
    for (const one of folded) one.open = true; // a sheet cannot be unfolded
    chart.after(card); // below the map, as long as it is
    document.documentElement.classList.add("printing");
    measureMaps();
    map.options.zoomSnap = 0; // as large as the sheet allows
    if (before.zoom <= wholeZoom) map.fitBounds(wholeBounds(), { padding: [12, 12], animate: false });
    else map.setView(before.centre, before.zoom, { animate: false });
    for (const sheet of sheetsShown()) sheet._redraw();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    chart.append(card);
    measureMaps();
    if (!before) return;
    map.options.zoomSnap = before.snap;
    for (const one of before.folded) one.open = false;
    map.setView(before.centre, before.zoom, { animate: false });
  });
}

function start() {
  wholeButton(showWhole).addTo(map);
  makeYears(plan.years, chooseYear);
  drawHead();
  drawBanner();
  drawFoot();
  // The heading has just taken its room.
  map.invalidateSize({ animate: false, pan: false });
  layers.boundary.addTo(map);
  drawBoundary(canvas, layers.boundary);
  for (const put of EXTRAS.maps) put(map);
  drawShares();
  drawReach();
  makePlaces();
  drawPlaces();
  showWhole();
  drawSites();
  drawLinks();
  drawGoing();
  drawBelonging();
  drawTowns(layers.towns);
  EXTRAS.years.forEach((draw) => draw());
  stack();
  drawAll();
  listen();
  requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = "yes"; }));
}

start();
})();
