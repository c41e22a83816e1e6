// Elements made of text, never of markup; and what every part of the page needs. Nothing here asks the server.

const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("a", {href, onclick}, "text", child, …)`. Text becomes text nodes; null and false are left out. */
function h(tag, attributes, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

/** The same of an SVG element. */
function s(tag, attributes, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name === "href" && !/^(#|blob:)/.test(value)) throw new Error(`the Desk links to itself only, not to ${value}`);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter(one => one !== null && one !== undefined && one !== false));
  return element;
}

/** Put other content in an element; what had the focus, and which details were open, is found again by `data-key`. */
function swap(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...element.querySelectorAll("details[open][data-key]")].map(one => one.dataset.key));
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const one of element.querySelectorAll("details[data-key]")) if (open.has(one.dataset.key)) one.open = true;
  if (held) [...element.querySelectorAll("[data-key]")].find(one => one.dataset.key === held)?.focus();
}

const count = number => number.toLocaleString("en");
const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
const words = name => name.replaceAll("_", " ");
const title = name => words(name).replace(/^./, letter => letter.toUpperCase());
const many = name => /(s|x|ch|sh)$/.test(name) ? `${name}es` : /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
const called = (one, resource) => one.summary || `${title(one.kind)} ${words(resource)}`;
const brief = (text, most = 80) => text.length > most ? `${text.slice(0, most)}…` : text;
const size = octets => octets < 1000 ? `${octets} B` : octets < 1e6 ? `${(octets / 1e3).toFixed(1)} KB` : `${(octets / 1e6).toFixed(1)} MB`;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** An instant as people read it; the exact text is in the element's title. */
function when(text) {
  if (!INSTANT.test(text ?? "")) return h("span", {}, String(text ?? ""));
  return h("time", {datetime: text, title: text}, `${text.slice(0, 10)} ${text.slice(11, 16)}`);
}

const TONES = [
  [/^(active|enabled|final|paid|complete|completed|succeeded|success|approved|delivered|accepted|available|authorized|settled)$/i, "good"],
  [/^(draft|pending|open|new|created|due|trial|trialing|scheduled|processing|paused|failing|in_progress)$/i, "open"],
  [/^(void|archived|deleted|deprecated|ended|expired|closed|disabled|inactive)$/i, "past"],
  [/^(cancelled|canceled|failed|error|refused|rejected|given_up|declined|charged_back|overdue)$/i, "bad"],
];

/** A state as a pill; its tone is a hint, its word says it. */
function pill(state) {
  if (state === null || state === undefined || state === "") return null;
  const tone = TONES.find(([pattern]) => pattern.test(state))?.[1] ?? "plain";
  return h("span", {class: `pill ${tone}`}, String(state));
}

/** A status code as a pill. */
const status = code => h("span", {class: `pill ${code < 300 ? "good" : code < 400 ? "open" : code < 500 ? "warn" : "bad"}`}, String(code));

/** Say something to whoever looks, and to screen readers; it goes by itself, unless something is wrong. */
function say(text, wrong = false) {
  const line = h("div", {class: wrong ? "note bad" : "note"}, h("span", {}, text), h("button", {type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => line.remove()}, "×"));
  $("said").append(line);
  while ($("said").children.length > 3) $("said").firstChild.remove();
  setTimeout(() => line.remove(), wrong ? 12000 : 5000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    show("Copy this", h("textarea", {readonly: true, rows: 8, "aria-label": "Text to copy", onfocus: event => event.target.select()}, text));
  }
}

const copying = (text, label = "Copy") => h("button", {type: "button", class: "small", onclick: () => copy(typeof text === "function" ? text() : text)}, label);

/** A dialog; answers a function that closes it. */
function show(heading, ...content) {
  const dialog = $("dialog");
  if (dialog.open) dialog.close();
  const close = () => dialog.close();
  dialog.replaceChildren(
    h("div", {class: "head"}, h("h2", {id: "dialog-title"}, heading), h("button", {type: "button", class: "quiet", "aria-label": "Close", onclick: close}, "×")),
    ...content.flat());
  dialog.showModal();
  (dialog.querySelector("[autofocus], input, textarea, select") ?? dialog.querySelector("button"))?.focus();
  return close;
}

/** Ask before what cannot be undone. */
function confirmed(question, verb, action) {
  const close = show(question, h("div", {class: "row"},
    h("button", {type: "button", class: "bad", autofocus: true, onclick: () => { close(); action(); }}, verb),
    h("button", {type: "button", onclick: () => close()}, "Cancel")));
}

let labels = 0;
/** A labelled field. */
function field(label, input, note = null) {
  input.id ||= `field-${++labels}`;
  return h("div", {class: "field"}, h("label", {for: input.id}, label), input, note && h("p", {class: "hint"}, note));
}

/** A table: columns are [heading, row => content], rows any values; `label` says what it is. */
function table(label, columns, rows) {
  return h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label}, h("table", {},
    h("thead", {}, h("tr", {}, columns.map(([heading]) => h("th", {scope: "col"}, heading || h("span", {class: "hidden"}, "Actions"))))),
    h("tbody", {}, rows.map(row => h("tr", {}, columns.map(([heading, content, kind]) => h("td", {"data-label": heading, class: kind}, content(row))))))));
}

const empty = text => h("p", {class: "empty"}, text);
