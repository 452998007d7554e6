/* ---- what is seen, as a picture ---- */

const FINE = 2; // dots of the picture for each of the screen, in each direction
const MARGIN = 16;
const LEGEND_WIDTH = 330;
const LEAST_BESIDE = 600; // a narrower map has its legend below it
const LONGEST = 600; // of a text of somebody's in a picture
const FONT = getComputedStyle(document.body).fontFamily;
const INK = { text: "#1d2329", quiet: "#5b6570", alarm: "#9c2f00", ground: "#eef1f3", line: "#d9dee3" };

// Puts texts and boxes one below the other; without a canvas to draw on it only measures.
class Column {
  constructor(ctx, x, y, width, isDrawn) {
    Object.assign(this, { ctx, x, y, width, isDrawn });
  }

  // Lines of a text, broken between words, or anywhere in a long one.
  broken(text, width, most) {
    const parts = text.slice(0, LONGEST).replace(/\s+/g, " ").trim().match(/[\x21-\x7e\u00a0-\u02ff]+ ?|.[，。；：、！？）》”]*/gu) || [];
    const broken = [""];
    const fits = (line) => this.ctx.measureText(line).width <= width;
    for (const part of parts) {
      for (const piece of fits(part) ? [part] : part) {
        if (fits(broken[broken.length - 1] + piece)) broken[broken.length - 1] += piece;
        else broken.push(piece.trimStart());
      }
    }
    if (broken.length <= most && text.length <= LONGEST) return broken;
    const kept = broken.slice(0, most);
    return [...kept.slice(0, -1), `${kept[kept.length - 1].slice(0, -1)}…`];
  }

  write(text, { size = 13, bold = false, colour = INK.text, indent = 0, most = 6, after = 2 } = {}) {
    if (!text.trim()) return this;
    const { ctx } = this;
    ctx.font = `${bold ? "650 " : ""}${size}px ${FONT}`;
    ctx.textBaseline = "top";
    ctx.fillStyle = colour;
    for (const line of this.broken(text, this.width - indent, most)) {
      if (this.isDrawn) ctx.fillText(line, this.x + indent, this.y + 0.2 * size);
      this.y += Math.ceil(1.42 * size);
    }
    this.y += after;
    return this;
  }
}

// What stands in the legend, item by item as it is seen.
function writeLegend(column) {
  for (const node of document.getElementById("legend").children) {
    if (node.tagName === "H3") {
      column.y += 4;
      column.write(node.textContent, { size: 12, colour: INK.quiet });
    } else if (node.tagName === "P") {
      column.write(node.textContent, { size: 12, colour: INK.quiet });
    } else writeItems(column, [...node.children], node.className === "wide" ? 1 : 2);
  }
}

function writeItems(column, items, across) {
  const width = column.width / across;
  for (let first = 0; first < items.length; first += across) {
    const ends = items.slice(first, first + across).map((item, at) => {
      const picture = item.querySelector("canvas");
      const [x, { y }] = [column.x + at * width, column];
      if (picture && column.isDrawn) column.ctx.drawImage(picture, x, y, 22, 18);
      return new Column(column.ctx, x + (picture ? 26 : 0), y, width - (picture ? 34 : 8), column.isDrawn).write(item.textContent, { most: 4 }).y;
    });
    column.y = Math.max(...ends);
  }
}

// A map as it stands in the page: its canvas, names of towns, scale and north.
function drawMap(ctx, shown, sheet, labels, box) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x, box.y, box.width, box.height);
  ctx.clip();
  ctx.fillStyle = INK.ground;
  ctx.fillRect(box.x, box.y, box.width, box.height);
  ctx.translate(box.x, box.y);
  const { min } = sheet._bounds;
  const at = shown.layerPointToContainerPoint(min);
  const size = sheet._bounds.getSize();
  ctx.drawImage(sheet._container, at.x, at.y, size.x, size.y);
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.font = `650 13px ${FONT}`;
  ctx.lineJoin = "round";
  labels.eachLayer((marker) => {
    const icon = marker.getElement();
    if (!icon || icon.classList.contains("behind")) return;
    const spot = shown.latLngToContainerPoint(marker.getLatLng());
    const name = [...icon.textContent.slice(0, 40)];
    const text = name.length > 12 ? `${name.slice(0, 11).join("")}…` : name.join("");
    ctx.strokeStyle = "#ffffff";
    ctx.lineWidth = 3.5;
    ctx.strokeText(text, spot.x, spot.y + 12);
    ctx.fillStyle = "#2b333b";
    ctx.fillText(text, spot.x, spot.y + 12);
  });
  ctx.restore();
}

// As Leaflet has worked it out for the map of the plan; both maps have one scale.
function drawScale(ctx, box) {
  const line = document.querySelector(".leaflet-control-scale-line");
  const [width, x, y] = [line.offsetWidth, box.x + 10, box.y + box.height - 14];
  ctx.fillStyle = "rgb(255 255 255 / 80%)";
  ctx.fillRect(x - 4, y - 18, width + 8, 24);
  ctx.beginPath();
  ctx.moveTo(x, y - 5);
  ctx.lineTo(x, y);
  ctx.lineTo(x + width, y);
  ctx.lineTo(x + width, y - 5);
  stroke(ctx, "#39434c", 1.5);
  ctx.fillStyle = "#39434c";
  ctx.font = `12px ${FONT}`;
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  ctx.fillText(line.textContent, x + 3, y - 2);
}

function drawNorth(ctx, box) {
  const [x, y] = [box.x + box.width - 22, box.y + 10];
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + 6, y + 18);
  ctx.lineTo(x - 6, y + 18);
  ctx.closePath();
  ctx.fillStyle = "#39434c";
  ctx.fill();
  ctx.font = `650 13px ${FONT}`;
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  ctx.fillText(say("north"), x, y + 21);
  ctx.textAlign = "left";
}

// Draws the maps again, so fine as a picture is wanted, and afterwards as they were.
function drawnFine(act) {
  const before = L.Browser.retina;
  const redraw = (fine) => {
    L.Browser.retina = fine;
    stamps.clear();
    drawPlaces();
    drawToday();
    for (const sheet of sheetsShown()) sheet._update();
  };
  redraw(true);
  if (state.tiled) setGround(1); // a picture has no base map
  for (const sheet of sheetsShown()) sheet._redraw();
  try {
    return act();
  } finally {
    if (state.tiled) setGround(0);
    redraw(before);
  }
}

// (What stands apart in the page stands apart in the picture too.)
function textOf(node) {
  return node.querySelector("span, strong") ? [...node.childNodes].map((part) => part.textContent).join(" ") : node.textContent;
}

function textsOfPage(...selectors) {
  return selectors.flatMap((selector) => [...document.querySelectorAll(selector)]).filter((node) => !node.hidden).map(textOf);
}

// Everything but the maps' own insides: what it measures decides how large the picture is.
function layOut(ctx, isDrawn) {
  const chart = document.querySelector(".chart").getBoundingClientRect();
  const beside = chart.width >= LEAST_BESIDE;
  const width = chart.width + 2 * MARGIN + (beside ? LEGEND_WIDTH + MARGIN : 0);
  const head = new Column(ctx, MARGIN, MARGIN, width - 2 * MARGIN, isDrawn);
  head.write(document.getElementById("title").textContent, { size: 21, bold: true, most: 2 });
  head.write(document.getElementById("subtitle").textContent, { colour: INK.quiet, most: 2 });
  for (const text of textsOfPage("#banner")) head.write(text, { colour: "#6b4e00", most: 4 });
  for (const text of textsOfPage("#summary .headline", "#visited-share", "#clause-count")) head.write(text, { bold: true, most: 2 });
  for (const text of textsOfPage("#summary .must", "#adds-up.alarm")) head.write(text, { colour: INK.alarm, most: 3 });
  const top = head.y + 8;
  const legend = new Column(ctx, beside ? chart.width + 2 * MARGIN : MARGIN, beside ? top : top + chart.height + MARGIN, beside ? LEGEND_WIDTH : chart.width, isDrawn);
  legend.write(say("legend"), { bold: true, size: 14 });
  writeLegend(legend);
  const foot = new Column(ctx, MARGIN, Math.max(top + chart.height + 8, legend.y), width - 2 * MARGIN, isDrawn);
  for (const text of [...textsOfPage("#approval", "#foot p:not(.tiles):not(:last-child)"), say("picture_credit")]) foot.write(text, { size: 12, colour: INK.quiet, most: 3 });
  return { width, height: foot.y + MARGIN, chart, top };
}

function makePicture() {
  const picture = element("canvas");
  const ctx = picture.getContext("2d");
  const { width, height, chart, top } = layOut(ctx, false);
  [picture.width, picture.height] = [Math.ceil(width * FINE), Math.ceil(height * FINE)];
  ctx.scale(FINE, FINE);
  ctx.fillStyle = "#ffffff";
  ctx.fillRect(0, 0, width, height);
  layOut(ctx, true);
  const boxOf = (id) => {
    const box = document.getElementById(id).getBoundingClientRect();
    return { x: MARGIN + box.left - chart.left, y: top + box.top - chart.top, width: box.width, height: box.height };
  };
  const sides = [["map", "plan-head", map, canvas, layers.towns], ...(state.pair ? [["today", "today-head", aside.map, aside.canvas, aside.layers.towns]] : [])];
  drawnFine(() => {
    for (const [id, headId, shown, sheet, labels] of sides) {
      const box = boxOf(id);
      drawMap(ctx, shown, sheet, labels, box);
      drawScale(ctx, box);
      drawNorth(ctx, box);
      ctx.beginPath();
      ctx.rect(box.x, box.y, box.width, box.height);
      stroke(ctx, INK.line, 1);
      if (!state.pair) continue;
      const above = boxOf(headId);
      const column = new Column(ctx, above.x + 4, above.y + 4, above.width - 12, true);
      for (const node of document.getElementById(headId).children) {
        column.write(node.textContent, { bold: node.tagName === "H2" || node.className === "unknown", colour: node.className === "unknown" ? "#6b3a00" : INK.text, after: 0, most: 3 });
      }
    }
  });
  return picture;
}

// What a file of any system can be called.
function pictureName() {
  const name = [...plan.model.replace(/[\\/:*?"<>|\p{C}]/gu, "_").trim()].slice(0, 60).join("") || "map";
  return `${name}-${state.year ?? ""}.png`;
}

function savePicture() {
  makePicture().toBlob((file) => {
    const link = element("a");
    link.href = URL.createObjectURL(file);
    link.download = pictureName();
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }, "image/png");
}

