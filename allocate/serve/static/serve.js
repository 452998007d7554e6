"use strict";
// What every page's script uses: texts, asking the server, telling the planner. Names of data only ever become text.
const allocate = (() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const given = document.getElementById("data");
  const data = given ? JSON.parse(given.textContent) : null;

  // Return a text, its blanks {name} filled in.
  const say = (key, values = {}) =>
    (words[key] ?? key).replace(/\{(\w+)\}/g, (blank, name) => (name in values ? String(values[name]) : blank));

  // Return an element with attributes (on…: what happens; a truth: an attribute that is there or not) and children.
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
    return made;
  };

  // Say something that goes away by itself; what is wrong stays longer.
  const tell = (text, { bad = false } = {}) => {
    const said = make("div", bad ? { class: "bad" } : {}, text);
    document.getElementById("notice").append(said);
    setTimeout(() => said.remove(), bad ? 12000 : 5000);
  };

  // What went wrong: `problems` one by one, where the server lists them; `status` 0 where it does not answer.
  class Refused extends Error {
    constructor(status, content) {
      super(content.error ?? say("no_answer"));
      this.status = status;
      this.problems = content.problems ?? [];
      this.content = content;
    }
  }

  const answered = async (way, options) => {
    let response;
    try {
      response = await fetch(way, { credentials: "same-origin", ...options });
    } catch {
      throw new Refused(0, {});
    }
    const content = await response.json().catch(() => ({}));
    if (!response.ok) throw new Refused(response.status, content);
    return content;
  };
  // While a page waits for what it shows, it says so to whoever hears it; what came is drawn before that ends.
  let asked = 0;
  const isBusy = (more) => {
    asked += more;
    if (asked > 0) document.getElementById("content").setAttribute("aria-busy", "true");
    else document.getElementById("content").removeAttribute("aria-busy");
  };
  const ask = async (way) => {
    isBusy(1);
    try {
      return await answered(way, {});
    } finally {
      setTimeout(() => isBusy(-1));
    }
  };
  const send = (way, content = {}) =>
    answered(way, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });
  const sendFile = (way, file) => answered(way, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: file });

  // Do something for which a button was pressed: once at a time, and what is wrong is told.
  const doing = async (button, work) => {
    if (button.getAttribute("aria-busy") === "true") return undefined;
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell(error.message, { bad: true });
      return undefined;
    } finally {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  };

  const number = new Intl.NumberFormat(document.documentElement.lang);
  const who = document.getElementById("who");
  who?.addEventListener("change", () => {
    document.cookie = `name=${encodeURIComponent(who.value.trim())}; path=/; max-age=31536000; samesite=strict`;
  });

  return { say, make, tell, ask, send, sendFile, doing, Refused, data, number: (value) => number.format(value) };
})();
