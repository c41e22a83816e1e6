// Faults on purpose: which are set, one more, one less.

async function faultsView() {
  return {title: "Faults", node: h("div", {}, h("h1", {}, "Faults"), empty("This server sets no faults."))};
}
