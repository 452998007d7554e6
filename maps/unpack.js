"use strict";
/* Reads the columns that allocate/draw/pack.py packed: numbers in base 64, texts by what differs from the one before. */
const unpackPlan = (() => {
const DIGIT = new Uint8Array(128);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((letter, at) => { DIGIT[letter.charCodeAt(0)] = at; });

function codesOf(text) {
  const codes = [];
  let code = 0;
  let weight = 1; // no shifts: they end at 32 bits
  for (let at = 0; at < text.length; at += 1) {
    const digit = DIGIT[text.charCodeAt(at)];
    code += (digit & 31) * weight;
    weight *= 32;
    if (digit < 32) {
      codes.push(code);
      code = 0;
      weight = 1;
    }
  }
  return codes;
}

function numbersOf(packed, known) {
  const codes = codesOf(packed.numbers);
  const scale = 10 ** (packed.digits || 0);
  const pace = packed.repeats ? 2 : 1;
  const values = [];
  let last = 0;
  for (let at = 0; at < codes.length; at += pace) {
    const code = codes[at];
    const step = code % 2 ? (code - 1) / 2 : -code / 2;
    for (let more = packed.repeats ? codes[at + 1] : 0; more >= 0; more -= 1) {
      if (code === 0) {
        values.push(null);
        continue;
      }
      const expected = packed.from === "before" ? last : packed.from === "known" ? Math.floor((known[values.length] || 0) * scale + 0.5) : 0;
      last = expected + step;
      values.push(last / scale);
    }
  }
  return values;
}

function textsOf(packed) {
  const more = unpack(packed.more);
  let last = "";
  let start = 0;
  return unpack(packed.same).map((same, row) => {
    last = last.slice(0, same) + packed.text.slice(start, start + more[row]);
    start += more[row];
    return last;
  });
}

function unpack(packed, known) {
  if (Array.isArray(packed)) return packed;
  if ("text" in packed) return textsOf(packed);
  if (!("of" in packed)) return numbersOf(packed, known);
  const texts = unpack(packed.of);
  return unpack(packed.at).map((at) => texts[at]);
}

function each(table, change) {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, change(value, name)]));
}

function unpackTable(columns) {
  return each(columns, (column) => unpack(column));
}

// A year's rows are known by everybody of the place, and by what its first row said the year before.
function unpackYear(columns, people, before) {
  const place = unpack(columns.place);
  const first = new Map();
  if (before) before.place.forEach((at, row) => { if (!first.has(at)) first.set(at, row); });
  return each(columns, (column, name) => {
    if (name === "place") return place;
    if (name === "people") return unpack(column, place.map((at) => people[at]));
    return unpack(column, before ? place.map((at) => (first.has(at) ? before[name][first.get(at)] : null)) : null);
  });
}

return (packed) => {
  const plan = { ...packed, rows: {} };
  for (const name of ["towns", "places", "marks", "rounds", "visits", "tours", "care", "consortia", "functions", "reserves", "homes", "contracts", "dropped",
    "worth", "worth_years", "worth_clauses", "worth_goals", "worth_spots", "worth_ways", "worth_visits"]) plan[name] = unpackTable(packed[name]);
  // Each year is told by the one before it, and today, which is not one of them, by the first.
  const [first] = packed.years;
  let before = null;
  for (const name of [...packed.years, ...Object.keys(packed.rows).filter((one) => !packed.years.includes(Number(one)))]) {
    before = unpackYear(packed.rows[name], plan.places.people, packed.years.includes(name) ? before : plan.rows[first]);
    plan.rows[name] = before;
  }
  plan.areas = each(packed.areas, (areas) => each(areas, unpackTable));
  return plan;
};
})();
