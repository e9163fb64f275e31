"use strict";
/* The browser of examples, and the switch for light and dark. No text from the data becomes markup:
   every node is made by `make`, which sets text and never HTML. */
(() => {
  const CHUNK = 120; // examples that are put into the list at a time
  const SHORT = 120; // characters of an explanation that is shown without being asked for
  const VERDICTS = ["pass", "fault", "unknown_api", "inconclusive"];
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const list = byId("list");
  const state = { found: [], at: 0, rendered: 0, filters: new Map() };
  const policies = data.rows.filter((row) => row.key !== "references");
  const judged = policies.length ? policies : data.rows;

  function make(tag, className, ...content) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...content.filter((part) => part !== null && part !== undefined));
    return node;
  }

  const nameOf = (row) => (row.key === "references" ? "reference" : row.name);
  const plain = (name) => name.replaceAll("_", " ");
  const answersOf = (example, key) => example.answers[key] || [];

  const wasRun = (answer) => answer.failure !== "not_run";
  /* How an answer is marked: by its verdict, or by its call where nothing was run. */
  function standing(answer) {
    if (!answer) return ["", "no answer"];
    if (wasRun(answer)) return [answer.verdict || "", plain(answer.verdict || "not evaluated")];
    if (answer.unknown) return ["unknown_api", "not run; API not in the database"];
    if (answer.right === undefined) return ["", "not run"];
    return answer.right ? ["pass", "not run; right API"] : ["fault", "not run; other API"];
  }

  // ---- light and dark -----------------------------------------------------------------------------------------

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";

  function showTheme() {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    byId("theme").setAttribute("aria-pressed", String(isDark()));
  }

  function remember(theme) {
    try { localStorage.setItem("rlaif-theme", theme); } catch { /* a browser that keeps nothing */ }
  }

  function remembered() {
    try { return localStorage.getItem("rlaif-theme"); } catch { return null; }
  }

  byId("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remember(theme);
    showTheme();
  });
  dark.addEventListener("change", showTheme);
  if (["light", "dark"].includes(remembered())) document.documentElement.dataset.theme = remembered();
  showTheme();

  // ---- what is filtered and in which order ----------------------------------------------------------------------

  /* Tests by name that an answer can be filtered by; only those that occur are offered. */
  const CALLS = {
    "right API": (a) => a.right === true,
    "other API": (a) => a.right === false && !a.unknown,
    "API not in the database": (a) => Boolean(a.unknown),
    "exact call": (a) => a.exact === true,
  };

  function option(value, text) {
    const node = make("option", "", text);
    node.value = value;
    return node;
  }

  function group(label, options) {
    const node = make("optgroup", "", ...options);
    node.label = label;
    return node;
  }

  function rowFilter(row) {
    const answers = data.examples.flatMap((example) => answersOf(example, row.key));
    const verdicts = VERDICTS.filter((verdict) => answers.some((a) => wasRun(a) && a.verdict === verdict));
    const kinds = [...new Set(answers.map((a) => a.failure).filter(Boolean))].sort();
    const calls = Object.keys(CALLS).filter((name) => answers.some(CALLS[name]));
    const select = make("select", "", option("", "any"));
    if (verdicts.length) select.append(group("Verdict", verdicts.map((v) => option(`verdict:${v}`, plain(v)))));
    if (calls.length) select.append(group("Call", calls.map((name) => option(`call:${name}`, name))));
    if (kinds.length) select.append(group("Kind", kinds.map((kind) => option(`kind:${kind}`, plain(kind)))));
    select.id = `row-${row.key}`;
    select.addEventListener("change", refresh);
    state.filters.set(row.key, select);
    return make("label", "", row.name, select);
  }

  function passes(answer, wanted) {
    const [what, ...rest] = wanted.split(":");
    const value = rest.join(":");
    if (what === "verdict") return answer.verdict === value;
    if (what === "kind") return answer.failure === value;
    return CALLS[value](answer);
  }

  function haystack(example) {
    if (example.haystack === undefined) {
      const texts = Object.values(example.answers).flat().map((a) => [a.call, a.code, a.explanation, a.message, a.api, a.failure].join("\n"));
      example.haystack = [example.id, example.instruction, example.domain, ...texts].join("\n").toLowerCase();
    }
    return example.haystack;
  }

  const first = (example, key) => answersOf(example, key)[0];
  const failures = (example) => judged.filter((row) => answersOf(example, row.key).some((a) => standing(a)[0] !== "pass")).length;
  const ran = (example, key) => Number(first(example, key)?.verdict === "pass");
  const someRan = data.examples.some((example) => judged.some((row) => answersOf(example, row.key).some(wasRun)));
  const SORTS = {
    "order of the data": null,
    domain: (a, b) => a.domain.localeCompare(b.domain),
    "most rows that fail": (a, b) => failures(b) - failures(a),
    instruction: (a, b) => a.instruction.localeCompare(b.instruction),
  };
  const last = judged[judged.length - 1];
  if (judged.length > 1 && someRan) {
    for (const row of judged.slice(0, -1)) {
      const gain = (example) => ran(example, last.key) - ran(example, row.key);
      SORTS[`runs in ${last.name}, not in ${row.name}`] = (a, b) => gain(b) - gain(a);
      SORTS[`runs in ${row.name}, not in ${last.name}`] = (a, b) => gain(a) - gain(b);
    }
  }
  SORTS[`lowest ROUGE-L of ${last?.name}`] = (a, b) => (first(a, last.key)?.rouge ?? 2) - (first(b, last.key)?.rouge ?? 2);

  function select() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const domain = byId("domain").value;
    const wanted = [...state.filters].filter(([, select]) => select.value).map(([key, select]) => [key, select.value]);
    const kept = data.examples.filter((example) =>
      (!domain || example.domain === domain)
      && wanted.every(([key, value]) => answersOf(example, key).some((answer) => passes(answer, value)))
      && (!words.length || words.every((word) => haystack(example).includes(word))));
    const order = SORTS[byId("sort").value];
    return order ? kept.sort(order) : kept;
  }

  function refresh() {
    const before = state.found[state.at];
    state.found = select();
    state.rendered = 0;
    list.replaceChildren();
    list.scrollTop = 0;
    const total = data.examples.length;
    byId("count").textContent = state.found.length === total ? `${total} examples` : `${state.found.length} of ${total} examples`;
    extend();
    choose(Math.max(0, state.found.indexOf(before)), false);
  }

  // ---- the list -------------------------------------------------------------------------------------------------

  function item(example, index) {
    const marks = judged.map((row) => {
      const [kind, words] = standing(first(example, row.key));
      const mark = make("span", `mark ${kind}`);
      mark.title = `${row.name}: ${words}`;
      return mark;
    });
    const said = judged.map((row) => `${row.name}: ${standing(first(example, row.key))[1]}`).join(", ");
    const node = make("li", "", make("span", "marks", ...marks), make("span", "what", example.instruction || example.id));
    node.id = `option-${index}`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", "false");
    node.setAttribute("aria-label", `${example.instruction}. ${said}`);
    node.addEventListener("click", () => choose(index, true));
    return node;
  }

  function extend(until = state.rendered + CHUNK) {
    const end = Math.min(until, state.found.length);
    const nodes = [];
    for (let index = state.rendered; index < end; index += 1) nodes.push(item(state.found[index], index));
    list.append(...nodes);
    state.rendered = Math.max(state.rendered, end);
  }

  list.addEventListener("scroll", () => {
    if (list.scrollTop + list.clientHeight > list.scrollHeight - 400) extend();
  });

  function choose(index, byHand) {
    const old = list.querySelector('[aria-selected="true"]');
    if (old) old.setAttribute("aria-selected", "false");
    state.at = Math.min(Math.max(index, 0), Math.max(state.found.length - 1, 0));
    const example = state.found[state.at];
    byId("previous").disabled = state.at <= 0;
    byId("next").disabled = state.at >= state.found.length - 1;
    byId("position").textContent = example ? `${state.at + 1} / ${state.found.length}` : "";
    if (!example) {
      list.removeAttribute("aria-activedescendant");
      byId("shown").replaceChildren(make("p", "missing", "No example fits these filters."));
      return;
    }
    if (state.at >= state.rendered) extend(state.at + CHUNK);
    const node = list.children[state.at];
    node.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", node.id);
    if (byHand) {
      const top = node.offsetTop - list.offsetTop;
      if (top < list.scrollTop || top + node.offsetHeight > list.scrollTop + list.clientHeight) {
        list.scrollTop = top - list.clientHeight / 2;
      }
      history.replaceState(null, "", `#example=${encodeURIComponent(example.id)}`);
    }
    show(example);
  }

  // ---- one example ----------------------------------------------------------------------------------------------

  function show(example) {
    const about = [example.id, example.domain].filter(Boolean).join(" · ");
    const panels = data.rows.map((row) => panel(row, answersOf(example, row.key)));
    byId("shown").replaceChildren(
      make("p", "instruction", example.instruction), make("p", "about", about), make("div", "panels", ...panels));
  }

  function panel(row, answers) {
    const node = make("section", "panel");
    node.setAttribute("aria-label", nameOf(row));
    if (!answers.length) {
      node.append(make("h3", "", nameOf(row)), make("p", "missing", "no answer to this example"));
      return node;
    }
    let at = 0;
    const draw = () => {
      const several = answers.length > 1 ? make("button", "", `completion ${at + 1} of ${answers.length}`) : null;
      if (several) several.addEventListener("click", () => { at = (at + 1) % answers.length; draw(); node.querySelector("button").focus(); });
      node.replaceChildren(...answer(row, answers[at], several));
    };
    draw();
    return node;
  }

  function answer(row, a, several) {
    const head = make("h3", "", nameOf(row));
    const kind = a.failure ? `: ${plain(a.failure)}` : "";
    if (a.verdict) head.append(make("span", `verdict ${a.verdict}`, wasRun(a) ? plain(a.verdict) + kind : "not run"));
    if (several) head.append(several);
    const parts = [head];
    const scores = said(a);
    if (scores) parts.push(make("p", "scores", scores));
    if (a.domain) parts.push(field("domain", a.domain));
    if (a.call) parts.push(make("p", "field", make("span", "", "call"), make("code", "", ...marked([[a.call, ""]], a.unknown))));
    if (a.code) parts.push(code(a));
    else parts.push(make("p", "missing", "no code"));
    if (a.message && !(a.code && a.line)) parts.push(make("p", `error alone ${a.verdict}`, a.message));
    if (a.explanation && a.explanation.length <= SHORT) parts.push(field("explanation", a.explanation));
    else if (a.explanation) parts.push(make("details", "", make("summary", "", "explanation"), make("p", "field", a.explanation)));
    if (a.cut) parts.push(make("p", "missing", "cut at the limit of tokens"));
    if (a.raw) parts.push(make("details", "", make("summary", "", "as it was written"), make("pre", "", a.raw)));
    return parts;
  }

  function said(a) {
    const parts = [];
    if (a.unknown) parts.push("API not in the database");
    else if (a.right === true) parts.push(a.exact ? "right API, exact call" : "right API");
    else if (a.right === false) parts.push("other API");
    if (a.gorilla !== undefined && a.gorilla !== a.right) parts.push(a.gorilla ? "right by Gorilla's rules" : "not right by Gorilla's rules");
    if (a.rouge !== undefined) parts.push(`ROUGE-L ${(100 * a.rouge).toFixed(1)}`);
    if (a.codebleu !== undefined) parts.push(`CodeBLEU ${(100 * a.codebleu).toFixed(1)}`);
    return parts.join(" · ");
  }

  const field = (name, text) => make("p", "field", make("span", "", name), make("span", "", text));

  // ---- code -----------------------------------------------------------------------------------------------------

  const KEYWORDS = new Set(("False None True and as assert async await break class continue def del elif else except finally for "
    + "from global if import in is lambda nonlocal not or pass raise return try while with yield").split(" "));
  const TOKEN = /(#[^\n]*)|((?:[rbuf]{0,2})(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|(\b\d[\w.]*)|([A-Za-z_]\w*)(?=\s*\()|([A-Za-z_]\w*)/gi;

  /* [text, class] pieces whose texts make up the code. */
  function tokens(text) {
    const pieces = [];
    let end = 0;
    for (const match of text.matchAll(TOKEN)) {
      if (match.index > end) pieces.push([text.slice(end, match.index), ""]);
      const [all, comment, string, number, call, word] = match;
      const isKeyword = KEYWORDS.has(call || word);
      pieces.push([all, comment ? "c" : string ? "t" : number ? "n" : isKeyword ? "k" : call ? "f" : ""]);
      end = match.index + all.length;
    }
    if (end < text.length) pieces.push([text.slice(end), ""]);
    return pieces;
  }

  /* Spans of the pieces; names that the database does not have are marked, also where they go over pieces. */
  function marked(pieces, unknown) {
    const text = pieces.map(([piece]) => piece).join("");
    const inside = new Uint8Array(text.length);
    for (const name of unknown || []) {
      for (let at = name ? text.indexOf(name) : -1; at >= 0; at = text.indexOf(name, at + name.length)) inside.fill(1, at, at + name.length);
    }
    const nodes = [];
    let start = 0;
    for (const [piece, className] of pieces) {
      for (let from = 0; from < piece.length;) {
        let to = from + 1;
        while (to < piece.length && inside[start + to] === inside[start + from]) to += 1;
        const part = piece.slice(from, to);
        const node = inside[start + from] ? make("mark", className, part) : className ? make("span", className, part) : part;
        if (node.title !== undefined && inside[start + from]) node.title = "not in the API database";
        nodes.push(node);
        from = to;
      }
      start += piece.length;
    }
    return nodes;
  }

  function code(a) {
    const lines = [[]];
    for (const [text, className] of tokens(a.code)) {
      text.split("\n").forEach((part, index) => {
        if (index) lines.push([]);
        if (part) lines[lines.length - 1].push([part, className]);
      });
    }
    const box = make("span", "lines");
    lines.forEach((pieces, index) => {
      const line = make("span", "line", ...marked(pieces, a.unknown), "\n");
      line.dataset.n = String(index + 1);
      box.append(line);
      if (a.line === index + 1 && a.message) {
        line.classList.add("failed", a.verdict);
        box.append(make("span", `error ${a.verdict}`, a.message));
      }
    });
    const node = make("div", "code", box);
    node.tabIndex = 0;
    node.setAttribute("role", "region");
    node.setAttribute("aria-label", "code");
    return node;
  }

  // ---- keyboard -------------------------------------------------------------------------------------------------

  const isTyping = (node) => node.matches?.("input, select, textarea");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === byId("search")) {
      if (byId("search").value) { byId("search").value = ""; refresh(); } else list.focus();
      return;
    }
    if (isTyping(event.target)) {
      if (event.key === "Enter" && event.target === byId("search")) { event.preventDefault(); list.focus(); }
      return;
    }
    const steps = { j: 1, k: -1 };
    if (event.key in steps) { choose(state.at + steps[event.key], true); event.preventDefault(); }
    if (event.key === "/") { byId("search").focus(); byId("search").select(); event.preventDefault(); }
  });

  list.addEventListener("keydown", (event) => {
    const to = {
      ArrowDown: state.at + 1, ArrowUp: state.at - 1, PageDown: state.at + 10, PageUp: state.at - 10, Home: 0, End: state.found.length - 1,
    }[event.key];
    if (to !== undefined) { choose(to, true); event.preventDefault(); }
  });

  byId("previous").addEventListener("click", () => choose(state.at - 1, true));
  byId("next").addEventListener("click", () => choose(state.at + 1, true));

  // ---- begin ----------------------------------------------------------------------------------------------------

  const domains = [...new Set(data.examples.map((example) => example.domain))].sort();
  byId("domain").append(option("", "any"), ...domains.map((domain) => option(domain, domain || "(none)")));
  byId("sort").append(...Object.keys(SORTS).map((name) => option(name, name)));
  byId("row-filters").append(...judged.map(rowFilter));
  byId("search").addEventListener("input", refresh);
  for (const id of ["domain", "sort"]) byId(id).addEventListener("change", refresh);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    byId("filters").reset();
    refresh();
    byId("search").focus();
  });

  function fromAddress() {
    const named = /^#example=(.*)$/.exec(location.hash);
    if (!named) return;
    let id;
    try { id = decodeURIComponent(named[1]); } catch { return; }
    const index = state.found.findIndex((example) => example.id === id);
    if (index >= 0) {
      choose(index, true);
      byId("examples").scrollIntoView();
    }
  }
  refresh();
  fromAddress();
  window.addEventListener("hashchange", fromAddress);
})();
