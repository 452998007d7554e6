/* ---- care homes with their contracts, and candidates that were dropped ---- */

const { homes, contracts, dropped } = plan;
const HOME = { colour: "#8c510a", line: { color: "#8c510a", weight: 1.6, dashArray: "3 4" } };
// A sign for each of the first reasons.
const DROPS = ["#5b6570", "#b2182b", "#2166ac", "#1b7837", "#762a83"];

Object.assign(TABLES, { home: homes, drop: dropped });
Object.assign(CARDS, { home: homeCard, drop: dropCard });
layers.homes = L.featureGroup();
const contractLines = L.featureGroup(); // below all sites, while homes are above them: many stand where a hub does
layers.dropped = L.featureGroup();

function contractsIn(year) {
  return [...contracts.home.keys()].filter((row) => contracts.year[row] === year);
}

// A pentagon on its tip, as no site and no place is.
function drawHome(ctx, x, y, { r, colour, signed, hollow }) {
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (let at = 0; at < 5; at += 1) ctx.lineTo(x + r * Math.sin((at * 2 * Math.PI) / 5 + Math.PI), y - r * Math.cos((at * 2 * Math.PI) / 5 + Math.PI));
  ctx.closePath();
  stroke(ctx, "#ffffff", 3.5);
  ctx.fillStyle = signed && !hollow ? colour : "#ffffff";
  ctx.fill();
  ctx.setLineDash(signed ? [] : [2, 2]);
  stroke(ctx, colour, 1.6);
  ctx.setLineDash([]);
}

function drawDrop(ctx, x, y, { r, colour }) {
  ctx.globalAlpha = 1;
  for (const [line, width] of [["#ffffff", 4], [colour, 1.8]]) {
    ctx.beginPath();
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
    stroke(ctx, line, width);
  }
}

const homeLook = (signed, hollow) => ({ r: 4.5, colour: HOME.colour, signed, hollow });
const dropLook = (group) => ({ r: 3.5, colour: DROPS[group % DROPS.length] });

function contractLine(row) {
  const [home, mark] = [contracts.home[row], contracts.mark[row]];
  const from = mark < 0 ? null : spotOf(mark, state.year);
  return from && homes.lon[home] !== null ? [from, [homes.lat[home], homes.lon[home]]] : null;
}

function drawHomes() {
  layers.homes.clearLayers();
  contractLines.clearLayers().addTo(layers.homes);
  const rows = contractsIn(state.year);
  L.polyline(rows.map(contractLine).filter(Boolean), { renderer: canvas, interactive: false, opacity: 0.9, ...HOME.line }).addTo(contractLines);
  const signed = new Set(rows.filter((row) => contracts.mark[row] >= 0).map((row) => contracts.home[row]));
  homes.name.forEach((_, home) => {
    if (homes.lon[home] === null) return;
    const look = homeLook(signed.has(home), isHollow(homes.basis[home]));
    new Site([homes.lat[home], homes.lon[home]], spotOptions(drawHome, look, { home })).addTo(layers.homes);
  });
}

// The same in all years.
function drawDropped() {
  dropped.name.forEach((_, drop) => {
    if (dropped.lon[drop] !== null) new Spot([dropped.lat[drop], dropped.lon[drop]], spotOptions(drawDrop, dropLook(dropped.group[drop]), { drop })).addTo(layers.dropped);
  });
}

function homesLegend() {
  if (!isDrawn("homes")) return [];
  const rows = contractsIn(state.year);
  const without = new Set(homes.name.keys());
  for (const row of rows) if (contracts.mark[row] >= 0) without.delete(contracts.home[row]);
  const items = [
    legendItem(symbol(drawHome, homeLook(true, false)), say("legend_home", { count: number(homes.name.length - without.size) })),
    without.size ? legendItem(symbol(drawHome, homeLook(false, false)), say("legend_home_without", { count: number(without.size) })) : null,
    legendItem(linePicture(HOME.line.color, HOME.line.weight, false, HOME.line.dashArray), say("legend_contract")),
  ].filter(Boolean);
  return [element("h3", "", say("legend_homes", { year: state.year })), element("ul", "wide", ...items)];
}

function droppedLegend() {
  if (!isDrawn("dropped")) return [];
  const items = plan.drop_groups.map((name, group) => legendItem(symbol(drawDrop, dropLook(group)),
    element("span", "", ...sentence("legend_drop", { name: given(inLanguage(name)), count: number(dropped.group.filter((one) => one === group).length) }))));
  return [element("h3", "", say("legend_dropped")), element("ul", "wide", ...items), element("p", "note", say("legend_dropped_note"))];
}

function contractWord(row) {
  const minutes = contracts.minutes[row];
  return [openLink({ mark: contracts.mark[row] }), minutes === null ? "" : ` · ${say("card_minutes_value", { minutes: number(minutes) })}`];
}

function homeCard(home) {
  const mine = contractsIn(state.year).filter((row) => contracts.home[row] === home);
  const signed = mine.filter((row) => contracts.mark[row] >= 0);
  const before = mine.length ? contracts.before[mine[0]] : -1;
  return [lines([
    ["card_kind", say("care_home")],
    townName(homes.town[home]),
    homes.beds[home] === null ? null : ["card_beds", number(homes.beds[home])],
    ["card_contract", ...(signed.length ? signed.flatMap((row) => [element("div", "", ...contractWord(row))]) : [say("card_contract_none")])],
    before < 0 ? null : ["card_contract_before", given(nameOf({ mark: before }))],
    spotLine(homes, home),
    ["card_position_basis", basisWord(homes.basis[home])],
    homes.source[home] ? ["card_source", given(homes.source[home])] : null,
  ])];
}

function dropCard(drop) {
  return [lines([
    ["card_kind", given(sayCode("kind", dropped.kind[drop]))],
    townName(dropped.town[drop]),
    ["card_dropped", given(inLanguage(plan.drop_reasons[dropped.why[drop]]))],
  ])];
}

// The care homes that a site has a contract with.
function contractParts(mark) {
  const mine = contractsIn(state.year).filter((row) => contracts.mark[row] === mark);
  if (!mine.length) return [];
  const items = mine.slice(0, LIST_LIMIT).map((row) => element("li", "", openLink({ home: contracts.home[row] }),
    element("small", "", [homes.beds[contracts.home[row]] === null ? "" : ` ${say("card_contract_line", { beds: number(homes.beds[contracts.home[row]]) })}`,
      contracts.minutes[row] === null ? "" : say("card_minutes_value", { minutes: number(contracts.minutes[row]) })].filter(Boolean).join(" · "))));
  return [element("h3", "", say("card_contracts", { year: state.year })), element("ul", "served", ...items)];
}

drawDropped();
EXTRAS.years.push(drawHomes);
EXTRAS.legends.push(homesLegend, droppedLegend);

