// Worlds, their saved moments, and what became of one since; the overview of the world that is shown.


const RECENT = 8;

/** How this world stands. */
async function overview() {
  const node = h("div", {});
  const refresh = async () => {
    const [{worlds}, recent] = await Promise.all([ask(`/worlds${query({name: desk.world})}`), ask(`/requests?limit=${RECENT}`)]);
    desk.summary = worlds.find(one => one.name === desk.world) ?? desk.summary;
    swap(node, overviewOf(recent.requests.reverse()));
    drawNav();
  };
  if (first.recent) swap(node, overviewOf(first.recent.reverse())); // the page came with it
  else await refresh();
  first.recent = null;
  return {title: "Overview", refresh, node};
}

function overviewOf(recent) {
  const records = Object.entries(desk.summary.records).filter(([name]) => desk.resources[name] && !desk.resources[name].internal);
  const total = records.reduce((sum, [, number]) => sum + number, 0);
  return [
    h("div", {class: "head"}, h("h1", {}, desk.model.title), h("p", {class: "hint"}, `world ${desk.world}, fixture ${first.fixture}`)),
    h("div", {class: "figures"}, [["records", total, null], ["events", desk.summary.events, "#/events"], ["resources", desk.model.resources.filter(one => !one.internal).length, null]].map(([label, number, href]) =>
      h(href ? "a" : "div", {class: "figure card", href}, h("b", {}, count(number)), h("span", {}, label)))),
    h("h2", {}, "Records"),
    records.length ? h("ul", {class: "tiles"}, records.sort((one, other) => other[1] - one[1]).map(([name, number]) => h("li", {}, h("a", {href: listLink(name), "data-key": `tile-${name}`}, h("span", {}, title(many(name))), h("b", {}, count(number))))))
      : empty("This world holds no records yet. Choose a resource at the side to make the first."),
    h("div", {class: "head"}, h("h2", {}, "Last requests"), h("a", {href: "#/requests"}, "All requests")),
    recent.length ? h("div", {class: "boxes"}, recent.map(one => opening(`request-${one.number}`, requestLine(one), () => requestBody(one.number)))) : empty("No request yet."),
  ];
}

// --- worlds -------------------------------------------------------------------------------------------------------

async function worldsView() {
  const rows = h("div", {});
  const refresh = async () => {
    const {worlds} = await ask("/worlds");
    desk.worlds = worlds.map(one => one.name);
    drawWhere();
    swap(rows, table("Worlds", [
      ["name", one => h("a", {href: "#/", "data-key": `world-${one.name}`, onclick: event => { event.preventDefault(); enter(one.name); }}, one.name, one.name === desk.world ? " (shown)" : ""), "strong"],
      ["records", one => count(Object.values(one.records).reduce((sum, number) => sum + number, 0)), "figure"],
      ["events", one => count(one.events), "figure"], ["clock", one => [when(one.now), ` ${one.clock}`]],
      ["", one => h("div", {class: "row"}, h("button", {type: "button", class: "small", onclick: () => begin(refresh, one.name)}, "Fork"),
        h("button", {type: "button", class: "small", onclick: () => reset(one.name, refresh)}, "Reset"),
        h("button", {type: "button", class: "small bad", onclick: () => confirmed(`Delete the world ${one.name} with its snapshots?`, "Delete", () => tried(async () => { await ask(`/worlds/${encodeURIComponent(one.name)}`, undefined, "DELETE"); await refresh(); }))}, "Delete"))],
    ], worlds));
  };
  await refresh();
  return {title: "Worlds", refresh, node: h("div", {}, h("div", {class: "head"}, h("h1", {}, "Worlds"), h("button", {type: "button", class: "main", onclick: () => begin(refresh)}, "New world")),
    h("p", {class: "lead"}, "Each is a sandbox of its own: records, clock, events. A request chooses one by the header Understudy-World, or by the path /_world/NAME/…"), rows)};
}

function begin(refresh, from = "") {
  const name = h("input", {required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}", spellcheck: "false"});
  const source = h("input", {value: from, spellcheck: "false", placeholder: "the fixture"});
  const close = show(from ? `Fork ${from}` : "New world", h("form", {onsubmit: async event => {
    event.preventDefault();
    const made = await tried(() => ask("/worlds", {name: name.value, ...(source.value ? {from: source.value} : {})}));
    if (made) { close(); await refresh(); enter(made.name); }
  }}, field("Name", name, "letters, digits, dots, dashes and underscores"), field("As", source, "a world, a snapshot as WORLD/NAME, or a fixture"), h("button", {type: "submit", class: "main"}, "Begin")));
}

function reset(world, refresh) {
  const fixture = h("input", {placeholder: first.fixture, spellcheck: "false"});
  const close = show(`Put ${world} back to its fixture?`, h("form", {onsubmit: async event => {
    event.preventDefault();
    const before = desk.world;
    desk.world = world;
    const done = await tried(() => ask("/reset", fixture.value ? {fixture: fixture.value} : {}));
    desk.world = before;
    if (done) { close(); say(`${world} is as its fixture begins`); if (world === before) { clock.due = []; enter(world); } else await refresh(); }
  }}, h("p", {class: "hint"}, "Records, clock and ids go back; snapshots stay."), field("Fixture", fixture, "left empty: the server's own"), h("button", {type: "submit", class: "bad"}, "Reset")));
}

// --- moments ------------------------------------------------------------------------------------------------------

async function momentsView() {
  const rows = h("div", {});
  const result = h("div", {});
  const refresh = async () => {
    const {snapshots} = await ask("/snapshots");
    swap(rows, snapshots.length ? table("Snapshots", [
      ["name", one => one.name, "strong"], ["at", one => when(one.now)], ["records", one => count(Object.values(one.records).reduce((sum, number) => sum + number, 0)), "figure"],
      ["", one => h("div", {class: "row"}, h("button", {type: "button", class: "small", "data-key": `diff-${one.name}`, onclick: () => tried(() => differ(one.name, result))}, "What changed since"),
        h("button", {type: "button", class: "small", onclick: () => confirmed(`Put ${desk.world} back to ${one.name}?`, "Restore", () => tried(async () => { await ask(`/snapshots/${encodeURIComponent(one.name)}/restore`, {}); enter(desk.world); say(`Back at ${one.name}`); }))}, "Restore"))],
    ], snapshots) : empty("No snapshot yet. Save one, let something happen, and see what changed."));
  };
  await refresh();
  const name = h("input", {required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}", placeholder: "before", spellcheck: "false"});
  return {title: "Snapshots", refresh, node: h("div", {}, h("h1", {}, "Snapshots"),
    h("form", {class: "row card", onsubmit: async event => { event.preventDefault(); if (await tried(() => ask("/snapshots", {name: name.value}))) { say(`Saved as ${name.value}`); name.value = ""; await refresh(); } }},
      field("Save this moment as", name), h("button", {type: "submit", class: "main"}, "Save"), h("button", {type: "button", onclick: () => tried(() => differ(null, result))}, "What changed since the fixture")),
    rows, result)};
}

async function differ(from, result) {
  const told = await ask(`/diff${query({from, limit: LAST})}`);
  const inward = one => Number(desk.resources[one.resource]?.internal ?? true);
  for (const list of [told.created, told.changed, told.deleted]) list.sort((one, other) => inward(one) - inward(other));
  const some = (name, list) => told.counts?.[name] ?? list.length;
  const line = one => h("a", {href: recordLink(one.resource, one.id)}, `${words(one.resource)} ${brief(one.id, 40)}`);
  swap(result, h("h2", {}, `Since ${from ?? "the fixture"}`),
    h("p", {class: "lead"}, `${count(some("created", told.created))} created, ${count(some("changed", told.changed))} changed, ${count(some("deleted", told.deleted))} deleted, ${plural(some("events", told.events), "event")}; the clock from `, when(told.now.from), " to ", when(told.now.to), "."),
    told.created.length > 0 && part("Created", told.created.map(one => h("li", {}, h("span", {class: "sign good"}, "+"), " ", line(one)))),
    told.changed.length > 0 && part("Changed", told.changed.map(one => h("li", {}, h("span", {class: "sign open"}, "~"), " ", line(one), h("ul", {class: "plain fields"}, one.fields.slice(0, 12).map(change))))),
    told.deleted.length > 0 && part("Deleted", told.deleted.map(one => h("li", {}, h("span", {class: "sign bad"}, "−"), ` ${words(one.resource)} ${brief(one.id, 40)}`))));
}

const part = (heading, rows) => h("section", {class: "card"}, h("h3", {}, heading), h("ul", {class: "plain"}, rows));
const change = one => h("li", {}, h("span", {class: "mono"}, one.field), " ", h("del", {}, "from" in one ? brief(JSON.stringify(one.from), 60) : "none"), " ", h("ins", {}, "to" in one ? brief(JSON.stringify(one.to), 60) : "none"));
