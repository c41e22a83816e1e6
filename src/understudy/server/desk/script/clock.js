// The world's clock: what time it is there, what falls due next, and turning it.

const clock = {now: first.world.now, mode: first.world.clock, next: first.next_due, at: performance.now(), due: []};

/** The instant in the world now: a running clock goes on here between two messages. */
function instant() {
  const passed = clock.mode === "running" ? Math.floor((performance.now() - clock.at) / 1000) * 1000 : 0;
  return new Date(Date.parse(clock.now) + passed).toISOString().replace(".000Z", "Z");
}

function told(answer) {
  Object.assign(clock, {now: answer.now, mode: answer.mode, next: answer.next_due, at: performance.now()});
  if (answer.due) clock.due = answer.due;
  drawClock();
}

/** Turn it; what fell due is told, and kept for the clock's page. */
async function turn(body) {
  const answer = await tried(() => ask("/clock", body));
  if (!answer) return;
  told(answer);
  if ("mode" in body) return;
  const events = answer.due.flatMap(one => one.events ?? []);
  say(answer.due.length ? `${plural(answer.due.length, "thing")} fell due${events.length ? `: ${brief([...new Set(events)].join(", "), 120)}` : ""}` : "Nothing fell due");
  changed();
}

function drawClock() {
  const now = instant();
  const next = clock.next && h("button", {type: "button", class: "due", "data-key": "due", title: `Turn the clock to ${clock.next}, when the next thing falls due`, onclick: () => turn({now: clock.next})},
    h("span", {class: "wide"}, "next due "), when(clock.next));
  swap($("clock"),
    h("a", {href: "#/clock", class: "now", "data-key": "now", title: "The clock of this world"}, h("time", {datetime: now}, `${now.slice(0, 10)} `, h("b", {}, now.slice(11, 19)))),
    h("button", {type: "button", class: "quiet", "data-key": "mode", "aria-pressed": String(clock.mode === "running"), title: clock.mode === "running" ? "It runs; let it stand still" : "It stands still; let it run", onclick: () => turn({mode: clock.mode === "running" ? "frozen" : "running"})}, clock.mode === "running" ? "running" : "still"),
    ["P1D", "P1M"].map(one => h("button", {type: "button", "data-key": one, title: `Advance by one ${one === "P1D" ? "day" : "month"}`, onclick: () => turn({advance: one})}, one === "P1D" ? "+ day" : "+ month")),
    next);
}
setInterval(() => { if (clock.mode === "running" && !document.hidden) drawClock(); }, 1000);

/** The clock's page: any instant, any duration, what fell due last. */
async function clockView() {
  const to = h("input", {value: "", placeholder: "P1M, PT36H or 2025-06-06T08:00:00Z", class: "mono", spellcheck: "false"});
  const due = h("div", {});
  const list = () => swap(due, clock.due.length ? table("What fell due", [
    ["at", one => when(one.at)],
    ["what", one => one.delivery ? h("a", {href: "#/deliveries"}, `${one.type} to ${one.endpoint}`) : desk.resources[one.resource] ? h("a", {href: recordLink(one.resource, one.id)}, `${words(one.resource)} ${brief(one.id, 40)}`) : one.resource, "strong"],
    ["how", one => one.delivery ? one.state : words(one.trigger)],
    ["events", one => (one.events ?? []).join(", ")],
  ], clock.due) : empty("Nothing yet: turn the clock, and what falls due on the way is listed here."));
  const go = event => {
    event.preventDefault();
    const text = to.value.trim();
    if (text) turn(/^-?P/i.test(text) ? {advance: text.toUpperCase()} : {now: text}).then(list);
  };
  list();
  return {
    title: "Clock", refresh: async () => list(),
    node: h("div", {}, h("h1", {}, "Clock"),
      h("section", {class: "card"}, h("form", {class: "row", onsubmit: go}, field("Advance by a duration, or turn to an instant (UTC)", to), h("button", {type: "submit", class: "main"}, "Turn")),
        h("div", {class: "row"}, ["PT1H", "P1D", "P7D", "P1M", "P1Y"].map(one => h("button", {type: "button", onclick: () => turn({advance: one}).then(list)}, one)))),
      h("h2", {}, "What fell due when it was last turned"), due),
  };
}
