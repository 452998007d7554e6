"use strict";
// Shows one language at a time, and sorts tables by a column. Without it both languages stand there, one after another.
{
  const articles = [...document.querySelectorAll("article")];
  const button = document.getElementById("language");

  const show = (lang) => {
    for (const article of articles) article.hidden = article.lang !== lang;
    const shown = articles.find((article) => !article.hidden);
    const other = articles.find((article) => article.hidden);
    document.documentElement.lang = lang;
    document.title = shown.querySelector("h1").textContent;
    button.textContent = other.dataset.name;
    button.lang = other.lang;
    button.onclick = () => show(other.lang);
  };

  // (Not a number: what nobody knows, and it stays last either way.)
  const numberOf = (text) => {
    const found = text.replace(/[,\s]/g, "").replace("−", "-").match(/-?\d+(?:\.\d+)?/);
    return found ? Number(found[0]) : null;
  };
  const textOf = (row, at) => row.cells[at].textContent.trim();

  const sort = (head, at, isNumber) => {
    const table = head.closest("table");
    const down = head.getAttribute("aria-sort") === (isNumber ? "descending" : "ascending");
    const sign = isNumber === down ? 1 : -1;
    const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains("strong"));
    const sums = [...table.tBodies[0].rows].filter((row) => row.classList.contains("strong"));
    rows.sort((one, other) => {
      const [a, b] = [textOf(one, at), textOf(other, at)];
      if (!isNumber) return sign * a.localeCompare(b, document.documentElement.lang);
      const [x, y] = [numberOf(a), numberOf(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (x - y);
    });
    table.tBodies[0].append(...rows, ...sums);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  };

  for (const table of document.querySelectorAll("table.sorted")) {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = head.textContent;
      head.replaceChildren(press);
      press.addEventListener("click", () => sort(head, at, head.classList.contains("number")));
    });
  }

  button.hidden = false;
  show(document.querySelector("main").dataset.open);
  document.documentElement.dataset.ready = "yes";
}
