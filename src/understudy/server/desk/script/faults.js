// Faults on purpose: which are set, what each met and struck, one more, one less.

async function faultsView() {
  const rows = h("div", {});
  let seen = "";
  const refresh = async () => {
    const {faults} = await ask("/faults");
    const text = JSON.stringify(faults);
    if (text === seen) return;
    seen = text;
    swap(rows, faults.length ? table("Faults", [
      ["fault", one => one.id, "strong mono"], ["when", meets], ["what", one => h("span", {}, strikes(one))],
      ["struck", one => `${count(one.struck ?? 0)} of ${count(one.met ?? 0)}`, "figure"],
      ["", one => h("button", {type: "button", class: "small bad", "data-key": `fault-${one.id}`, "aria-label": `Remove the fault ${one.id}`, onclick: () => removeFault(one.id, refresh)}, "Remove")],
    ], faults) : empty("Nothing goes wrong on purpose. Add a fault to see how your client takes it."));
  };
  await refresh();
  return {title: "Faults", refresh, node: h("div", {},
    h("div", {class: "head"}, h("h1", {}, "Faults"), h("div", {class: "row"}, h("button", {type: "button", onclick: () => removeFault(null, refresh)}, "Remove all"), h("button", {type: "button", class: "main", onclick: () => addFault(refresh)}, "Add a fault"))),
    h("p", {class: "lead"}, "Refusals, delays, broken answers and webhooks that get lost, for this world alone; the same seed draws the same."), rows)};
}

const removeFault = (id, refresh) => tried(async () => { await ask(id === null ? "/faults" : `/faults/${encodeURIComponent(id)}`, undefined, "DELETE"); await refresh(); });

function meets(one) {
  const headers = Object.entries(one.match_headers ?? {}).map(([name, pattern]) => `${name}: ${pattern}`);
  const parts = [one.event ?? [one.operation ?? "*"].flat().join(", "), ...headers, one.after && `after ${one.after}`, one.times && plural(one.times, "time"), one.rate !== undefined && one.rate < 1 && `at a rate of ${one.rate}`];
  return h("span", {}, parts.filter(Boolean).join("; "));
}

const WHEN = new Set(["id", "operation", "event", "match_headers", "after", "times", "rate", "met", "struck"]);
const strikes = one => Object.entries(one).filter(([name]) => !WHEN.has(name)).map(([name, value]) => `${words(name)} ${typeof value === "object" ? JSON.stringify(value) : value}`).join("; ");

/** A form for the usual faults; what it has no field for is said as JSON. */
function addFault(refresh) {
  const choice = (...values) => h("select", {}, values.map(one => h("option", {value: one}, one || "as usual")));
  const amount = more => h("input", {type: "number", min: 0, ...more});
  const parts = {
    operation: h("input", {list: "fault-operations", placeholder: "* for every one", spellcheck: "false", class: "mono"}), status: amount({min: 100, max: 599, placeholder: "503"}), retry_after: amount({placeholder: "seconds"}),
    delay: amount({step: "any", placeholder: "seconds"}), answer: choice("", "reset", "empty", "truncated", "malformed"), times: amount({placeholder: "always"}), rate: amount({step: "any", max: 1, placeholder: "from 0 to 1"}),
    event: h("input", {list: "fault-events", placeholder: "of webhooks: ORDER.*", spellcheck: "false", class: "mono"}), webhook: choice("", "lost", "twice", "late"),
  };
  const more = h("textarea", {rows: 3, class: "code", spellcheck: "false", placeholder: '{"bytes_per_second": 100}'});
  const close = show("Add a fault", h("form", {onsubmit: async event => {
    event.preventDefault();
    const done = await tried(async () => {
      const said = Object.entries(parts).filter(([, part]) => part.value !== "").map(([name, part]) => [name, part.type === "number" ? Number(part.value) : part.value]);
      return ask("/faults", {...Object.fromEntries(said), ...(more.value.trim() ? parsed(more.value) : {})});
    });
    if (done) { close(); await refresh(); }
  }}, h("div", {class: "fieldset"}, Object.entries(parts).map(([name, part]) => field(title(name), part))), field("More, as JSON", more),
    h("datalist", {id: "fault-operations"}, desk.model.operations.map(one => h("option", {value: one}))), h("datalist", {id: "fault-events"}, desk.model.event_types.map(one => h("option", {value: one}))),
    h("button", {type: "submit", class: "main"}, "Add")));
}
