// What is done with the desk's recipe: saved, exported, merged.
import { copier, download, el, link, post, say, token } from "./common.js";

// dialogs returns the buttons that open the dialogs.
export function dialogs({ desk, state, name, of, tell }) {
  const tuning = (more) => ({ study: name, recipe: of, columns: state.columns(), ...more });
  return [
    opener("Save", (d) => saving(d, desk, tuning, name)),
    opener("Export", (d) => exporting(d, desk, tuning, name)),
    opener("Merge", (d) => merging(d, tuning, name, tell)),
  ];
}

// opener is a button that opens a dialog, which fill fills.
function opener(title, fill) {
  return el("button", {
    type: "button", disabled: !token,
    onclick: () => {
      const d = el("dialog", { "aria-label": title });
      const done = fill(d);
      d.prepend(el("h2", {}, title));
      d.append(el("div", { class: "bar" }, el("button", { type: "button", onclick: () => d.close() }, "Close")));
      d.addEventListener("close", () => { if (done) done(); d.remove(); });
      document.body.append(d);
      d.showModal();
    },
  }, title);
}

const field = (label, input) => el("p", {}, el("label", { for: input.id }, label), " ", input);

// asks is a button that does something and says what came of it.
function asks(text, out, act) {
  const button = el("button", { type: "button" }, text);
  button.addEventListener("click", async () => {
    button.disabled = true;
    out.className = "";
    say(out, "");
    try {
      await act();
    } catch (err) {
      out.className = "error";
      say(out, err.message);
    }
    button.disabled = false;
  });
  return button;
}

function saving(d, desk, tuning, name) {
  const out = el("p", { role: "status" });
  const input = el("input", { type: "text", id: "save-name", value: "tuned" });
  const replace = el("input", { type: "checkbox", id: "save-replace" });
  d.append(
    el("p", {}, "Writes the recipe into the study's folder, in SuperMerger's notation."),
    field("Name", input), field("Replace one of that name", replace),
    el("div", { class: "bar" }, asks("Save", out, async () => {
      const r = await post("/api/save", tuning({ name: input.value, replace: replace.checked }));
      desk.saved = r.saved;
      say(out, "Saved as " + r.path);
      out.append(" ", el("a", { href: link("/desk", [["s", name], ["recipe", input.value]]) }, "Open it"));
    })), out);
}

function exporting(d, desk, tuning, name) {
  const out = el("p", { role: "status" });
  const notes = el("ul", { class: "note" });
  const text = el("pre", { tabindex: "0", "aria-label": "The document", hidden: true });
  const format = el("select", { id: "export-format" }, desk.formats.map((f) => el("option", { value: f.name }, f.name)),
    el("option", { value: "products" }, "products"));
  const about = el("p", { class: "note" });
  const half = el("input", { type: "checkbox", id: "export-half" });
  const hash = el("input", { type: "checkbox", id: "export-hash" });
  const keep = el("div", { class: "bar" });
  const describe = () => {
    const f = desk.formats.find((f) => f.name === format.value);
    say(about, f ? f.doc : "the inner products that the study keeps, a tensor a line");
  };
  format.addEventListener("change", describe);
  describe();
  d.append(field("Format", format), about, field("Ask the program that will merge to save as fp16", half),
    field("Name the models by their hashes, which reads them", hash),
    el("div", { class: "bar" }, asks("Export", out, async () => {
      keep.replaceChildren();
      notes.replaceChildren();
      text.hidden = true;
      if (format.value === "products") {
        const a = el("a", { href: "/api/products?" + new URLSearchParams({ s: name }), download: "products.jsonl" }, "Download the products");
        keep.append(a);
        say(out, "Ready");
        return;
      }
      const r = await post("/api/export", tuning({ format: format.value, half: half.checked, hash: hash.checked }));
      say(text, r.text);
      text.hidden = false;
      notes.append(...r.notes.map((n) => el("li", {}, n)));
      keep.append(el("button", { type: "button", onclick: () => download(r.name, r.text) }, "Download"), copier(() => r.text));
      say(out, "Ready");
    })), out, keep, notes, text);
}

function merging(d, tuning, name, tell) {
  const out = el("p", { role: "status" });
  const bar = el("progress", { "aria-label": "how far the merge is", hidden: true });
  const notes = el("ul", { class: "note" });
  const file = el("input", { type: "text", id: "merge-out", value: "tuned.safetensors" });
  const dtype = el("select", { id: "merge-dtype" }, ["", "fp16", "bf16", "fp32", "fp8_e4m3", "fp8_e5m2"].map((t) => el("option", { value: t }, t || "as in model A")));
  const hash = el("input", { type: "checkbox", id: "merge-hash" });
  const cancel = el("button", { type: "button", hidden: true, onclick: () => post("/api/cancel", { study: name }).catch((err) => say(out, err.message)) }, "Cancel");
  let events = null;
  const end = () => {
    if (events) events.close();
    events = null;
    bar.hidden = cancel.hidden = true;
  };
  d.append(el("p", {}, "Makes the model, in the folder that is served. A file that is there is never replaced."),
    field("File", file), field("Numbers", dtype), field("Note the sources' hashes, which reads them once more", hash),
    el("div", { class: "bar" }, asks("Merge", out, async () => {
      notes.replaceChildren();
      await post("/api/merge", tuning({ out: file.value, dtype: dtype.value, hash: hash.checked }));
      bar.hidden = cancel.hidden = false;
      say(out, "Merging");
      watch();
    }), cancel), bar, out, notes);

  function watch() {
    if (events) events.close();
    events = new EventSource("/api/events?" + new URLSearchParams({ s: name }));
    events.addEventListener("state", (e) => {
      const job = JSON.parse(e.data).job;
      if (!job) return;
      if (job.state === "running") {
        if (job.total > 0) { bar.max = job.total; bar.value = job.done; }
        say(out, job.stage || "beginning");
        return;
      }
      end();
      say(out, job.error || job.result || job.state);
      out.className = job.error ? "error" : "good";
      notes.append(...(job.notes || []).map((n) => el("li", {}, n)));
      tell(job.error || job.result || job.state);
    });
  }
  return end;
}
