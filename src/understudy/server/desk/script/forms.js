// An operation as a form: its parameters, its body as JSON with the document's example, and what came of it.

/** Open the form of an operation. `path` may be filled in; `body` takes the example's place; `done` is told of a success. */
async function form(key, {path, body, done} = {}) {
  const one = await tried(() => operation(key));
  if (!one) return;
  const where = path ?? one.path;
  const holes = [...where.matchAll(/\{([^{}]*)\}/g)].map(found => found[1]);
  const asked = one.parameters.filter(part => part.in === "path" ? holes.includes(part.name) : part.required);
  const inputs = asked.map(part => [part, h("input", {value: part.example === null || part.example === undefined ? "" : String(part.example), required: true, spellcheck: "false"})]);
  const editor = one.body && h("textarea", {rows: 14, spellcheck: "false", class: "code", value: text(one, body)});
  const answer = h("div", {class: "answer", role: "status"});
  const send = h("button", {type: "submit", class: "main"}, "Send");
  const submit = async event => {
    event.preventDefault();
    const sent = editor ? editor.value : undefined;
    const wrong = editor && unread(one, sent);
    if (wrong) { swap(answer, h("p", {class: "wrong"}, `Not JSON yet: ${wrong}`)); editor.focus(); return; }
    send.disabled = true;
    const came = await tried(() => call(one, address(where, inputs), sent === "" ? undefined : encoded(one, sent), headersOf(inputs)));
    send.disabled = false;
    if (came) { swap(answer, answered(one, came)); if (came.ok) done?.(came); }
  };
  const whole = h("form", {onsubmit: submit, onkeydown: event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); whole.requestSubmit(); } }},
    inputs.map(([part, input]) => field(`${part.name} (${part.in})`, input, part.description)),
    editor && field(`Body, ${one.body.media_type}`, editor),
    h("div", {class: "row"}, send, editor && h("span", {class: "hint"}, "Ctrl + Enter sends")), answer);
  show(called(one, one.resource ?? key), h("p", {class: "hint mono"}, `${one.method} ${where}`), whole);
  editor?.focus();
}

const isJson = one => one.body.media_type.includes("json");
const text = (one, body) => {
  const value = body ?? one.body.example;
  return value === null || value === undefined ? isJson(one) ? "{}" : "" : isJson(one) ? JSON.stringify(value, null, 2) : typeof value === "object" ? new URLSearchParams(value).toString() : String(value);
};

function unread(one, sent) {
  if (!isJson(one) || sent === "") return null;
  try { JSON.parse(sent); return null; } catch (fault) { return fault.message; }
}

const encoded = (one, sent) => sent;
const address = (where, inputs) => {
  const filled = inputs.filter(([part]) => part.in === "path").reduce((path, [part, input]) => path.replaceAll(`{${part.name}}`, encodeURIComponent(input.value)), where);
  return filled + query(Object.fromEntries(inputs.filter(([part]) => part.in === "query").map(([part, input]) => [part.name, input.value])));
};
const headersOf = inputs => Object.fromEntries(inputs.filter(([part]) => part.in === "header").map(([part, input]) => [part.name, input.value]));

/** What came of a call: status, reason, the record it made. */
function answered(one, came) {
  const id = came.ok ? made(one, came.value) : null;
  return [
    h("p", {class: "outcome"}, status(came.status), " ", came.reason),
    id && h("p", {}, h("a", {href: recordLink(one.resource, id), onclick: () => $("dialog").close()}, `Open ${words(one.resource)} ${id}`)),
    came.value !== "" && code(pretty(came.value), "Answer"),
  ].filter(Boolean);
}

function made(one, value) {
  const resource = desk.resources[one.resource];
  const candidates = resource && value && typeof value === "object" ? [value, ...Object.values(value)] : [];
  return candidates.find(part => part && typeof part === "object" && resource.id_field in part)?.[resource.id_field] ?? null;
}

/** Make a call that needs nothing said, or open its form. */
async function act(one, done) {
  if (one.takes === "body" || /\{/.test(one.path)) { await form(one.key, {path: one.path, done}); return; }
  const came = await tried(async () => call(await operation(one.key), one.path, undefined));
  if (!came) return;
  say(`${came.status} ${came.reason}`, !came.ok);
  if (came.ok) done?.(came);
}
