"use strict";
// The tables of several districts planned together.
(() => {
  const place = document.getElementById("joint-tables");
  for (const content of allocate.data.tables) {
    const made = planTables.table(content);
    place.append(allocate.make("section", {}, allocate.make("h2", {}, content.title), made.element));
  }
  document.documentElement.dataset.ready = "yes";
})();
