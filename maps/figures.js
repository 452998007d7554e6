/* ---- budget, staffing and the reach of functions, by year ---- */

const MONEY = { zh: [1e4, 1], en: [1e6, 2] }; // what money is counted in [yuan], and with how many digits
const MOST_YEARS = 4; // beside one another in the panel

// Never 0 for what is only nearly so.
function money(yuan) {
  const [unit, digits] = MONEY[state.language];
  const least = 10 ** -digits;
  if (yuan > 0 && yuan / unit < least) return `<\u00a0${least}`;
  if (!yuan) return yuan === null ? "–" : "0";
  return (yuan / unit).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// The years that a table has room for: all, or the one that is shown.
function yearsShown() {
  return plan.years.length <= MOST_YEARS ? plan.years : [state.year];
}

function tableByYear(lines, cellOf, ...before) {
  const years = yearsShown();
  const rows = lines.map((line) => {
    const cells = years.map((year) => element("td", year === state.year ? "now" : "", cellOf(line, plan.years.indexOf(year))));
    return element("tr", line.sum ? "sum" : "", cell("th", "row", given(inLanguage(line.name)), line.assumed ? " *" : ""), ...before.map((one) => element("td", "", one(line))), ...cells);
  });
  const table = tableOf([say("by_year"), ...before.map(() => say("side_today")), ...years.map(String)], rows);
  table.classList.add("staff");
  return table;
}

function budgetDetails() {
  if (!plan.budget.length) return null;
  const table = tableByYear(plan.budget, (line, at) => money(line.yuan[at]));
  const basis = element("p", "note", say("budget_note"), " ", ...sentence("budget_basis", { basis: basisWord(plan.cost_basis) }));
  return foldedPart("budget", say("budget", { total: money(plan.budget[plan.budget.length - 1].yuan.reduce((sum, yuan) => sum + (yuan || 0), 0)) }), table, basis);
}

function staffingDetails() {
  if (!plan.staffing.length) return null;
  const table = tableByYear(plan.staffing, (line, at) => number(line.numbers[at], 1), (line) => (line.today === null ? say("today_number_unknown") : number(line.today, 1)));
  const assumed = plan.staffing.some((line) => line.assumed) ? [element("p", "note", say("card_staff_assumed"))] : [];
  return foldedPart("staffing", say("staffing"), table, ...assumed);
}

// The clause that a rule stands for, else its own name.
function clauseOf(rule) {
  const found = plan.clauses.find((one) => one.rule === rule);
  return (found && found.clause) || rule;
}

// Who lives near enough to a function, such as ambulances, as each clause has it.
function nearIn(scope) {
  return plan.near.flatMap((one) => {
    const found = (one.by[state.year] || {})[scope];
    return found ? [[inLanguage(one.name), clauseOf(one.rule), ...found]] : [];
  });
}

const nearWords = (name, about, people, covered) => sentence("near_line", { name: given(name), clause: given(about), share: percent(covered, people), covered: number(covered), people: number(people) });

function nearFacts() {
  const lines = nearIn("").map((found) => element("p", "", ...nearWords(...found)));
  return lines.length ? element("div", "facts", element("h2", "", say("near")), ...lines) : null;
}

function nearLines(town) {
  const found = nearIn(String(town));
  return found.length ? [["near", ...found.map((one) => element("div", "", ...nearWords(...one)))]] : [];
}

// By town, those who reach it least first.
function nearDetails() {
  const parts = plan.near.flatMap((one) => {
    const by = Object.entries(one.by[state.year] || {}).filter(([town]) => town !== "");
    if (!by.length) return [];
    const share = ([people, covered]) => (people ? covered / people : 2);
    const rows = by.sort(([, first], [, second]) => share(first) - share(second)).map(([town, [people, covered]]) => {
      const named = cell("td", "", openLink({ town: Number(town) }));
      named.className = "name";
      return element("tr", "", named, cell("td", "", number(people)), cell("td", "", number(covered)), cell("td", "", percent(covered, people)));
    });
    return [element("h3", "", given(inLanguage(one.name)), given(inBrackets(clauseOf(one.rule)))), tableOf([say("town"), say("people"), say("near_covered"), say("share")], rows)];
  });
  return parts.length ? foldedPart("near", say("near_by_town", { year: state.year }), ...parts) : null;
}

EXTRAS.facts.push(nearFacts);
EXTRAS.details.push(nearDetails, budgetDetails, staffingDetails);

