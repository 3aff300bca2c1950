// What all pages need: requests, and elements whose text is text.

const key = "mixmatch-token";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem(key, given);
  history.replaceState(null, "", location.pathname + location.search);
}
export const token = sessionStorage.getItem(key) || "";

// link is an address of ours that takes the token along, for new tabs.
export const link = (path, params = []) => {
  const q = new URLSearchParams(params).toString();
  return path + (q ? "?" + q : "") + (token ? "#" + new URLSearchParams({ token }) : "");
};

// visible shows signs that act on what is around them, or cannot be seen, as escapes.
export const visible = (s) =>
  String(s).replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));

// el makes an element. Attributes named on* are listeners; text never becomes markup.
export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : visible(value));
  }
  for (const c of children.flat()) {
    if (c === undefined || c === null || c === false) continue;
    node.append(c instanceof Node ? c : document.createTextNode(visible(c)));
  }
  return node;
}

// say sets an element's text, if it is another one.
export function say(node, text) {
  const shown = visible(text);
  if (node.textContent !== shown) node.textContent = shown;
}

async function result(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Error("the server's answer cannot be read");
  }
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body;
}

const gone = "mixmatch serve does not answer: is it still running?";

export async function get(path, params = {}) {
  const q = new URLSearchParams(params).toString();
  let response;
  try {
    response = await fetch(path + (q ? "?" + q : ""));
  } catch {
    throw new Error(gone);
  }
  return result(response);
}

export async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Mixmatch-Token": token },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error(gone);
  }
  return result(response);
}

export const percent = (v, digits = 4) => (100 * v).toFixed(digits) + " %";

// small is a small number: 0, or two digits and where they stand.
export const small = (v) => (v < 1e-15 ? "0" : v >= 0.001 ? v.toFixed(4) : v.toExponential(1));

export const seconds = (s) => (s < 60 ? Math.round(s) + " s" : Math.floor(s / 60) + ":" + String(Math.round(s) % 60).padStart(2, "0") + " min");

export const bytes = (n) => (n >= 1e9 ? (n / 1e9).toFixed(2) + " GB" : n >= 1e6 ? Math.round(n / 1e6) + " MB" : Math.ceil(n / 1e3) + " kB");

// download gives a text to the browser to keep.
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const a = el("a", { href: url, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// copier is a button that copies what text() is.
export const copier = (text, what = "Copy") =>
  el("button", {
    type: "button",
    onclick: async (e) => {
      const button = e.currentTarget;
      try {
        await navigator.clipboard.writeText(text());
        say(button, "Copied");
      } catch {
        say(button, "Cannot copy: select the text");
      }
      setTimeout(() => say(button, what), 2000);
    },
  }, what);

// header is what stands on top of each page.
export function header(title) {
  document.title = visible(title) + " - mixmatch";
  const top = el("header", {}, el("a", { href: link("/") }, "Studies"), el("h1", {}, title));
  if (!token) top.append(el("p", { class: "note" }, "To look at only: to start, save or merge open the address that mixmatch serve printed."));
  document.body.prepend(top);
}

// fail shows an error where nothing else can be shown.
export function fail(node, err) {
  node.append(el("p", { class: "error", role: "alert" }, err.message || err));
}
