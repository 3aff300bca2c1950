// The mixing desk: a slider for each step and block.
import { el, fail, get, header, link, percent, post, say, small, token } from "./common.js";
import { look, unpack } from "./deskmath.js";
import { State } from "./deskstate.js";
import { table } from "./desktable.js";
import { dialogs } from "./deskdo.js";

const main = document.getElementById("main");
const params = new URLSearchParams(location.search);
const name = params.get("s") || ".";
const of = params.get("recipe") || "";
header("Mixing desk: " + name);
open().catch((err) => fail(main, err));

async function open() {
  const desk = await get("/api/desk", of ? { s: name, recipe: of } : { s: name });
  for (const b of desk.blocks) b.full = unpack(b.p, desk.names.length + 1);
  const state = new State(desk);
  const looks = [];
  const said = el("p", { role: "status" });
  const tell = (text) => say(said, text);

  const totals = el("tbody");
  const groups = [...new Set(desk.blocks.map((b) => b.group))].map((g) => {
    const cells = [0, 1, 2, 3].map(() => el("td", { class: "n" }));
    totals.append(el("tr", {}, el("th", { scope: "row" }, g), ...cells));
    return { of: desk.blocks.flatMap((b, i) => (b.group === g ? [i] : [])), cells };
  });

  // compute brings the numbers of some blocks up to date, and what stands above them.
  function compute(blocks) {
    for (const b of blocks) {
      looks[b] = look(desk.blocks[b], state.weights(b), desk.models);
      view.numbers(b, looks[b]);
    }
    for (const g of groups) {
      if (!blocks.some((b) => g.of.includes(b))) continue;
      const mean = (f) => g.of.reduce((sum, b) => sum + f(b), 0) / g.of.length;
      const whole = g.of.every((b) => looks[b]);
      say(g.cells[0], whole ? percent(mean((b) => looks[b].cosine)) : "");
      say(g.cells[1], percent(mean((b) => desk.blocks[b].ceiling.cosine)));
      say(g.cells[2], whole ? small(mean((b) => looks[b].below)) : "");
      say(g.cells[3], whole && looks[g.of[0]].explained !== null ? percent(mean((b) => looks[b].explained), 2) : "");
    }
  }
  const all = desk.blocks.map((_, b) => b);
  function redraw() {
    for (const b of all) view.row(b);
    compute(all);
    buttons();
  }

  const acts = {
    move(b, k, v, gesture) {
      const moved = state.move(b, k, v, gesture);
      if (!moved.length) {
        view.row(b);
        tell(desk.blocks[b].name + " is locked here: press L to unlock it");
        return;
      }
      for (const i of moved) view.value(i, k);
      compute(moved);
      buttons();
    },
    toggle(what, places) {
      const on = state.toggle(what, places);
      for (const b of new Set(places.map(([b]) => b))) view.row(b);
      compute(all);
      buttons();
      tell((what === "lock" ? (on ? "Locked" : "Unlocked") : on ? "Muted" : "Heard again") + (places.length > 1 ? ": " + places.length + " sliders" : ""));
    },
    tie(b, t) {
      state.tie(b, t);
      buttons();
    },
    undo() {
      if (state.undo()) { redraw(); tell("Undone"); }
    },
    redo() {
      if (state.redo()) { redraw(); tell("Done again"); }
    },
    async best() {
      if (best.disabled) return;
      best.disabled = true;
      tell("Solving");
      try {
        const r = await post("/api/best", { study: name, recipe: of, columns: state.columns(), free: state.free(), ties: state.now.tie });
        state.take(r.columns);
        redraw();
        tell("The free sliders stand where they come closest");
      } catch (err) {
        tell(err.message);
      }
      best.disabled = !token;
    },
    end() { state.gesture = null; },
  };

  const view = table(desk, state, acts);
  const button = (text, onclick, attrs = {}) => el("button", { type: "button", onclick, ...attrs }, text);
  const undo = button("Undo", acts.undo);
  const redo = button("Redo", acts.redo);
  const best = button("Best for the rest", acts.best, { disabled: !token });
  const buttons = () => {
    undo.disabled = !state.past.length;
    redo.disabled = !state.future.length;
  };
  const numbers = [...new Set(desk.blocks.map((b) => b.group))];
  const ties = { "no blocks": () => 0, "the blocks of each group": (b) => numbers.indexOf(b.group) + 1, "all blocks": () => 1 };
  const tieing = el("select", {
    id: "tie-all",
    onchange: () => {
      if (!ties[tieing.value]) return;
      state.tieAll(ties[tieing.value]);
      redraw();
      tell("Tied: " + tieing.value);
      tieing.value = "";
    },
  }, el("option", { value: "" }, "choose"), Object.keys(ties).map((t) => el("option", { value: t }, t)));

  const from = el("select", { id: "recipe", onchange: () => location.assign(link("/desk", from.value ? [["s", name], ["recipe", from.value]] : [["s", name]])) },
    el("option", { value: "" }, "the study's"), desk.saved.map((s) => { const o = el("option", {}, s); o.value = s; return o; }));
  from.value = of;

  main.append(
    el("p", { class: "note" }, "Target ", desk.target, ". The sliders began at ", desk.of, ". ", el("a", { href: link("/study", [["s", name]]) }, "The study")),
    el("ul", { class: "note" }, desk.notes.map((n) => el("li", {}, n))),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Means" }, el("table", {}, el("thead", {}, el("tr", {}, ...["Mean of", "Similarity", "Ceiling", "To the ceiling", "Explained"].map((t, i) => el("th", { scope: "col", class: i ? "n" : "" }, t)))), totals)),
    el("div", { class: "bar", role: "toolbar", "aria-label": "Desk" }, undo, redo, best, button("Back to the beginning", () => { state.reset(); redraw(); tell("All sliders stand where they began"); }),
      el("label", { for: "tie-all" }, "Tie"), tieing, ...dialogs({ desk, state, name, of, tell }), el("label", { for: "recipe" }, "Recipe"), from),
    said, view.panel, view.node,
    el("details", { open: true }, el("summary", {}, "Keys"), el("p", {},
      key("←"), " ", key("→"), " move a slider by 0.01, with ", key("Shift"), " by 0.001, ", key("Page Up"), " and ", key("Page Down"), " by 0.1; ", key("Home"), " and ", key("End"), " go to its ends; ",
      key("↑"), " ", key("↓"), " go to the next block, ", key("Tab"), " to the next step; ", key("Enter"), " types a number; ",
      key("L"), " locks, ", key("M"), " mutes a step (its ratio counts as 0); ", key("B"), " solves the free ones; ", key("Ctrl"), "+", key("Z"), " and ", key("Ctrl"), "+", key("Y"), " undo and redo. Blocks with one number under Tie move together.")));
  redraw();
  document.addEventListener("keydown", (e) => {
    const typing = e.target.matches("input:not([type=range]), textarea, dialog *");
    const letter = e.key.toLowerCase();
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !typing && (letter === "z" || letter === "y")) {
      e.preventDefault();
      if (letter === "y" || e.shiftKey) acts.redo();
      else acts.undo();
    }
  });
}

const key = (k) => el("kbd", {}, k);
