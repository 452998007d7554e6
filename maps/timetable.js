"use strict";
// Shows only the pages that are asked for: only they are printed. Without it all of them stand there.
{
  const tools = document.querySelector(".tools");
  const [year, kind, find] = ["year", "kind", "find"].map((name) => document.getElementById(name));
  const pages = [...document.querySelectorAll(".page")];

  const show = () => {
    const sought = find.value.trim().toLowerCase();
    let last = null;
    for (const page of pages) {
      page.hidden = (year.value !== "" && page.dataset.year !== year.value)
        || (kind.value !== "" && page.dataset.kind !== kind.value)
        || !page.textContent.toLowerCase().includes(sought);
      page.classList.remove("last");
      last = page.hidden ? last : page;
    }
    last?.classList.add("last");
  };

  for (const control of [year, kind, find]) control.addEventListener("input", show);
  document.getElementById("print").addEventListener("click", () => window.print());
  tools.hidden = false;
  show();
  document.documentElement.dataset.ready = "yes";
}
