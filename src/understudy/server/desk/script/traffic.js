// What came in and what went out: requests with the reason of each answer, events, deliveries.

const LAST = 200;

/** A list that opens row by row: `line` is its summary, `open` asks for the rest when it is wanted. */
function opening(key, line, open) {
  const body = h("div", {class: "inner"});
  const box = h("details", {"data-key": key, class: "row-box"}, h("summary", {}, line), body);
  box.addEventListener("toggle", async () => { if (box.open && !body.firstChild) body.append(...[await tried(open)].flat().filter(Boolean)); });
  return box;
}

/** A page of such a list, filtered by text, drawn again only when something is other than it was. */
async function listing({heading, filter, fetched, row, none, above = null, actions = null}) {
  const rows = h("div", {class: "boxes"});
  const total = h("span", {class: "hint"});
  const search = h("input", {type: "search", placeholder: filter, "aria-label": filter, class: "search"});
  let seen = "";
  const refresh = async () => {
    const {items, number} = await fetched(search.value.trim());
    const text = JSON.stringify(items);
    if (text === seen) return;
    seen = text;
    total.textContent = count(number ?? items.length);
    const kept = new Map([...rows.children].map(one => [one.dataset.key, one]));
    const opened = one => one?.matches("details[open]") || one?.querySelector(":scope > details[open]");
    swap(rows, items.length ? items.map(one => { const made = row(one); const old = kept.get(made.dataset.key); return opened(old) && old.dataset.seen === made.dataset.seen ? old : made; }) : empty(none));
  };
  await refresh();
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => tried(refresh), 150); });
  return {title: heading, refresh, node: h("div", {}, h("div", {class: "head"}, h("h1", {}, heading, " ", total), actions), above, h("div", {class: "row filter"}, search), rows)};
}

// --- requests -----------------------------------------------------------------------------------------------------

const requestsView = () => listing({
  heading: "Requests", filter: "Status, method, path or reason", none: "No request yet. Point your client at this server; each call is told here with the reason of its answer.",
  fetched: async text => { const answer = await ask(`/requests${query({limit: LAST, search: text})}`); return {items: answer.requests.reverse(), number: answer.total}; },
  row: one => opening(`request-${one.number}`, requestLine(one), () => requestBody(one.number)),
});

const requestLine = one => [status(one.status), h("code", {class: "what"}, brief(one.request, 140)), h("span", {class: "why"}, one.reason), h("span", {class: "hint"}, when(one.at)),
  (one.warnings ?? []).map(text => h("span", {class: "why warn"}, text))];

async function requestBody(number) {
  const one = await ask(`/requests/${number}`);
  return [
    h("dl", {class: "terms"}, Object.entries(one.headers).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {class: "mono"}, brief(value, 200))))),
    one.body && code(pretty(one.body), "Body"),
    one.cut && h("p", {class: "hint"}, "The body is longer; its beginning is kept."),
    one.curl && [h("div", {class: "row"}, h("h2", {class: "minor"}, "curl"), copying(one.curl, "Copy curl")), code(one.curl, "As a curl command")],
  ].flat();
}

// --- events -------------------------------------------------------------------------------------------------------

const eventsView = () => listing({
  heading: "Events", filter: "Type, * stands for anything", none: "No event yet.",
  actions: h("button", {type: "button", onclick: trigger}, "Record an event"),
  fetched: async text => ({items: (await ask(`/events${query({last: LAST, type: text && !text.includes("*") ? `*${text.toUpperCase()}*` : text})}`)).events.reverse()}),
  row: one => opening(`event-${one.number}`, [h("span", {class: "ordinal"}, count(one.number)), h("b", {}, one.type), h("span", {class: "why mono"}, subject(one.data)), h("span", {class: "hint"}, when(one.at))], () => [h("div", {class: "card"}, tree(one.data))]),
});

/** What an event is about, in a word. */
const subject = data => brief(String([data?.reference, data?.name, data?.id].find(one => typeof one === "string") ?? ""), 60);

function trigger() {
  const type = h("input", {list: "types", required: true, spellcheck: "false", class: "mono"});
  const data = h("textarea", {rows: 8, class: "code", spellcheck: "false", value: "{}"});
  const close = show("Record an event", h("form", {onsubmit: async event => {
    event.preventDefault();
    const done = await tried(() => ask("/events", {type: type.value, ...(data.value.trim() && data.value.trim() !== "{}" ? {data: JSON.parse(data.value)} : {})}));
    if (done) { close(); say(`${done.type} recorded; ${plural(done.deliveries.length, "delivery", "deliveries")}`); }
  }}, field("Type", type), h("datalist", {id: "types"}, desk.model.event_types.map(one => h("option", {value: one}))),
    field("Data", data, "Over the document's example of this event; {} takes the example as it is."), h("button", {type: "submit", class: "main"}, "Record")));
}

// --- deliveries ---------------------------------------------------------------------------------------------------

const MARKS = {delivered: "good", due: "open", failing: "warn", given_up: "bad", disabled: "past"};

async function deliveriesView() {
  const chosen = new Set();
  const receivers = h("div", {});
  const again = h("button", {type: "button", onclick: () => replay([...chosen])}, "Replay chosen");
  const draw = async () => swap(receivers, endpoints((await ask("/endpoints")).endpoints, draw));
  await draw();
  const view = await listing({
    heading: "Deliveries", filter: "Event type, * stands for anything", none: "Nothing was sent yet: name an endpoint above, then let something happen.",
    above: receivers, actions: h("div", {class: "row"}, again, h("button", {type: "button", class: "main", onclick: () => receiver(draw)}, "New endpoint")),
    fetched: async text => ({items: (await ask(`/deliveries${query({last: LAST, type: text && !text.includes("*") ? `*${text.toUpperCase()}*` : text})}`)).deliveries.reverse()}),
    row: one => delivery(one, chosen),
  });
  return {...view, refresh: async () => { await draw(); await view.refresh(); }};
}

function delivery(one, chosen) {
  const last = one.attempts.at(-1);
  const pick = h("input", {type: "checkbox", "aria-label": `Choose ${one.type} ${one.id}`, onclick: event => event.stopPropagation(), onchange: event => chosen[event.target.checked ? "add" : "delete"](one.id)});
  pick.checked = chosen.has(one.id);
  const box = opening(`delivery-${one.id}`, [h("span", {class: `pill ${MARKS[one.state] ?? "plain"}`}, words(one.state)), h("b", {}, one.type), h("span", {class: "what mono"}, brief(one.url ?? "", 60)),
    h("span", {class: "why"}, last ? `${last.error ?? last.status}, ${plural(one.attempts.length, "attempt")}` : "not sent yet"), h("span", {class: "hint"}, when(one.created_at))], () => deliveryBody(one.id));
  return h("div", {class: "picked", "data-key": `picked-${one.id}`, "data-seen": `${one.state} ${one.attempts.length}`}, pick, box);
}

async function deliveryBody(id) {
  const one = await ask(`/deliveries/${encodeURIComponent(id)}`);
  const to = h("input", {type: "url", placeholder: one.url ?? "", class: "mono"});
  const resend = async () => {
    const done = await tried(() => ask(`/deliveries/${encodeURIComponent(id)}/resend`, to.value ? {to: to.value} : {}));
    if (done) { const last = done.attempts.at(-1); say(`${one.type}: ${last?.error ?? last?.status ?? "sent"}`, !(last?.status < 300)); changed(); }
  };
  return [
    h("div", {class: "row"}, h("button", {type: "button", class: "main", onclick: resend}, "Resend"), h("button", {type: "button", onclick: () => replay([id])}, "Replay"), field("to another URL", to)),
    one.attempts.length > 0 && table("Attempts", [["no.", at => String(at.number)], ["at", at => when(at.at)], ["why", at => at.why], ["outcome", at => at.status ? status(at.status) : at.error], ["ms", at => String(at.duration_ms ?? ""), "figure"], ["answer", at => brief(at.response ?? "", 120)]], one.attempts),
    one.error && h("p", {class: "wrong"}, one.error),
    h("h2", {class: "minor"}, "Headers"), h("dl", {class: "terms"}, Object.entries(one.headers ?? {}).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {class: "mono"}, brief(value, 300))))),
    one.body && [h("h2", {class: "minor"}, "Payload"), code(pretty(one.body), "Payload")],
  ].flat().filter(Boolean);
}

async function replay(ids) {
  if (!ids.length) { say("Choose deliveries first: the boxes before them.", true); return; }
  const done = await tried(() => ask("/deliveries/replay", {ids}));
  if (!done) return;
  show("Replayed", table("Replayed", [["event", one => one.type, "strong"], ["outcome", one => one.attempt.status ? status(one.attempt.status) : one.attempt.error], ["verdict", one => one.verdict]], done.replayed));
  changed();
}

const endpoints = (all, draw) => all.length > 0 && h("section", {class: "card"}, h("h2", {}, "Endpoints"), h("ul", {class: "plain"}, all.map(one => h("li", {class: "row"},
  h("span", {class: `pill ${one.failing ? "warn" : one.active ? "good" : "past"}`}, one.failing ? "failing" : one.active ? "active" : "inactive"), h("span", {class: "mono"}, brief(one.url, 80)),
  h("span", {class: "hint"}, `${one.types.join(", ") || "everything"}, signed ${one.signing}`),
  one.kind === "record" ? null : h("button", {type: "button", class: "small", "aria-label": `Remove ${one.url}`, onclick: () => tried(async () => { await ask(`/endpoints/${encodeURIComponent(one.id)}`, undefined, "DELETE"); await draw(); })}, "Remove")))));

function receiver(draw) {
  const url = h("input", {type: "url", required: true, value: "http://localhost:3000/hooks", class: "mono"});
  const types = h("input", {placeholder: "everything; or ORDER.*, CUSTOMER.CREATED", class: "mono"});
  const close = show("New endpoint", h("form", {onsubmit: async event => {
    event.preventDefault();
    const done = await tried(() => ask("/endpoints", {url: url.value, ...(types.value.trim() ? {types: types.value.split(",").map(one => one.trim())} : {})}));
    if (!done) return;
    close();
    await draw();
    if (done.secret) show("Its secret, shown this once", code(done.secret, "Secret"), copying(done.secret));
  }}, field("URL", url), field("Event types", types), h("button", {type: "submit", class: "main"}, "Tell it from now on")));
}
