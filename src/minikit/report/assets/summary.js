// The summary, and the texts of its parts: sentences that can be chosen, words that were warned of.

const sentences = new Map(); // the elements of each claim that are on the page, by its number

/** Put a text into an element as paragraphs, its claims as sentences that can be chosen. */
function drawProse(element, text, claims, warnings = []) {
  const shown = visible(text);
  const stretches = inOrder(claims);
  let first = 0; // the first claim that may reach into the paragraph
  let end = 0;
  for (const part of shown.split(/(\n{2,})/)) {
    let at = end;
    end += part.length;
    if (!part.trim()) continue;
    const paragraph = make("p", { dir: "auto" });
    while (first < stretches.length && stretches[first].end <= at) first += 1;
    for (let next = first; next < stretches.length && stretches[next].start < end; next += 1) {
      const claim = stretches[next];
      const [from, to] = [Math.max(at, claim.start), Math.min(end, claim.end)];
      paragraph.append(...words(shown, at, from, warnings));
      paragraph.append(sentence(claim.number, words(shown, from, to, warnings), to === claim.end));
      at = to;
    }
    paragraph.append(...words(shown, at, end, warnings));
    element.append(paragraph);
  }
  rove([], element.querySelector(".sentence"));
  element.addEventListener("click", choose);
  element.addEventListener("keydown", moveSentence);
}

/** The claims that have a stretch of their own, in order; one that overlaps is cut, or left out. */
function inOrder(claims) {
  let at = 0;
  const stretches = [];
  for (const number of claims) {
    const { start, end } = data.claims[number];
    if (end > Math.max(at, start)) stretches.push({ number, start: Math.max(at, start), end });
    at = Math.max(at, end);
  }
  return stretches;
}

function sentence(number, children, isWhole) {
  const { verdict } = data.claims[number];
  const element = make(
    "span",
    { class: "sentence", role: "button", tabindex: "-1", "aria-pressed": "false", "data-claim": number },
    ...children,
  );
  if (isWhole) element.append(make("sup", { class: "mark" }, badge(verdict, { word: false }), make("span", { class: "number" }, `${number + 1}`)));
  sentences.set(number, [...(sentences.get(number) ?? []), element]);
  return element;
}

/** A stretch of text; the words in it that were warned of are elements. */
function words(text, start, end, warnings) {
  const nodes = [];
  let at = start;
  for (const warning of warnings) {
    const [from, to] = [Math.max(at, warning.start), Math.min(end, warning.end)];
    if (warning.start === null || from >= to) continue;
    nodes.push(text.slice(at, from));
    nodes.push(make("span", { class: "warned", title: warning.message, "data-warning": warning.number }, text.slice(from, to)));
    at = to;
  }
  return [...nodes, text.slice(at, end)].filter((node) => node !== "");
}

function choose(event) {
  const chosen = event.target.closest(".sentence");
  if (chosen && getSelection().isCollapsed) select(Number(chosen.dataset.claim));
}

function moveSentence(event) {
  const from = event.target.closest(".sentence");
  const moves = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  if (!from) return;
  if (event.key === "Enter" || event.key === " ") select(Number(from.dataset.claim));
  else if (event.key in moves) {
    const all = [...event.currentTarget.querySelectorAll(".sentence")];
    const next = all[all.indexOf(from) + moves[event.key]];
    if (next) {
      next.focus();
      select(Number(next.dataset.claim));
    }
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** The heads of the page: title, figures, notes, a button for each verdict. */
function drawHead() {
  byId("title").textContent = visible(data.title);
  for (const { name, value, note } of data.figures) {
    byId("figures").append(
      make("div", {}, make("dt", {}, name), make("dd", {}, visible(value), note && make("small", {}, note))),
    );
  }
  byId("notes").append(...data.notes.map((note) => make("li", {}, visible(note))));
  byId("verdicts").append(
    ...data.counts.map(([verdict, count]) =>
      button({ class: `chip ${verdict}`, "data-verdict": verdict }, () => seek([verdict]), `${count} `, badge(verdict)),
    ),
  );
}

/** Select the next sentence of the summary that has one of these verdicts. */
function seek(verdicts) {
  const total = data.ownClaims;
  const from = selected !== null && selected < total ? selected : -1;
  for (let step = 1; step <= total; step += 1) {
    const number = (from + step) % total;
    if (!verdicts.includes(data.claims[number].verdict)) continue;
    select(number);
    sentences.get(number)?.[0].focus();
    return;
  }
}

/** What to look at, and what was not read. */
function drawLists() {
  fillList("warnings", data.warnings.map((warning, number) => {
    const inside = [make("span", { class: "kind" }, warning.kind), " ", visible(warning.message)];
    return warning.start === null ? inside : [button({ class: "link" }, () => showWarned(number), ...inside)];
  }));
  fillList("gaps", data.gaps.map((gap) => [
    button({ class: "link" }, () => showPlace(gap), make("span", { class: "kind" }, visible(gap.reason)), ` ${gap.offsets}`),
  ]));
}

function fillList(id, rows) {
  byId(id).hidden = rows.length === 0;
  byId(id).querySelector("ul").append(...rows.map((row) => make("li", {}, ...row)));
}

function showWarned(number) {
  for (const element of document.querySelectorAll(".warned.shown")) element.classList.remove("shown");
  const elements = document.querySelectorAll(`#summary [data-warning="${number}"]`);
  for (const element of elements) element.classList.add("shown");
  elements[0]?.scrollIntoView({ block: "center" });
}

/** What each sentence rests on, for print. */
function drawFootnotes() {
  const notes = data.claims.slice(0, data.ownClaims).map(({ verdict, citations }) =>
    make("li", {}, badge(verdict), ...citations.map((citation) => make("p", {}, ...footnote(citation)))),
  );
  byId("footnotes").append(...notes);
}

function footnote({ quote, places, verdict }) {
  const cited = places.map((number) => citedText(data.places[number])).join(" … ");
  const where = places.map((number) => placeName(data.places[number])).join("; ");
  const text = quote || cited;
  const isOther = quote !== "" && cited !== "" && !isAlike(quote, cited);
  return [
    text && `“${visible(text)}”`,
    isOther ? ` (${verdict}; the source: “${cited}”)` : "",
    where && make("span", { class: "where" }, ` ${where}`),
  ].filter(Boolean);
}
