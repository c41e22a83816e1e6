// Resources and their records: lists by pages, searched; one record with its lifecycle, its links and what may be done.

const PAGE = 50;
const recordLink = (resource, id) => `#/record/${encodeURIComponent(resource)}/${encodeURIComponent(id)}`;
const listLink = (resource, values = {}) => `#/records/${encodeURIComponent(resource)}${query(values)}`;

/** The records of a resource. */
async function recordsView([name], asked) {
  const resource = desk.resources[name];
  if (!resource) return {node: missing(`No resource is called “${name}”.`)};
  const offset = Number(asked.offset ?? 0);
  const rows = h("div", {});
  const total = h("span", {class: "hint"});
  const pager = h("div", {class: "row pager"});
  const go = values => { location.hash = listLink(name, {...asked, offset: "", ...values}); };
  const search = h("input", {type: "search", value: asked.search ?? "", placeholder: "Text anywhere in a record", class: "search", "aria-label": `Search ${words(many(name))}`});
  let seen = "";
  const refresh = async () => {
    const page = await ask(`/records/${encodeURIComponent(name)}${query({...asked, offset, limit: PAGE})}`);
    const text = JSON.stringify(page);
    if (text === seen) return;
    seen = text;
    total.textContent = asked.search || asked.state || asked.field ? `${count(page.total)} found` : count(page.total);
    swap(rows, page.records.length ? listed(resource, page.records) : empty(asked.search ? `No ${words(name)} holds “${asked.search}”.` : `No ${words(many(name))} yet.`));
    swap(pager, paged(page, values => go(values)));
  };
  await refresh();
  const creates = resource.calls.filter(one => one.method !== "GET");
  return {
    title: title(many(name)), refresh,
    node: h("div", {},
      h("div", {class: "head"}, h("h1", {}, title(many(name)), " ", total), h("div", {class: "row"}, creates.slice(0, 6).map((one, place) => newButton(name, one, place, refresh)))),
      h("form", {class: "row", role: "search", onsubmit: event => { event.preventDefault(); go({search: search.value}); }},
        search, h("button", {type: "submit"}, "Search"), stateFilter(resource, asked.state, state => go({state})),
        asked.field && h("span", {class: "chip"}, `${asked.field} = ${brief(asked.value ?? "", 40)} `, h("a", {href: listLink(name), "aria-label": "Show all"}, "×"))),
      rows, pager),
  };
}

const newButton = (name, one, place, done) => h("button", {type: "button", class: one.kind === "create" && !place ? "main" : "", title: one.key, onclick: () => form(one.key, {path: one.path, done})},
  one.kind === "create" ? `New ${words(name)}` : brief(called(one, name), 32));

function stateFilter(resource, chosen, choose) {
  if (!resource.lifecycle) return null;
  const states = ["", ...Object.keys(resource.lifecycle.table)];
  return h("select", {"aria-label": `By ${resource.lifecycle.field}`, onchange: event => choose(event.target.value)},
    states.map(one => h("option", {value: one, selected: one === (chosen ?? "")}, one || `Any ${words(resource.lifecycle.field)}`)));
}

function paged(page, go) {
  const {offset, total} = page;
  if (total <= PAGE) return [];
  const last = Math.floor((total - 1) / PAGE) * PAGE;
  const step = (label, to, possible) => h("button", {type: "button", "data-key": label, disabled: !possible, onclick: () => go({offset: to || ""})}, label);
  return [step("First", 0, offset > 0), step("Previous", Math.max(0, offset - PAGE), offset > 0),
    h("span", {class: "hint"}, `${count(offset + 1)}–${count(Math.min(offset + PAGE, total))} of ${count(total)}`),
    step("Next", offset + PAGE, offset + PAGE < total), step("Last", last, offset < last)];
}

/** Rows of records: id, key, state, and the fields most of them have that say something in few words. */
function listed(resource, records) {
  const own = [resource.key, resource.lifecycle?.field].filter(Boolean);
  const columns = [["id", row => h("a", {href: recordLink(resource.name, row.id), "data-key": row.id, class: "mono"}, brief(row.id, 40))]];
  if (resource.key && resource.key !== resource.id_field) columns.push([words(resource.key), row => cell(row.record[resource.key]), "strong"]);
  if (resource.lifecycle) columns.push([words(resource.lifecycle.field), row => pill(row.state)]);
  for (const name of telling(records, [resource.id_field, ...own])) columns.push([words(name), row => cell(row.record[name], name), typeof records[0].record[name] === "object" ? "figure" : ""]);
  if (records.some(row => row.size > 100_000)) columns.push(["size", row => size(row.size), "figure"]);
  return table(title(many(resource.name)), columns, records);
}

const sortOf = name => /_id$/.test(name) ? "id" : /amount|total|price|quantity/.test(name) ? "figure" : /_at$|date|_start$|_end$|timestamp/.test(name) ? "time" : /name|title|reference|email|description|number/.test(name) ? "name" : "other";
const DULL = /^(object_type|type_|links?|timezone|_)/;
function telling(records, taken) {
  const seen = new Map();
  for (const {record} of records) {
    for (const [name, value] of Object.entries(record)) {
      const tells = value !== null && value !== "" && typeof value !== "boolean" && !(typeof value === "object" && !isAmount(value));
      if (tells && !taken.includes(name) && !DULL.test(name)) seen.set(name, [...seen.get(name) ?? [], JSON.stringify(value)]);
    }
  }
  const varied = values => values.length * 2 >= records.length && (records.length < 3 || new Set(values).size > 1);
  const common = [...seen].filter(([, values]) => varied(values)).map(([name]) => name);
  const some = (pattern, most) => common.filter(name => sortOf(name) === pattern).slice(0, most);
  const most = taken.length > 2 ? 3 : 4;
  const time = some("time", 1);
  return [...[...some("name", 2), ...some("figure", 1), ...some("other", 1), ...some("id", 2)].slice(0, most - time.length), ...time];
}

// --- one record ---------------------------------------------------------------------------------------------------

/** One record. */
async function recordView([name, id]) {
  const resource = desk.resources[name];
  if (!resource) return {node: missing(`No resource is called “${name}”.`)};
  const node = h("div", {});
  let seen = "";
  let whole = "";
  let face = resource.paper ? "paper" : "fields";
  const refresh = async () => {
    const told = await ask(`/records/${encodeURIComponent(name)}/${encodeURIComponent(id)}${whole}`);
    const text = JSON.stringify([told, face]);
    if (text === seen) return;
    seen = text;
    swap(node, faced(resource, told, {face, turn: to => { face = to; refresh(); }, enlarge: () => { whole = "?whole=1"; tried(refresh); }, done: refresh}));
  };
  await refresh();
  return {title: `${title(name)} ${id}`, refresh, node};
}

function faced(resource, told, {face, turn, enlarge, done}) {
  const label = (told.paper?.number !== told.id && told.paper?.number) || (resource.key && told.record[resource.key] !== told.id ? told.record[resource.key] : null);
  return [
    h("p", {class: "trail"}, h("a", {href: listLink(resource.name)}, title(many(resource.name)))),
    h("div", {class: "head"}, h("h1", {}, brief(String(label ?? title(resource.name)), 60), " ", pill(told.state)),
      h("div", {class: "row"}, h("span", {class: "mono hint"}, brief(told.id, 60)), copying(told.id, "Copy id"))),
    h("div", {class: "record"},
      h("section", {"aria-label": "Record"}, told.paper && faces(face, turn), face === "paper" && told.paper ? paper(told.paper, told.state) : fields(told, enlarge)),
      h("div", {class: "beside"}, resource.lifecycle && life(resource, told, done), doable(told, done), referrers(told))),
  ];
}

const faces = (face, turn) => h("div", {class: "faces", role: "group", "aria-label": "Show as"}, [["paper", "Document"], ["fields", "Fields"]].map(([name, label]) =>
  h("button", {type: "button", "data-key": `face-${name}`, "aria-pressed": String(face === name), onclick: () => turn(name)}, label)));

function fields(told, enlarge) {
  const cut = Object.fromEntries(told.cut.map(one => [one.field, one.of]));
  return h("div", {class: "card"},
    told.cut.length > 0 && h("p", {class: "row warnbox"}, `This record is large; ${plural(told.cut.length, "part")} of it ${told.cut.length === 1 ? "is" : "are"} cut.`,
      h("button", {type: "button", class: "small", onclick: enlarge}, `Load whole (${size(told.size)})`)),
    tree(told.record, {links: told.links, cut}),
    h("p", {class: "row foot"}, h("span", {class: "hint"}, size(told.size)), copying(() => JSON.stringify(told.record, null, 2), told.cut.length ? "Copy what is shown" : "Copy JSON")));
}

function life(resource, told, done) {
  const {lifecycle} = resource;
  const row = lifecycle.table[told.state] ?? {};
  const moves = Object.entries(row).map(([trigger, to]) => move(lifecycle, told, trigger, to, done));
  return h("section", {class: "card"}, h("h2", {}, "Lifecycle"),
    h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "Lifecycle diagram"}, diagram(lifecycle, told.state)),
    h("div", {class: "moves"}, moves.length ? moves : empty(`${told.state ?? "This state"} is final.`)));
}

/** One transition: a button where an operation does it, else how it comes about. */
function move(lifecycle, told, trigger, to, done) {
  const one = told.calls.find(call => call.trigger === trigger && call.to === to);
  const due = told.record[lifecycle.timers[trigger]];
  const arrow = h("span", {class: "to"}, " → ", to);
  if (one) {
    return h("div", {class: "row"}, h("button", {type: "button", "data-key": `move-${trigger}`, title: one.key, onclick: () => act(one, done)}, words(trigger), arrow),
      one.takes === "maybe" && h("button", {type: "button", class: "quiet", "aria-label": `${words(trigger)} with a body`, title: "with a body", onclick: () => form(one.key, {path: one.path, done})}, "…"));
  }
  const update = told.calls.find(call => call.kind === "update");
  if (lifecycle.writable && update) {
    return h("button", {type: "button", "data-key": `move-${trigger}`, title: update.key, onclick: () => form(update.key, {path: update.path, body: {[lifecycle.field]: to}, done})}, words(trigger), arrow);
  }
  if (due) return h("div", {class: "row"}, h("button", {type: "button", onclick: () => turn({now: due})}, words(trigger), arrow), h("span", {class: "hint"}, "falls due ", when(due)));
  return h("p", {class: "hint"}, words(trigger), arrow, lifecycle.timers[trigger] ? " by the clock" : " has no call of its own");
}

function doable(told, done) {
  const rest = told.calls.filter(one => !("trigger" in one) && one.kind !== "retrieve");
  if (!rest.length) return null;
  const open = one => one.kind === "delete"
    ? confirmed(`Delete ${told.id}?`, "Delete", () => act(one, () => { location.hash = listLink(told.resource); }))
    : form(one.key, {path: one.path, body: one.kind === "replace" && !told.cut.length ? told.record : undefined, done});
  return h("section", {class: "card"}, h("h2", {}, "Calls"), h("ul", {class: "plain calls"}, rest.map(one =>
    h("li", {}, h("button", {type: "button", class: `quiet${one.kind === "delete" ? " bad" : ""}`, "data-key": one.key, title: one.key, onclick: () => open(one)}, h("span", {class: "method"}, one.method), h("span", {}, called(one, told.resource)))))));
}

const referrers = told => told.referrers.length > 0 && h("section", {class: "card"}, h("h2", {}, "Referred to by"),
  h("ul", {class: "plain"}, told.referrers.map(one => h("li", {}, h("a", {href: listLink(one.resource, {field: one.field, value: told.id})}, one.total === null ? words(many(one.resource)) : plural(one.total, words(one.resource), words(many(one.resource)))), " ", h("span", {class: "hint"}, one.field)))));

const missing = text => h("div", {}, h("h1", {}, "Nothing is here"), h("p", {}, text), h("p", {}, h("a", {href: "#/"}, "To the overview")));
