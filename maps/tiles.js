/* ---- base map tiles, in a page that was asked to have them ---- */

const tiles = plan.tiles;
const tileGroups = new Map(); // of every map the layers of tiles, once they are made
let tileKey = tiles.key; // in memory only
let tilesWanted = true;

function canTile() {
  return tilesWanted && (!tiles.asks_key || tileKey !== "");
}

// With the first tile the district's white ground gives way; where none comes, nothing changes.
function seeTiles(seen) {
  if (state.tiled === seen) return;
  state.tiled = seen;
  setGround(seen ? 0 : 1);
  drawShares();
  drawToday();
}

function putTiles(onMap) {
  const old = tileGroups.get(onMap);
  if (old) old.remove();
  tileGroups.delete(onMap);
  if (!canTile()) {
    seeTiles(false);
    return;
  }
  const made = tiles.addresses.map((address) => {
    const options = { subdomains: tiles.subdomains, key: encodeURIComponent(tileKey), minZoom: 1, maxZoom: 18, attribution: say(`tiles_by_${tiles.name}`) };
    return L.tileLayer(address, options).on("tileload", () => { if (tileGroups.has(onMap)) seeTiles(true); });
  });
  tileGroups.set(onMap, L.layerGroup(made));
  tileGroups.get(onMap).addTo(onMap);
  if (state.tiled) setGround(0);
}

function putAllTiles() {
  for (const onMap of aside ? [map, aside.map] : [map]) putTiles(onMap);
}

function tileBoxes() {
  const input = element("input");
  Object.assign(input, { type: "checkbox", id: "layer-tiles", checked: tilesWanted });
  input.addEventListener("change", () => {
    tilesWanted = input.checked;
    putAllTiles();
  });
  const made = [element("label", "", input, say(`tiles_box_${tiles.name}`))];
  if (tiles.asks_key && !tiles.key) {
    const field = element("input");
    Object.assign(field, { type: "password", id: "tiles-key", autocomplete: "off", spellcheck: false, value: tileKey });
    field.addEventListener("change", () => {
      tileKey = field.value.trim();
      putAllTiles();
    });
    made.push(element("label", "pick key", say("tiles_key"), field));
  }
  return [...made, element("p", "note", say("tiles_note"))];
}

EXTRAS.maps.push(putTiles);
EXTRAS.boxes.push(tileBoxes);

