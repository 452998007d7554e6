/* ---- today beside the plan ---- */

// Made when it is first asked for: its map, its canvas, and groups as `layers` has them.
let aside = null;

// Whether a site stood before the plan: what is not decided on, and what does not begin by being opened.
function stoodBefore(mark) {
  const actions = marks.actions[mark];
  return actions === null ? marks.kind[mark] !== "" : actions.length > 0 && actions[0].action !== "open";
}

function spotBefore(mark) {
  const [step] = marks.actions[mark] || [];
  if (step && step.lon !== null) return [step.lat, step.lon];
  return marks.lon[mark] === null ? null : [marks.lat[mark], marks.lon[mark]];
}

function makeAside() {
  const beside = L.map("today", { ...MAP_OPTIONS, zoomControl: false });
  aside = { map: beside, canvas: new Sheet({ padding: 0.3, tolerance: 3 }), layers: {} };
  for (const name of ["boundary", "shares", "places", "existing", "sites", "towns"]) aside.layers[name] = L.featureGroup();
  drawBoundary(aside.canvas, aside.layers.boundary);
  beside.setView(map.getCenter(), map.getZoom(), { animate: false });
  drawTowns(aside.layers.towns);
  for (const name of ["places", "existing", "sites"]) answer(aside.layers[name], beside);
  beside.on("click", () => { if (state.selected) choose(null); });
  for (const put of EXTRAS.maps) put(beside);
  follow(map, beside);
  follow(beside, map);
  new ResizeObserver(() => beside.invalidateSize({ animate: false })).observe(beside.getContainer());
}

let following = false;

// Whatever moves one of the two maps moves the other as far.
function follow(one, other) {
  one.on("move zoomend", () => {
    if (following || !state.pair) return;
    following = true;
    other.setView(one.getCenter(), one.getZoom(), { animate: false });
    following = false;
  });
}

function sheetsShown() {
  return state.pair ? [canvas, aside.canvas] : [canvas];
}

function measureMaps() {
  for (const shown of state.pair ? [map, aside.map] : [map]) shown.invalidateSize({ animate: false, pan: false });
}

function showPair(wanted) {
  state.pair = wanted;
  document.getElementById("pair").setAttribute("aria-pressed", String(wanted));
  document.getElementById("today").parentElement.classList.toggle("pair", wanted);
  for (const id of ["today-head", "today", "plan-head"]) document.getElementById(id).hidden = !wanted;
  drawSides();
  if (wanted && !aside) makeAside();
  measureMaps();
  drawToday();
  drawLegend();
  showWhole();
}

// Of a place of which nobody knows how it is served today, no more than that it is there.
function lookToday(place, index) {
  const worst = index ? index.worst[place] : -1;
  const rows = index && index.ofPlace.get(place);
  const r = radius(rows ? peopleOf(index, rows) : places.people[place]);
  if (worst >= 0) return placeLook(STATUSES[worst], isHollow(places.position_basis[place]), r);
  return { ...placeLook("unknown", true, r), faded: true };
}

function indexToday() {
  return plan.rows.today ? indexOf("today") : null;
}

function drawToday() {
  if (!state.pair) return;
  const { shares, places: spots, existing, sites } = aside.layers;
  for (const group of [shares, spots, existing, sites]) group.clearLayers();
  const options = (draw, look, subject) => ({ ...spotOptions(draw, look, subject), renderer: aside.canvas });
  for (const [town, area] of Object.entries(plan.areas.towns)) {
    const people = plan.today.people[town];
    const total = people ? people.reduce((sum, some) => sum + some, 0) : 0;
    const fillColor = total ? shareClass({ served: people[0], people: total }).colour : "#ffffff";
    L.polygon(ringsOf(area), { renderer: aside.canvas, interactive: false, color: "#8d86a8", weight: 0.8, fillOpacity: state.tiled ? 0.6 : 1, fillColor }).addTo(shares);
  }
  const index = indexToday();
  places.id.forEach((_, place) => {
    if (places.lon[place] === null) return;
    const look = lookToday(place, index);
    new Spot([places.lat[place], places.lon[place]], options(stampPlace, look, { place })).addTo(spots);
  });
  for (const mark of [...marks.id.keys()].filter(stoodBefore).sort((one, other) => sizeOf(marks.kind[one]) - sizeOf(marks.kind[other]))) {
    const spot = spotBefore(mark);
    const condition = marks.actions[mark] ? "kept" : "existing";
    const look = siteLook(marks.kind[mark], condition, isHollow(marks.basis[mark]));
    if (spot) new Site(spot, options(drawSite, look, { mark })).addTo(condition === "existing" ? existing : sites);
  }
  for (const [name, group] of Object.entries(aside.layers)) {
    const shown = name === "shares" ? isDrawn(name) && plan.today.known : state.shown[name] !== false;
    if (shown) group.addTo(aside.map);
    else group.remove();
  }
  for (const name of ["shares", "boundary"]) if (aside.map.hasLayer(aside.layers[name])) aside.layers[name].bringToBack();
  for (const name of ["existing", "sites"]) if (aside.map.hasLayer(aside.layers[name])) aside.layers[name].bringToFront();
  if (aside.map.hasLayer(aside.layers.towns)) spaceTowns(aside.layers.towns);
}

const kindNames = (kinds) => kinds.map((kind) => sayCode("kind", kind)).join(say("kinds_comma"));

// The figures of today, or why there are none.
function linesOfToday() {
  const { known, unlisted, people, year } = plan.today;
  const stood = [...marks.id.keys()].filter(stoodBefore);
  const sited = stood.filter(isSited).length;
  const counts = known ? [say("sites_open", { count: number(sited) }), ...(stood.length > sited ? [say("sites_hubs", { count: number(stood.length - sited) })] : [])]
    : [say("today_listed", { count: number(stood.length) })];
  const line = element("p", "", counts.join(" · "));
  if (known === null) return [element("p", "unknown", say("today_not_told")), line];
  const lacking = unlisted.length ? kindNames(unlisted) : "";
  if (!known) return [element("p", "unknown", lacking ? say("today_unknown", { kinds: lacking }) : say("today_not_told")), line];
  const total = (people[""] || []).reduce((sum, some) => sum + some, 0);
  const served = people[""] ? people[""][0] : 0;
  return [
    element("p", "", element("strong", "", percent(served, total)), " ", say("side_served", { served: number(served), people: number(total), year })), line,
    lacking ? element("p", "unknown", say("today_lacking", { kinds: lacking })) : null,
    plan.rows.today ? null : element("p", "unknown", say("today_by_town")),
  ].filter(Boolean);
}

function linesOfPlan() {
  const index = indexOf(state.year);
  const { sited, hubs } = siteCounts();
  const sum = (kinds) => [...kinds.values()].reduce((all, some) => all + some, 0);
  const counts = [say("sites_open", { count: number(sum(sited)) }), ...(hubs.size ? [say("sites_hubs", { count: number(sum(hubs)) })] : [])];
  return [
    element("p", "", element("strong", "", percent(index.people[0], index.total)), " ",
      say("side_served", { served: number(index.people[0]), people: number(index.total), year: state.year ?? "–" })),
    element("p", "", counts.join(" · ")),
  ];
}

// How a place fares today, in its card.
function todayLine(place) {
  const index = indexToday();
  const rows = index ? index.ofPlace.get(place) || [] : [];
  const said = rows.map((row) => [say(`status_${STATUSES[index.rows.status[row]]}`), rows.length > 1 ? inBrackets(number(index.rows.people[row])) : ""].join(""));
  return said.length ? ["card_today", said.join(" · ")] : null;
}

function drawSides() {
  document.getElementById("today").setAttribute("aria-label", say("today_region"));
  if (!state.pair) return;
  show("today-head", element("h2", "", say("side_today")), ...linesOfToday());
  show("plan-head", element("h2", "", say("side_plan", { year: state.year ?? "–" })), ...linesOfPlan());
}

