"use strict";
(() => {
  const { say, make, ask, send, sendFile, doing, tell } = allocate;
  const making = document.getElementById("making");

  const create = async (content) => {
    making.textContent = say("data.making");
    try {
      return await send("/api/districts", content);
    } finally {
      making.textContent = "";
    }
  };
  for (const button of document.querySelectorAll("[data-example]")) {
    const name = button.dataset.example;
    button.addEventListener("click", () =>
      doing(button, async () => {
        const made = await create({ name, from: name });
        location.assign(`/models/${encodeURIComponent(made.model)}`);
      }),
    );
  }
  const form = document.getElementById("own");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(form.querySelector("button"), async () => {
      const chosen = form.elements.from.value;
      const excel = document.getElementById("own-excel").checked;
      const made = await create({ name: form.elements.name.value.trim(), from: chosen, excel });
      const files = [...document.getElementById("own-files").files];
      const way = `/data/${encodeURIComponent(made.name)}`;
      if (files.length === 0) return location.assign(way);
      // They wait for an answer on the page of the district, which tells what is wrong in them.
      let upload = "new";
      for (const [n, file] of files.entries()) {
        making.textContent = say("data.sending", { file: file.name, done: n + 1, count: files.length });
        try {
          upload = (await sendFile(`/api${way}/files/${encodeURIComponent(file.name)}?upload=${upload}`, file)).upload;
        } catch (error) {
          if (!(error instanceof allocate.Refused)) throw error;
          tell(error.message, { bad: true });
        }
      }
      return location.assign(upload === "new" ? way : `${way}?upload=${upload}`);
    });
  });

  ask("/api/runs").then(
    ({ runs = [] }) => {
      if (runs.length === 0) return;
      document.getElementById("runs").hidden = false;
      const title = (run) => run.title || [run.verb, run.name || run.model || run.plan].filter(Boolean).join(" ");
      const state = (run) => say(`runs.state_${run.state}`) === `runs.state_${run.state}` ? run.state : say(`runs.state_${run.state}`);
      document.getElementById("runs-list").append(
        ...runs.slice(0, 5).map((run) =>
          make("li", {}, make("a", { href: `/runs/${encodeURIComponent(run.id)}` }, title(run)), " ", make("span", { class: "mark" }, state(run))),
        ),
      );
    },
    () => {},
  );
})();
