// One study, or two side by side, as they run.
import { bytes, copier, el, fail, get, header, link, percent, post, say, seconds, small, token } from "./common.js";

const main = document.getElementById("main");
const names = new URLSearchParams(location.search).getAll("s").slice(0, 2);
header(names.join(" beside ") || "No study");
const sides = el("div", { class: "sides" });
main.append(sides);
for (const name of names) mount(name).catch((err) => fail(main, err));

const svg = (tag, attrs) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs)) node.setAttribute(k, v);
  return node;
};

// A way is the picture of a search: how far its best is from the ceiling, by trials,
// each power of ten as high as the next.
function wayOf(name) {
  const line = svg("polyline", {});
  const node = svg("svg", { class: "way", viewBox: "0 0 130 22", role: "img" });
  node.append(svg("line", { x1: 0, y1: 21.5, x2: 130, y2: 21.5 }), line);
  return {
    node,
    draw(points, trials, floor) {
      const y = (v) => {
        const d = Math.log10(Math.max(v - floor, 1e-12));
        return (20 * -Math.min(0, d)) / 12 + 1;
      };
      let text = "";
      let last = 0;
      points.forEach(([n, v], i) => {
        const x = (128 * n) / Math.max(1, trials - 1) + 1;
        if (i > 0) text += x + "," + last + " ";
        last = y(v);
        text += x + "," + last + " ";
      });
      if (points.length) text += "129," + last;
      line.setAttribute("points", text);
      node.setAttribute("aria-label", name + ": " + (points.length ? "from " + small(Math.max(0, points[0][1] - floor)) + " to " + small(Math.max(0, points[points.length - 1][1] - floor)) + " below the ceiling" : "no trial yet"));
    },
  };
}

async function mount(name) {
  const side = el("section", { "aria-label": name });
  sides.append(side);
  const state = el("p", { role: "status" });
  const counts = el("p", { class: "note" }); // no status: it changes five times a second
  const bar = el("progress", { hidden: true, "aria-label": "how far the study " + name + " is" });
  const error = el("p", { class: "error", role: "alert" });
  const notes = el("ul", { class: "note" });
  const resume = el("button", { type: "button", hidden: true, onclick: act("/api/resume") }, "Resume");
  const stop = el("button", { type: "button", hidden: true, onclick: act("/api/stop") }, "Stop");
  const rows = el("tbody");
  const result = el("div");
  const heading = el("h2", {}, name);
  side.append(heading, state, counts, bar, error,
    el("div", { class: "bar" }, resume, stop, el("a", { href: link("/desk", [["s", name]]) }, "Mixing desk")), notes,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The searches of " + name },
      el("table", {}, el("thead", {}, el("tr", {}, ...["Search", "Trials", "Trials/s", "Best so far", "To the ceiling", "Way"].map((t, i) => el("th", { scope: "col", class: i && i < 5 ? "n" : "" }, t)))), rows)),
    result);

  function act(path) {
    return async (e) => {
      const button = e.currentTarget;
      button.disabled = true;
      say(error, "");
      try {
        await post(path, { study: name });
      } catch (err) {
        say(error, err.message);
        button.disabled = false;
      }
    };
  }

  let page = null;
  const searches = new Map();
  let loading = null;

  // load gets what does not move: the ceilings once they are known, the result when
  // it is there.
  function load() {
    loading ??= (async () => {
      try {
        page = await get("/api/study", { s: name });
        say(heading, name + ": " + page.plan.target.name + " from " + page.plan.sources.length + " sources");
        show(page);
        sort();
        for (const s of searches.values()) draw(s);
      } catch (err) {
        say(error, err.message);
      }
      loading = null;
    })();
    return loading;
  }

  function search(n) {
    if (searches.has(n)) return searches.get(n);
    const s = { name: n, points: [], trials: 0, best: 1, rate: 0, way: wayOf(n), cells: [1, 2, 3, 4].map(() => el("td", { class: "n" })) };
    s.node = el("tr", {}, el("th", { scope: "row" }, n), ...s.cells, el("td", {}, s.way.node));
    searches.set(n, s);
    rows.append(s.node);
    sort();
    return s;
  }

  // sort puts the searches in the order of the blocks, those of groups first.
  function sort() {
    if (!page || !page.blocks.length) return;
    const at = (s) => page.blocks.indexOf(s.name);
    const order = [...searches.values()].sort((a, b) => at(a) - at(b));
    order.forEach((s, i) => { if (rows.children[i] !== s.node) rows.insertBefore(s.node, rows.children[i] || null); });
  }

  function draw(s) {
    const c = page && page.ceilings[s.name];
    say(s.cells[0], s.trials);
    say(s.cells[1], s.rate > 0 ? Math.round(s.rate) : "");
    say(s.cells[2], s.trials ? percent(1 - s.best) : "");
    say(s.cells[3], s.trials && c ? small(Math.max(0, s.best - c.loss)) : "");
    s.way.draw(s.points, s.trials, c ? c.loss : 0);
  }

  function show(p) {
    result.replaceChildren();
    if (p.saved.length) {
      result.append(el("p", {}, "Tuned by hand: ", ...p.saved.flatMap((n, i) => [i ? ", " : "", el("a", { href: link("/desk", [["s", name], ["recipe", n]]) }, n)])));
    }
    if (!p.summary) return;
    result.append(
      el("h3", {}, "What it proves"), el("p", {}, p.headline),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The result of " + name }, el("table", {}, el("thead", {}, el("tr", {}, ...["Blocks", "Similarity", "Ceiling", "Explained", "Verdict"].map((t, i) => el("th", { scope: "col", class: i && i < 4 ? "n" : "" }, t)))),
        el("tbody", {}, p.summary.groups.map((g) => el("tr", {}, el("th", { scope: "row" }, g.name), el("td", { class: "n" }, percent(g.achieved)), el("td", { class: "n" }, percent(g.ceiling)),
          el("td", { class: "n" }, g.explained === undefined ? "" : percent(g.explained, 2)), el("td", {}, g.verdict)))))),
      el("h3", {}, "Recipe"), el("div", { class: "bar" }, copier(() => p.recipe, "Copy the recipe")), el("pre", { tabindex: "0", "aria-label": "The recipe" }, p.recipe),
      el("details", {}, el("summary", {}, "Everything, in words"), el("pre", { tabindex: "0", "aria-label": "The report" }, p.text)));
  }

  let since;
  function tell(st) {
    resume.hidden = !token || !(st.state === "stopped" || st.state === "finished");
    stop.hidden = !token || st.state !== "running";
    resume.disabled = stop.disabled = false;
    say(resume, st.state === "finished" ? "Make the result anew" : "Resume");
    let text = { running: "Running", elsewhere: "Another process runs it: it can be followed here, and stopped there", finished: "Finished", stopped: "Not finished: nothing is lost, resume goes on where it stopped", damaged: "Damaged" }[st.state] || st.state;
    bar.hidden = st.state !== "running" && !(st.job && st.job.state === "running");
    let done = st.done || 0, total = st.total || 0;
    const more = [];
    if (st.state === "running") {
      const count = (n) => (st.bytes ? bytes(n) : n);
      text += ": " + (st.stage || "beginning");
      if (total > 0) more.push(count(done) + " of " + count(total));
      if (st.rate) more.push((st.bytes ? bytes(st.rate) : Math.round(st.rate)) + "/s");
      if (st.left) more.push(seconds(st.left) + " left");
    } else if (st.job) {
      ({ done = 0, total = 0 } = st.job);
      text += ". " + st.job.what + ": " + (st.job.state === "running" ? st.job.stage || "beginning" : st.job.error || st.job.result || st.job.state);
    }
    if (total > 0) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
    say(state, text);
    say(counts, more.join(", "));
    say(error, st.error || "");
    notes.replaceChildren(...(st.notes || []).map((n) => el("li", {}, n)));
    if (st.since !== since || (page && !page.blocks.length)) {
      since = st.since;
      load();
    }
  }

  await load();
  // A browser opens six connections to a server and no more, so that a page that
  // nobody sees gives its own back.
  let events = null;
  function follow() {
    if (document.hidden) {
      if (events) events.close();
      events = null;
      return;
    }
    if (events) return;
    events = new EventSource("/api/events?" + new URLSearchParams({ s: name }));
    events.addEventListener("open", () => { for (const s of searches.values()) Object.assign(s, { points: [], trials: 0 }); });
    events.addEventListener("state", (e) => tell(JSON.parse(e.data)));
    events.addEventListener("searches", (e) => {
      for (const m of JSON.parse(e.data)) {
        const s = search(m.name);
        if (m.anew) s.points = [];
        s.points.push(...m.points);
        Object.assign(s, { trials: m.trials, best: m.best, rate: m.rate });
        draw(s);
      }
      if (page && !page.blocks.length) load();
    });
    events.addEventListener("error", () => say(state, "mixmatch serve does not answer: what is shown is what was last known"));
  }
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => events && events.close());
  follow();
}
