// A record as a document a person reads: what the behaviour file's `view` of its resource says of head, lines and totals.

/** The document. */
function paper(told, state) {
  const shown = value => figure(value, told.amount);
  return h("article", {class: "paper", "aria-label": `${told.title} ${told.number ?? ""}`},
    h("header", {}, h("div", {}, h("p", {class: "kind"}, told.title), h("p", {class: "number"}, String(told.number ?? "without a number"))), pill(state)),
    h("dl", {class: "terms"}, told.head.filter(one => one.value !== null).map(one => h("div", {}, h("dt", {}, one.label), h("dd", {}, shown(one.value))))),
    told.columns.length > 0 && lines(told, shown),
    h("dl", {class: "totals"}, told.totals.filter(one => one.value !== null).map(one => h("div", {}, h("dt", {}, one.label), h("dd", {}, shown(one.value))))));
}

function lines(told, shown) {
  if (!told.rows.length) return empty("No lines.");
  return h("div", {},
    table("Lines", told.columns.map((heading, place) => [heading, row => shown(row[place]), place ? "figure" : ""]), told.rows),
    told.more > 0 && h("p", {class: "hint"}, `and ${plural(told.more, "more line")}`));
}

/** A value of a document: an amount with its unit, a day, text. */
function figure(value, [quantity, unit] = []) {
  if (value === null || value === undefined) return h("span", {class: "null"}, "–");
  if (quantity && typeof value === "object" && quantity in value) return h("span", {class: "number"}, `${grouped(String(value[quantity]))} ${value[unit] ?? ""}`);
  if (INSTANT.test(value)) return h("time", {datetime: value, title: value}, value.endsWith("T00:00:00Z") ? value.slice(0, 10) : `${value.slice(0, 10)} ${value.slice(11, 16)}`);
  if (!isPlain(value) && Object.values(value).every(part => typeof part === "string")) return long(Object.values(value).join(" "));
  return isPlain(value) ? long(value instanceof Long ? value.text : String(value)) : brief(JSON.stringify(value), 80);
}

const grouped = text => text.replace(/^(-?)(\d+)/, (_, sign, digits) => sign + digits.replace(/\B(?=(\d{3})+$)/g, " "));
