// What the page asks the server: the control plane, and the API itself as its document declares it.

const first = JSON.parse($("first").textContent);
const desk = {model: first.model, world: first.world.name, worlds: first.worlds, summary: first.world, resources: {}, live: true};
for (const one of first.model.resources) desk.resources[one.name] = one;

class Failed extends Error {}

/** A whole number JavaScript cannot hold, as it was written. */
class Long {
  constructor(text) { this.text = text; }
  toJSON() { return JSON.rawJSON ? JSON.rawJSON(this.text) : Number(this.text); }
}

const parsed = text => JSON.parse(text, (_, value, context) =>
  typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source ? new Long(context.source) : value);

/** A call of the control plane in the world that is shown; its answer. Throws Failed with what would be right. */
async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  let response;
  try {
    response = await fetch(`/_understudy${path}`, {
      method, headers: {"Understudy-World": desk.world, ...(body === undefined ? {} : {"Content-Type": "application/json"})},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Failed("the stand-in does not answer; is it still running?");
  }
  const text = await response.text();
  let answer;
  try { answer = parsed(text); } catch { answer = {detail: text}; }
  if (!response.ok) throw new Failed(answer.detail ?? `${response.status}`);
  return answer;
}

const query = values => {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
};

const operations = new Map();
/** What an operation takes: see the control plane's `/operations`. */
async function operation(key) {
  const at = `${desk.world} ${key}`;
  if (!operations.has(at)) operations.set(at, await ask(`/operations${query({key})}`));
  return operations.get(at);
}

/** Call the API: what came back, and why, as the request log has it. */
async function call(one, path, body, headers = {}) {
  const sent = {...one.headers, "Understudy-World": desk.world, ...headers};
  if (body !== undefined) sent["Content-Type"] = one.body?.media_type ?? "application/json";
  const separator = path.includes("?") ? "&" : "?";
  const asked = new URLSearchParams(one.query).toString();
  const response = await fetch(asked ? path + separator + asked : path, {method: one.method, headers: sent, body});
  const text = await response.text();
  let value = text;
  try { value = parsed(text); } catch { /* it is shown as text */ }
  let reason = "";
  try { reason = (await ask("/requests?limit=1")).requests[0]?.reason ?? ""; } catch { /* it is shown without */ }
  return {status: response.status, ok: response.ok, value, reason};
}

/** Do something, and say what went wrong. */
async function tried(action) {
  try {
    return await action();
  } catch (fault) {
    say(fault.message, true);
    return undefined;
  }
}

let stream = null;
/** Hear whenever something changes in the world that is shown. */
function watch(changed) {
  stream?.close();
  stream = new EventSource(`/_understudy/stream${query({world: desk.world})}`);
  stream.onmessage = event => { desk.live = true; changed(JSON.parse(event.data)); };
  stream.onerror = () => { desk.live = false; changed(null); };
}
addEventListener("pagehide", () => stream?.close());
