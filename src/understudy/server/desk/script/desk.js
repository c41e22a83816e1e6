// The page itself: where one is, what is shown there, keys, light and dark, and drawing again when something changed.

const VIEWS = {
  "": overview, clock: clockView, requests: requestsView, events: eventsView, deliveries: deliveriesView, faults: faultsView, snapshots: momentsView,
  worlds: worldsView, records: recordsView, record: recordView,
};
const PLACES = [["", "Overview", "o"], ["requests", "Requests", "r"], ["events", "Events", "e"], ["deliveries", "Deliveries", "d"], ["faults", "Faults", "f"], ["snapshots", "Snapshots", "s"], ["clock", "Clock", "c"], ["worlds", "Worlds", "w"]];
let shown = {refresh: null};
let turnNumber = 0;

function route() {
  const [path, asked = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const steps = path.split("/").map(step => { try { return decodeURIComponent(step); } catch { return step; } });
  return {name: steps[0], rest: [steps[1], steps.slice(2).join("/")], asked: Object.fromEntries(new URLSearchParams(asked))};
}

/** Show what the address says. */
async function go(focus = true) {
  const {name, rest, asked} = route();
  const number = ++turnNumber;
  drawNav();
  let view;
  try {
    view = await (VIEWS[name] ?? (() => ({node: missing("The Desk has no such page.")})))(rest, asked);
  } catch (fault) {
    view = {node: missing(fault.message)};
  }
  if (number !== turnNumber) return;
  shown = view;
  document.title = `${view.title ?? "Nothing"} · ${desk.world} · Desk`;
  $("main").replaceChildren(view.node);
  $("main").dataset.view = name || "overview";
  if (focus) { $("main").focus({preventScroll: true}); scrollTo(0, 0); }
  menu(false);
  performance.mark("desk-shown");
}

let drawing = false;
let stale = false;
/** Something changed: what is shown is drawn again, one drawing at a time. */
async function changed() {
  if (drawing) { stale = true; return; }
  drawing = true;
  try {
    const view = shown;
    await view.refresh?.();
  } catch (fault) {
    if (/has no|no resource/.test(fault.message)) $("main").replaceChildren(missing(fault.message));
  }
  drawing = false;
  if (stale) { stale = false; changed(); }
}

let summed = 0;
let known = first.version;
function heard(news) {
  document.body.classList.toggle("offline", !desk.live);
  drawWhere();
  if (!news) { known = null; return; }
  if (news.ended) { say(`The world ${news.world} ended.`, true); return; }
  if (news.anew && !$("dialog").open) { location.reload(); return; } // what is played was read anew
  told(news);
  if (news.version === known) return; // what the page came with
  known = news.version;
  changed();
  clearTimeout(summed);
  summed = setTimeout(() => ask(`/worlds${query({name: desk.world})}`).then(({worlds}) => { desk.summary = worlds[0] ?? desk.summary; drawNav(); }).catch(() => {}), 300);
}

/** Show another world. */
async function enter(name) {
  desk.world = name;
  if (!desk.worlds.includes(name)) desk.worlds.push(name);
  history.replaceState(null, "", `${query({world: name})}${location.hash}` || location.pathname);
  await tried(async () => {
    told(await ask("/clock"));
    desk.summary = (await ask(`/worlds${query({name})}`)).worlds[0] ?? desk.summary;
  });
  drawWhere();
  watch(heard);
  await go(false);
}

// --- the frame ----------------------------------------------------------------------------------------------------

function drawNav() {
  const here = route();
  const current = (name, id) => here.name === name && (!id || here.rest[0] === id) ? "page" : null;
  const held = desk.summary.records;
  const resources = desk.model.resources.filter(one => !one.internal);
  swap($("nav"),
    h("ul", {}, PLACES.map(([name, label]) => h("li", {}, h("a", {href: `#/${name}`, "data-key": `nav-${name}`, "aria-current": current(name)}, label)))),
    h("h2", {}, "Resources"),
    h("ul", {}, resources.map(one => h("li", {}, h("a", {href: listLink(one.name), "data-key": `nav-r-${one.name}`, "aria-current": current("records", one.name) ?? current("record", one.name)}, h("span", {}, title(many(one.name))), held[one.name] ? h("span", {class: "number"}, count(held[one.name])) : null)))));
}

function drawWhere() {
  swap($("where"),
    h("span", {class: `live ${desk.live ? "on" : ""}`, title: desk.live ? "Shown live" : "The stand-in does not answer"}, desk.live ? "live" : "away"),
    h("label", {class: "hidden", for: "world"}, "World"),
    h("select", {id: "world", "data-key": "world", onchange: event => enter(event.target.value)}, [...new Set([desk.world, ...desk.worlds])].map(one => h("option", {value: one, selected: one === desk.world}, one))),
    h("button", {type: "button", class: "quiet", "data-key": "theme", "aria-label": "Light or dark", title: "Light or dark", onclick: theme}, dark() ? "☀" : "☾"),
    h("button", {type: "button", class: "quiet", "data-key": "keys", "aria-label": "Keys", title: "Keys", onclick: keys}, "?"));
}

const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
function theme() {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  try { localStorage.setItem("understudy-theme", document.documentElement.dataset.theme); } catch { /* it lasts as long as the page */ }
  drawWhere();
}

function menu(open) {
  document.body.classList.toggle("menu-open", open);
  $("menu").setAttribute("aria-expanded", String(open));
}

// --- keys ---------------------------------------------------------------------------------------------------------

const keys = () => show("Keys", h("dl", {class: "terms"}, [["/", "search"], ["g, then a letter", PLACES.map(([, label, key]) => `${key} ${label.toLowerCase()}`).join(", ")], ["j, k", "next row, row before"], ["a", "advance the clock by a day"], ["t", "light or dark"], ["Esc", "close"], ["?", "this"]].map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))));

function step(by) {
  const rows = [...$("main").querySelectorAll("td a[data-key], summary, .tiles a")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

const KEYS = {
  "/": () => $("main").querySelector("input[type=search]")?.focus(), "?": keys, t: theme, a: () => turn({advance: "P1D"}), j: () => step(1), k: () => step(-1),
};
let leading = false;
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog").open || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
  const place = leading && PLACES.find(([, , key]) => key === event.key);
  leading = event.key === "g";
  if (place) location.hash = `#/${place[0]}`;
  else if (KEYS[event.key] && !leading) KEYS[event.key]();
  else return;
  event.preventDefault();
});

// --- the beginning ------------------------------------------------------------------------------------------------

try { const kept = localStorage.getItem("understudy-theme"); if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept; } catch { /* none is kept */ }
$("menu").addEventListener("click", () => menu(!document.body.classList.contains("menu-open")));
$("skip").addEventListener("click", event => { event.preventDefault(); $("main").focus(); });
addEventListener("hashchange", () => go());
drawClock();
drawWhere();
go(false).then(() => { performance.mark("desk-usable"); watch(heard); });
