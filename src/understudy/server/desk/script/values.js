// JSON values as people read them: trees that open part by part, so that no value is too large to be shown.

const CHUNK = 100;
const LETTERS = 4000;

const kindOf = value => value === null ? "null" : Array.isArray(value) ? "array" : value instanceof Long ? "number" : typeof value;
const isPlain = value => value === null || typeof value !== "object" || value instanceof Long;

/** A value without parts, links by dotted field. */
function plain(value, at, links = {}) {
  const kind = kindOf(value);
  if (kind === "null") return h("span", {class: "null"}, "null");
  if (kind !== "string") return h("span", {class: kind}, value instanceof Long ? value.text : String(value));
  const link = links[at];
  if (link) return h("a", {href: recordLink(link.resource, link.id), title: `${words(link.resource)} ${link.id}`}, value);
  if (INSTANT.test(value)) return h("span", {class: "string"}, value);
  return long(value);
}

/** A text, the first part of it where it is long; more when asked for. */
function long(text) {
  const shown = h("span", {class: "string"}, text === "" ? "“”" : text.slice(0, LETTERS));
  if (text.length <= LETTERS) return shown;
  let at = LETTERS;
  const more = h("button", {type: "button", class: "small", onclick: () => {
    shown.append(text.slice(at, at + LETTERS * 10));
    at += LETTERS * 10;
    if (at >= text.length) more.remove(); else more.textContent = label();
  }});
  const label = () => `${count(text.length - at)} more characters`;
  more.textContent = label();
  return h("span", {}, shown, " ", more);
}

/** An object or array as a list of its parts; parts that are large begin closed. `cut` says by dotted field what the server left out. */
function tree(value, {at = "", links = {}, cut = {}, depth = 0} = {}) {
  if (isPlain(value)) return plain(value, at, links);
  const parts = Array.isArray(value) ? value.map((part, number) => [String(number), part]) : Object.entries(value);
  if (!parts.length && !cut[at]) return h("span", {class: "null"}, Array.isArray(value) ? "[ ]" : "{ }");
  const list = h("dl", {class: "tree"});
  const fill = start => {
    for (const [name, part] of parts.slice(start, start + CHUNK)) list.append(branch(name, part, {at: at ? `${at}.${name}` : name, links, cut, depth}));
    if (parts.length > start + CHUNK) {
      const more = h("button", {type: "button", class: "small", onclick: () => { more.remove(); fill(start + CHUNK); }}, `${count(parts.length - start - CHUNK)} more`);
      list.append(more);
    }
  };
  fill(0);
  return list;
}

function branch(name, part, where) {
  const left = where.cut[where.at];
  const missing = left && h("span", {class: "cut"}, isPlain(part) ? ` … of ${count(left)} characters` : ` … of ${count(left)} in all`);
  if (isPlain(part)) return h("div", {class: "leaf"}, h("dt", {}, name), h("dd", {}, plain(part, where.at, where.links), missing));
  const parts = Array.isArray(part) ? part.length : Object.keys(part).length;
  if (!parts && !left) return h("div", {class: "leaf"}, h("dt", {}, name), h("dd", {}, tree(part)));
  if (isAmount(part)) return h("div", {class: "leaf"}, h("dt", {}, name), h("dd", {}, amount(part)));
  const body = h("div", {});
  const box = h("details", {"data-key": where.at}, h("summary", {}, h("span", {class: "name"}, name), " ", h("span", {class: "hint"}, Array.isArray(part) ? plural(left ?? parts, "item") : plural(left ?? parts, "field"))), body);
  const open = () => { if (box.open && !body.firstChild) body.append(tree(part, {...where, depth: where.depth + 1}), missing ?? ""); };
  box.addEventListener("toggle", open);
  box.open = where.depth < 2 && parts <= 12;
  open();
  return h("div", {class: "branch"}, h("dt", {class: "hidden"}, name), h("dd", {}, box));
}

/** A figure with its unit, such as an amount of money: two fields, of which one is a decimal number. */
const isAmount = value => !isPlain(value) && !Array.isArray(value) && Object.keys(value).length === 2
  && Object.values(value).some(one => /^-?\d+(\.\d+)?$/.test(String(one))) && Object.values(value).some(one => /^[A-Z]{3}$/.test(one));

function amount(value) {
  const [first, second] = Object.values(value).map(String);
  return h("span", {class: "number"}, /^[A-Z]{3}$/.test(first) ? `${second} ${first}` : `${first} ${second}`);
}

/** A value in a row. */
function cell(value, at, links) {
  if (value === null || value === undefined) return h("span", {class: "null"}, "–");
  if (INSTANT.test(value)) return when(value);
  if (isPlain(value)) return plain(value, at, links);
  if ("…" in value) return h("span", {class: "hint"}, `${count(value["…"])} …`);
  return isAmount(value) ? amount(value) : h("span", {class: "hint"}, brief(JSON.stringify(value), 60));
}

/** Text as it is, in a box that scrolls. */
const code = (text, label) => h("pre", {tabindex: 0, role: "region", "aria-label": label}, text.length > 50000 ? `${text.slice(0, 50000)}\n… ${count(text.length - 50000)} more characters` : text);
const pretty = value => { try { return JSON.stringify(typeof value === "string" ? parsed(value) : value, null, 2); } catch { return String(value); } };
