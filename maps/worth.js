/* ---- what a site is worth: the words of its card ---- */

const worthRows = new Map(plan.worth.mark.map((mark, row) => [mark, row]));
const FIRST_NAMES = 5; // of a list of names

// The rows of a table that hang on a row of another.
function hanging(table, row) {
  return plan[table].row.flatMap((of, at) => (of === row ? [at] : []));
}

const cardWord = (key, values) => say(`site_card_${key}`, values);
const saidWord = (key) => say(`said_${key}`);

// As a card lists a figure of every year: one that stays as it is is told once.
function byYears(pairs, unit) {
  const told = pairs.map(([year, value]) => [year, cardWord(`count_${unit}`, { count: number(value) })]);
  if (told.length === plan.years.length && told.length > 1 && told.every(([, text]) => text === told[0][1])) return cardWord("every_year", { value: told[0][1] });
  const last = Math.max(...told.map(([year]) => year));
  const after = plan.years.find((year) => year > last);
  if (after !== undefined) told.push([after, cardWord("no_longer")]);
  const kept = told.filter(([, text], at) => !at || text !== told[at - 1][1]);
  return kept.map(([year, value]) => cardWord("in_year", { year, value })).join(saidWord("semicolon"));
}

function costChange(cost) {
  return cost ? cardWord(cost > 0 ? "cost_more" : "cost_less", { cost: number(Math.abs(cost)) }) : cardWord("cost_same");
}

function goalLines(row, spot) {
  const { goal, how, shown } = plan.worth_goals;
  return hanging("worth_goals", row).filter((at) => plan.worth_goals.spot[at] === spot).map((at) => {
    const [name, unit] = plan.goals[goal[at]];
    const figure = shown[at].replace("+", "");
    const text = cardWord(how[at], { hours: figure || cardWord("under_one"), more: figure, unit: inLanguage(unit) });
    return [inLanguage(name), text + (shown[at].endsWith("+") ? cardWord("with_unserved") : "")];
  });
}

const spotName = (at) => cardWord("named", { name: plan.worth_spots.name[at] + plan.worth_spots.ending[at], town: plan.worth_spots.town[at] });

function fewNames(names) {
  const shown = names.slice(0, FIRST_NAMES).join(saidWord("comma"));
  return names.length <= FIRST_NAMES ? shown : cardWord("and_more", { names: shown, count: names.length });
}

function withoutPart(row) {
  const { hindrance, cost, spare } = plan.worth;
  if (hindrance[row]) return [element("p", "", cardWord(`hindrance_${hindrance[row]}`))];
  const goals = goalLines(row, -1);
  const worse = hanging("worth_goals", row).filter((at) => plan.worth_goals.spot[at] === -1 && plan.worth_goals.how[at].endsWith("worse"));
  const names = worse.map((at) => inLanguage(plan.goals[plan.worth_goals.goal[at]][0])).join(saidWord("comma"));
  const years = hanging("worth_years", row).map((at) => [plan.worth_years.year[at], plan.worth_years.fewer[at]]);
  const clauses = [...new Set(clausesOfWorth(row).map(([name]) => name))].join(saidWord("comma"));
  return [spare[row] ? element("p", "", cardWord(worse.length ? "spare" : "spare_for_all", { goals: names })) : null,
    worthLines([
      [cardWord("label_unserved"), byYears(years, "fewer")],
      [cardWord("label_cost_change"), costChange(cost[row])],
      ...goals,
      [cardWord("label_missed"), clauses || cardWord("none_missed")],
    ]), element("p", "note", cardWord("one_change"))];
}

function worthLines(pairs) {
  return lines(pairs.map(([label, text]) => [element("span", "", given(label)), given(text)]));
}

// Clauses by their number, with what they say; rules of no document have a name alone.
function clausesOfWorth(row) {
  return hanging("worth_clauses", row).map((at) => {
    const rule = plan.worth_clauses.rule[at];
    const clause = plan.clauses.find((one) => one.rule === rule);
    return [(clause && clause.clause) || rule, clause ? inLanguage(clause.says) || inLanguage(clause.indicator) : ""];
  });
}

function spotItem(row, at) {
  const { lon, lat, cost, fewer, year } = plan.worth_spots;
  const said = [cardWord("cost_of", { more: costChange(cost[at]) }), ...goalLines(row, at).map(([name, text]) => `${name} ${text}`)];
  if (fewer[at]) said.push(cardWord(fewer[at] > 0 ? "fewer" : "more", { year: year[at], people: number(Math.abs(fewer[at])) }));
  const name = lon[at] === null ? element("b", "", given(spotName(at))) : button("link", given(spotName(at)), () => fly([lat[at], lon[at]]));
  return element("li", "", name, " ", given(said.join(saidWord("comma"))));
}

// Shows where something could stand: with a ring that goes when something else is chosen.
function fly(spot) {
  drawChosen();
  L.circleMarker(spot, { renderer: canvas, interactive: false, radius: 13, color: "#a8005c", weight: 3, dashArray: "5 4", fill: false }).addTo(layers.chosen);
  map.setView(spot, Math.max(map.getZoom(), wholeZoom + LINK_STEPS), { animate: false });
  stack();
  uncover(spot, document.getElementById("card"));
}

function othersPart(row) {
  const tried = plan.worth.tried[row];
  const spots = hanging("worth_spots", row);
  if (!spots.length) return [element("p", "", cardWord(plan.worth.why_none[row], { tried: number(tried) }))];
  return [element("ol", "spots", ...spots.map((at) => spotItem(row, at))), element("p", "note", cardWord("others_tried", { tried: number(tried) }))];
}

// Whom a site serves in the last of its years, the most people first: place and people.
function lastServed(mark) {
  const year = [...plan.years].reverse().find((one) => (indexOf(one).ofMark.get(mark) || []).length);
  if (year === undefined) return [];
  const { rows, ofMark } = indexOf(year);
  return ofMark.get(mark).filter((row) => STATUSES[rows.status[row]] === "served").map((row) => [rows.place[row], rows.people[row]])
    .sort(([, one], [, other]) => other - one);
}

function peopleBy(pairs) {
  return pairs.filter(([, people]) => people).map(([by, people]) => cardWord("people_by", { by, people: number(people) })).join(saidWord("comma"));
}

function basisPart(mark, row) {
  const served = lastServed(mark);
  const byBasis = plan.bases.map((code, basis) => [say(`basis_${code}`),
    served.reduce((sum, [place, people]) => sum + (places.people_basis[place] === basis ? people : 0), 0)]);
  const ways = hanging("worth_ways", row).map((at) => [sayCode("way_by", plan.worth_ways.how[at]), plan.worth_ways.people[at]]);
  return worthLines([
    [cardWord("label_basis_position"), basisWord(marks.basis[mark])],
    ...(served.length ? [[cardWord("label_basis_people"), peopleBy(byBasis)]] : []),
    ...(ways.length ? [[cardWord("label_basis_times"), peopleBy(ways)]] : []),
  ]);
}

function visitWord(mark, row, at) {
  const { point, place, minutes, how } = plan.worth_visits;
  const soft = () => lastServed(mark).filter(([one]) => isHollow(places.people_basis[one])).map(([one]) => places.name[one]);
  const values = {
    visit_position: () => ({ basis: basisWord(marks.basis[mark]) }),
    visit_people: () => ({ names: fewNames(soft()) }),
    visit_others: () => ({ names: fewNames(hanging("worth_spots", row).map(spotName)) }),
    visit_way: () => ({ name: places.name[place[at]], minutes: minutes[at].toFixed(1), way: how[at] ? cardWord("by_way", { way: sayCode("way_by", how[at]) }) : "" }),
  }[point[at]];
  return cardWord(point[at], values ? values() : {});
}

function nearestLine(row) {
  const { longer, others } = plan.worth;
  const years = hanging("worth_years", row);
  const last = Math.max(...years.map((at) => plan.worth_years.year[at]));
  const nearest = worthLines([[cardWord("label_nearest"), byYears(years.map((at) => [plan.worth_years.year[at], plan.worth_years.nearest[at]]), "people")]]);
  if (longer[row] === null) return [nearest];
  return [nearest, element("p", "", cardWord("longer", { year: last, people: number(others[row]), minutes: longer[row].toFixed(1) }))];
}

function worthParts(mark) {
  const row = worthRows.get(mark);
  if (row === undefined) return [];
  const head = (name) => element("h4", "", cardWord(`part_${name}`));
  const drawn = plan.worth.draws[row];
  const clauses = clausesOfWorth(row);
  const seen = new Map(clauses.map(([name, says]) => [`${name} ${says}`, [name, says]]));
  const visits = hanging("worth_visits", row);
  return [foldedPart("worth", say("card_worth"), ...nearestLine(row),
    head("without"), ...withoutPart(row).filter(Boolean),
    ...(plan.worth.hindrance[row] ? [] : [head("others"), ...othersPart(row)]),
    ...(drawn === null || !plan.draws ? [] : [head("draws"), element("p", "", cardWord("draws", { draws: number(drawn), count: number(plan.draws.count), year: plan.years[plan.years.length - 1] }))]),
    ...(seen.size ? [head("clauses"), worthLines([...seen.values()])] : []),
    head("basis"), basisPart(mark, row),
    ...(visits.length ? [head("visit"), element("ul", "", ...visits.map((at) => element("li", "", given(visitWord(mark, row, at)))))] : []))];
}

