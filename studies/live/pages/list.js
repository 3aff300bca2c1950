// The studies of the folder, and a new one.
import { bytes, el, fail, get, header, link, percent, post, say, small, token } from "./common.js";

const main = document.getElementById("main");
header("Studies");

const states = {
  running: "running here", elsewhere: "run by another process", finished: "finished", stopped: "stopped: can be resumed", damaged: "damaged",
};
const intro = el("p", { class: "note" });
const body = el("tbody");
const beside = el("button", { type: "button", disabled: true }, "Show two side by side");
const chosen = new Set();

main.append(
  intro,
  el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The studies" },
    el("table", {},
      el("thead", {}, el("tr", {}, ...["Beside", "Study", "Target", "Sources", "State", "What it proves", "Similarity", "To the ceiling"].map((t, i) => el("th", { scope: "col", class: i > 5 || i === 3 ? "n" : "" }, t)))),
      body)),
  el("div", { class: "bar" }, beside));

beside.addEventListener("click", () => {
  location.assign(link("/study", [...chosen].map((s) => ["s", s])));
});

function choose(name, box) {
  if (box.checked) chosen.add(name);
  else chosen.delete(name);
  for (const other of body.querySelectorAll("input")) other.disabled = chosen.size === 2 && !other.checked;
  beside.disabled = chosen.size !== 2;
}

const rows = new Map();

// row returns the row of a study, made when it is first seen.
function row(name) {
  if (rows.has(name)) return rows.get(name);
  const r = { cells: ["", "", "", "", "n", "", "n", "n"].map((c) => el("td", { class: c })) };
  r.cells[0].append(el("input", { type: "checkbox", "aria-label": "show " + name + " beside another", onchange: (e) => choose(name, e.target) }));
  r.cells[1].append(el("a", { href: link("/study", [["s", name]]) }, name));
  r.node = el("tr", {}, r.cells[0], r.cells[1], r.cells[2], r.cells[4], r.cells[3], r.cells[5], r.cells[6], r.cells[7]);
  rows.set(name, r);
  return r;
}

async function refresh() {
  try {
    const list = await get("/api/studies");
    say(intro, (list.studies.length ? "In " + list.dir : "There is no study in " + list.dir + " yet") + (list.whole ? "." : ", as far as was looked: not all folders were."));
    const seen = new Set();
    for (const s of list.studies) {
      const r = row(s.name);
      seen.add(s.name);
      say(r.cells[2], s.target);
      say(r.cells[4], s.sources);
      say(r.cells[3], (states[s.state] || s.state) + (s.error ? ": " + s.error : ""));
      say(r.cells[5], s.headline || "");
      say(r.cells[6], s.achieved === undefined ? "" : percent(s.achieved));
      say(r.cells[7], s.achieved === undefined ? "" : small(Math.max(0, s.ceiling - s.achieved)));
      if (r.node.parentNode !== body) body.append(r.node);
    }
    for (const [name, r] of rows) {
      if (!seen.has(name)) {
        r.node.remove();
        rows.delete(name);
        chosen.delete(name);
      }
    }
  } catch (err) {
    say(intro, err.message);
  }
}
await refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 2000);

// A new study.
if (token) {
  const form = el("details", {}, el("summary", {}, "Start a study"));
  main.append(form);
  form.addEventListener("toggle", () => build(form).catch((err) => fail(form, err)), { once: true });
}

async function build(form) {
  const files = await get("/api/files");
  if (files.length === 0) {
    form.append(el("p", {}, "There are no models in the folder: start mixmatch serve in one that holds them, or begin with mixmatch optimize."));
    return;
  }
  const name = el("input", { type: "text", id: "new-name", required: true });
  const options = (none) => [el("option", { value: "" }, none), ...files.map((f) => option(f.path))];
  const option = (path) => {
    const o = el("option", {}, path);
    o.value = path;
    return o;
  };
  const target = el("select", { id: "new-target" }, options("choose"));
  const base = el("select", { id: "new-base" }, options("none"));
  const style = el("select", { id: "new-style" }, ["", "author", "fewest", "add", "between", "triple"].map((s) => el("option", { value: s }, s || "as the verdict has it")));
  const trials = el("input", { type: "number", id: "new-trials", min: "0", max: "1000000", value: "300" });
  const seed = el("input", { type: "number", id: "new-seed", value: "1" });
  const boxes = files.map((f) => {
    const box = el("input", { type: "checkbox" });
    box.value = f.path;
    return { box, node: el("label", {}, box, f.path + "  (" + bytes(f.size) + ")") };
  });
  const message = el("p", { role: "alert", class: "error" });
  const begin = el("button", { type: "submit" }, "Start");
  const line = (label, input) => el("p", {}, el("label", { for: input.id }, label), " ", input);
  form.append(el("form", {
    onsubmit: async (e) => {
      e.preventDefault();
      say(message, "");
      begin.disabled = true;
      try {
        const q = {
          study: name.value, target: target.value, base: base.value, style: style.value,
          sources: boxes.map((b) => b.box).filter((b) => b.checked && b.value !== target.value).map((b) => b.value),
          trials: Math.round(Number(trials.value)), seed: Math.round(Number(seed.value)),
        };
        const s = await post("/api/start", q);
        location.assign(link("/study", [["s", s.study]]));
      } catch (err) {
        say(message, err.message);
      }
      begin.disabled = false;
    },
  },
  line("Folder for the study", name),
  line("Target: the model whose recipe is wanted", target),
  line("Base: what add difference subtracts", base),
  el("fieldset", {}, el("legend", {}, "Sources: models that it may come from"), el("div", { class: "files", tabindex: "0", role: "group", "aria-label": "Models" }, boxes.map((b) => b.node)),
    el("button", { type: "button", onclick: () => boxes.forEach((b) => { b.box.checked = b.box.value !== target.value; }) }, "All but the target")),
  line("Steps", style), line("Trials for each search", trials), line("Seed", seed),
  el("div", { class: "bar" }, begin), message));
}
