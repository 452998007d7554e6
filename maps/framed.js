/* ---- a page that shows the map in a frame: it may ask for a site or a year, and hears what the reader chooses ---- */

// Nobody, until the window around the frame has asked for something; then it, under the name that it bore.
let around = null;

function tellAround(message) {
  if (around) window.parent.postMessage({ allocate: message.site === undefined ? "year" : "site", ...message }, around);
}

function obey(message) {
  if (message.allocate === "year" && plan.years.includes(message.year)) {
    if (message.year !== state.year) chooseYear(message.year, false);
  } else if (message.allocate === "fly" && typeof message.site === "string" && marks.id.includes(message.site)) {
    choose({ mark: marks.id.indexOf(message.site) }, true, false);
  }
}

addEventListener("message", (event) => {
  if (window.parent === window || event.source !== window.parent) return;
  const { data } = event;
  if (data === null || typeof data !== "object" || !["fly", "year"].includes(data.allocate)) return;
  // (A page that is a file has no name that a message could be sent to.)
  around = event.origin === "null" ? null : event.origin;
  document.documentElement.classList.add("framed");
  obey(data);
});
