// A lifecycle drawn from its table: states in rows by how far they are from the beginning, transitions as curves downwards.
// Pure: a table in, an SVG out. After Sugiyama: layers, places for edges that pass a layer, order by neighbours.

const EDGE = 14;
const letters = text => text.length * 6.1;

/** A lifecycle as SVG; `state` is lit, and the transitions it accepts. */
function diagram(lifecycle, state) {
  const edges = edgesOf(lifecycle);
  const nodes = placed(layered(lifecycle, edges), edges);
  const width = Math.max(...nodes.map(one => one.x + one.width), ...edges.map(one => one.right ?? 0)) + EDGE;
  const height = Math.max(...nodes.map(one => one.y + one.height)) + EDGE;
  const marker = id => s("marker", {id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto"}, s("path", {d: "M0 0L8 4L0 8z"}));
  const said = edges.map(one => `${one.from} to ${one.to} by ${one.triggers.join(" or ")}`).join("; ");
  return s("svg", {class: "lifecycle", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `Lifecycle${state ? `, now ${state}` : ""}: ${said || "no transitions"}`},
    s("defs", {}, marker("tip"), marker("tip-lit")),
    [false, true].map(lit => edges.filter(one => (one.from === state) === lit).map(one => line(one, lit))),
    nodes.filter(one => one.state).map(one => box(one, one.state === state, lifecycle.initial.includes(one.state))),
    edges.map(one => caption(one, one.from === state, lifecycle)));
}

/** Transitions between two states are one edge. */
function edgesOf(lifecycle) {
  const found = new Map();
  for (const [from, row] of Object.entries(lifecycle.table)) {
    for (const [trigger, to] of Object.entries(row)) {
      const key = JSON.stringify([from, to]);
      if (!found.has(key)) found.set(key, {from, to, triggers: []});
      found.get(key).triggers.push(trigger);
    }
  }
  return [...found.values()];
}

/** The layer of each state: one below the farthest state before it, edges that lead back left out. */
function layered(lifecycle, edges) {
  const states = Object.keys(lifecycle.table);
  const next = Object.fromEntries(states.map(one => [one, edges.filter(edge => edge.from === one && edge.to !== one)]));
  const seen = new Map();
  const visit = one => {
    seen.set(one, "open");
    for (const edge of next[one]) {
      if (seen.get(edge.to) === "open") edge.back = true;
      else if (!seen.has(edge.to)) visit(edge.to);
    }
    seen.set(one, "done");
  };
  for (const one of [...lifecycle.initial, ...lifecycle.given, ...states]) if (one in next && !seen.has(one)) visit(one);
  const layer = Object.fromEntries(states.map(one => [one, 0]));
  for (let round = 0; round < states.length; round++) {
    for (const edge of edges) if (!edge.back && edge.from !== edge.to) layer[edge.to] = Math.max(layer[edge.to], layer[edge.from] + 1);
  }
  return layer;
}

/** Boxes with their places; an edge over several layers has a place in each between, as wide as what is written there. */
function placed(layer, edges) {
  const rows = [];
  const put = (at, node) => { (rows[at] ??= []).push(node); return node; };
  const states = new Map(Object.entries(layer).map(([state, at]) => [state, put(at, {state, layer: at, width: state.length * 8 + 30, height: 32, near: []})]));
  for (const edge of edges) {
    const [start, end] = edge.back ? [edge.to, edge.from] : [edge.from, edge.to];
    const chain = [states.get(start)];
    const wide = Math.max(...edge.triggers.map(letters)) + 12;
    for (let at = layer[start] + 1; at < layer[end]; at++) chain.push(put(at, {layer: at, width: wide, height: 32, near: []}));
    if (end !== start) chain.push(states.get(end));
    chain.forEach((one, place) => { if (place) { one.near.push(chain[place - 1]); chain[place - 1].near.push(one); } });
    edge.chain = chain;
  }
  for (let round = 0; round < 8; round++) for (const row of round % 2 ? [...rows].reverse() : rows) order(row);
  const widest = Math.max(...rows.map(broad));
  const deepest = at => Math.max(1, ...edges.filter(edge => edge.chain[0].layer === at).map(edge => edge.triggers.length));
  let y = EDGE + (edges.some(edge => edge.from === edge.to && layer[edge.from] === 0) ? 24 : 0);
  rows.forEach((row, at) => {
    let x = EDGE + (widest - broad(row)) / 2;
    for (const one of row) { one.x = x; one.y = y; x += one.width + 18; }
    y += 32 + 38 + deepest(at) * 13;
  });
  return rows.flat();
}

const broad = row => row.reduce((sum, one) => sum + one.width + 18, -18);

function order(row) {
  row.forEach((one, place) => { one.place ??= place; });
  const spread = one => one.near.length ? one.near.reduce((sum, other) => sum + ((other.place ?? 0) + 0.5) / (other.among ?? 1), 0) / one.near.length : (one.place + 0.5) / row.length;
  const want = new Map(row.map(one => [one, spread(one)]));
  row.sort((one, other) => want.get(one) - want.get(other) || one.place - other.place);
  row.forEach((one, place) => { one.place = place; one.among = row.length; });
}

const middle = one => one.x + one.width / 2;

/** Where an edge meets a box: edges that share a side are spread along it, in the order of where they go. */
function port(node, edge, below) {
  const beside = node.near.filter(one => below ? one.layer > node.layer : one.layer < node.layer).sort((one, other) => middle(one) - middle(other));
  const at = edge.chain.indexOf(node);
  const other = edge.chain[below ? at + 1 : at - 1];
  const room = Math.min(node.width - 28, (beside.length - 1) * 22);
  return middle(node) + (beside.length > 1 ? room * (beside.indexOf(other) / (beside.length - 1) - 0.5) : 0);
}

function line(edge, lit) {
  const d = edge.chain.length === 1 ? loop(edge) : curve(edge);
  const tip = `url(#${lit ? "tip-lit" : "tip"})`;
  return s("path", {class: `edge${lit ? " lit" : ""}`, d, "marker-end": tip});
}

function loop(edge) {
  const [node] = edge.chain;
  const x = node.x + node.width;
  edge.label = {x: x + 30 + Math.max(...edge.triggers.map(letters)) / 2, y: node.y + 16};
  edge.right = x + 34 + Math.max(...edge.triggers.map(letters));
  return `M${x - 8} ${node.y + 6}C${x + 30} ${node.y - 8} ${x + 30} ${node.y + 40} ${x - 6} ${node.y + 27}`;
}

function curve(edge) {
  const points = [];
  edge.chain.forEach((one, at) => {
    if (!one.state) points.push([middle(one), one.y], [middle(one), one.y + one.height]);
    else if (at === 0) points.push([port(one, edge, true), one.y + one.height]);
    else points.push([port(one, edge, false), one.y]);
  });
  const [a, b] = points;
  edge.label = edge.chain.length > 2 ? {x: b[0], y: b[1] + 16} : {x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2};
  const run = edge.back ? points.reverse() : points;
  return run.slice(1).reduce((d, [x, y], at) => {
    const [px, py] = run[at];
    return px === x ? `${d}L${x} ${y}` : `${d}C${px} ${(py + y) / 2} ${x} ${(py + y) / 2} ${x} ${y}`;
  }, `M${run[0][0]} ${run[0][1]}`);
}

function box(node, lit, initial) {
  const y = node.y + node.height / 2;
  return s("g", {class: `state${lit ? " lit" : ""}`},
    s("rect", {x: node.x, y: node.y, width: node.width, height: node.height, rx: 16}),
    initial && s("circle", {cx: node.x + 12, cy: y, r: 3}),
    s("text", {x: middle(node) + (initial ? 5 : 0), y: y + 4.5, "text-anchor": "middle"}, node.state));
}

function caption(edge, lit, lifecycle) {
  const lines = edge.triggers.map(one => lifecycle.timers[one] ? `${words(one)} ◷` : words(one));
  const top = edge.label.y - (lines.length - 1) * 6.5 + 4;
  return s("g", {class: `caption${lit ? " lit" : ""}`}, lines.map((text, number) => s("text", {x: edge.label.x, y: top + number * 13, "text-anchor": "middle"}, text)));
}
