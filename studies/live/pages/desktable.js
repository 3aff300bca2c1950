// The table of sliders, its keys, and the panel of the slider that was chosen last.
import { el, percent, say, small } from "./common.js";

const mostTies = 8;

// table makes the table of a desk. acts are told what is done in it.
export function table(desk, state, acts) {
  const n = desk.ratios.length;
  const greek = (k) => (desk.steps[desk.ratios[k].step].at === k ? "α" : "β");
  const title = (k) => "step " + (desk.ratios[k].step + 1) + " " + greek(k) + ", " + desk.ratios[k].text;
  const body = el("tbody");
  const rows = desk.blocks.map((block, b) => {
    const numbers = [0, 1, 2].map(() => el("td", { class: "n" }));
    const tie = el("select", { "aria-label": "tie of " + block.name, tabindex: "-1", onchange: () => acts.tie(b, Number(tie.value)) },
      [...Array(mostTies + 1).keys()].map((i) => el("option", { value: i }, i || "-")));
    const sliders = desk.ratios.map((r, k) => {
      const input = el("input", { type: "range", min: r.lo, max: r.hi, step: "any", tabindex: "-1", "aria-label": block.name + ", " + title(k) });
      input.place = [b, k];
      const text = el("span", { "aria-hidden": "true" });
      return { input, text, cell: el("td", { class: "s" }, input, text) };
    });
    const node = el("tr", {}, el("th", { scope: "row", class: "block" }, block.name), el("td", {}, tie), ...numbers, sliders.map((s) => s.cell));
    body.append(node);
    return { numbers, tie, sliders };
  });
  const head = ["Block", "Tie", "Similarity", "To the ceiling", "Explained"];
  const node = el("div", { class: "desk" }, el("table", {},
    el("colgroup", {}, el("col", { class: "block" }), el("col", { class: "tie" }), el("col", { class: "n" }), el("col", { class: "n" }), el("col", { class: "n" }), desk.ratios.map(() => el("col", { class: "slider" }))),
    el("thead", {}, el("tr", {}, head.map((t, i) => el("th", { scope: "col", class: i === 0 ? "block" : i > 1 ? "n" : "" }, t)),
      desk.ratios.map((r, k) => el("th", { scope: "col", title: desk.steps[r.step].text }, r.step + 1 + greek(k) + " " + r.text)))),
    body));
  node.firstChild.style.width = 5 + 4.5 + 21 + 8.5 * n + "rem";

  // One row takes part in the order of Tab at a time; the arrows choose which.
  let at = [0, 0];
  function rove(b, k) {
    const was = rows[at[0]];
    was.tie.tabIndex = -1;
    for (const s of was.sliders) s.input.tabIndex = -1;
    was.sliders[at[1]].cell.classList.remove("chosen");
    at = [b, k];
    rows[b].tie.tabIndex = 0;
    for (const s of rows[b].sliders) s.input.tabIndex = 0;
    rows[b].sliders[k].cell.classList.add("chosen");
    choose();
  }

  const which = el("label", { for: "chosen-number" });
  const number = el("input", { type: "number", id: "chosen-number", step: "any" });
  const lock = el("button", { type: "button", onclick: () => acts.toggle("lock", [at]) }, "Lock");
  const mute = el("button", { type: "button", onclick: () => acts.toggle("mute", [at]) }, "Mute");
  const column = () => rows.map((_, b) => [b, at[1]]);
  const row = () => desk.ratios.map((_, k) => [at[0], k]);
  const formula = el("p", { class: "note" });
  const panel = el("div", { class: "chosen-panel", role: "group", "aria-label": "The slider chosen" }, el("div", { class: "bar" }, which, number, lock, mute,
    el("button", { type: "button", onclick: () => acts.toggle("lock", row()) }, "Lock the block"),
    el("button", { type: "button", onclick: () => acts.toggle("lock", column()) }, "Lock the step"),
    el("button", { type: "button", onclick: () => acts.toggle("mute", column()) }, "Mute the step")), formula);

  function choose() {
    const [b, k] = at;
    say(which, desk.blocks[b].name + ", " + title(k));
    say(formula, desk.steps[desk.ratios[k].step].text);
    if (document.activeElement !== number) number.value = state.now.x[b][k];
    lock.setAttribute("aria-pressed", Boolean(state.now.lock[b][k]));
    mute.setAttribute("aria-pressed", Boolean(state.now.mute[b][k]));
  }

  function typed() {
    const v = Number(number.value);
    if (number.value === "" || !Number.isFinite(v) || Math.abs(v) > 1e6) {
      number.value = state.now.x[at[0]][at[1]];
      return;
    }
    acts.move(at[0], at[1], v);
    acts.end();
  }
  number.addEventListener("change", typed);
  number.addEventListener("keydown", (e) => {
    if (e.key === "Enter") typed();
    if (e.key === "Enter" || e.key === "Escape") {
      e.preventDefault();
      rows[at[0]].sliders[at[1]].input.focus();
    }
  });

  node.addEventListener("focusin", (e) => { if (e.target.place) rove(...e.target.place); });
  node.addEventListener("input", (e) => {
    const p = e.target.place;
    if (p) acts.move(...p, Number(e.target.value), "drag " + p);
  });
  node.addEventListener("change", (e) => { if (e.target.place) acts.end(); });
  node.addEventListener("keydown", (e) => {
    const p = e.target.place;
    if (!p || e.ctrlKey || e.metaKey || e.altKey) return;
    const [b, k] = p;
    const by = (d) => {
      const v = Math.round((state.now.x[b][k] + d) * 1e6) / 1e6;
      acts.move(b, k, Math.min(Math.max(v, Number(e.target.min)), Number(e.target.max)), "key " + p);
    };
    const go = (to) => rows[Math.min(Math.max(to, 0), rows.length - 1)].sliders[k].input.focus();
    const keys = {
      ArrowLeft: () => by(e.shiftKey ? -0.001 : -0.01),
      ArrowRight: () => by(e.shiftKey ? 0.001 : 0.01),
      PageDown: () => by(-0.1),
      PageUp: () => by(0.1),
      Home: () => acts.move(b, k, Number(e.target.min), "key " + p),
      End: () => acts.move(b, k, Number(e.target.max), "key " + p),
      ArrowUp: () => go(b - 1),
      ArrowDown: () => go(b + 1),
      Enter: () => { number.focus(); number.select(); },
      l: () => acts.toggle("lock", [p]),
      m: () => acts.toggle("mute", [p]),
      b: () => acts.best(),
    };
    const act = keys[e.key] || keys[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
  });
  // A move by keys ends where the slider is left, so that the way back is not as many
  // steps as strokes.
  node.addEventListener("focusout", () => acts.end());

  function value(b, k) {
    const s = rows[b].sliders[k];
    const v = state.now.x[b][k];
    const locked = state.now.lock[b][k], muted = state.now.mute[b][k];
    if (v < Number(s.input.min)) s.input.min = Math.floor(v);
    if (v > Number(s.input.max)) s.input.max = Math.ceil(v);
    if (Number(s.input.value) !== v) s.input.value = v;
    const text = v.toFixed(4);
    say(s.text, text);
    s.input.setAttribute("aria-valuetext", text + (locked ? ", locked" : "") + (muted ? ", muted" : ""));
    if (b === at[0] && k === at[1]) choose();
  }

  const view = {
    node, panel, value,
    // row shows all of a row but its numbers.
    row(b) {
      rows[b].tie.value = state.now.tie[b];
      rows[b].sliders.forEach((s, k) => {
        value(b, k);
        s.cell.classList.toggle("locked", Boolean(state.now.lock[b][k]));
        s.cell.classList.toggle("muted", Boolean(state.now.mute[b][k]));
        if (state.now.lock[b][k]) s.input.setAttribute("aria-readonly", "true");
        else s.input.removeAttribute("aria-readonly");
      });
    },
    // numbers shows what a block comes to: nothing where a source lacks its tensors.
    numbers(b, l) {
      const [cosine, below, explained] = rows[b].numbers;
      say(cosine, l ? percent(l.cosine) : "no such tensors");
      say(below, l ? small(l.below) : "");
      say(explained, l && l.explained !== null ? percent(l.explained, 2) : "");
    },
  };
  rove(0, 0);
  return view;
}
