// The evidence: what the chosen sentence rests on, or what rests on the chosen passage.

const evidence = byId("evidence");
const hint = byId("hint");
let selected = null; // the number of the claim whose passages are shown
let step = 0; // which of them is shown most

const citedText = ({ start, end }) => shownText.slice(start, end);
const placeName = ({ headings, offsets }) => [...headings.map(visible), offsets].join(" › ");
const isAlike = (one, other) => one.replace(/\s+/g, " ").trim() === other.replace(/\s+/g, " ").trim();

/** The places that a claim rests on, in the order of its citations. */
const placesOf = (claim) => data.claims[claim].citations.flatMap(({ places }) => places.map((number) => data.places[number]));

/** Show what a claim rests on. */
function select(claim, at = 0) {
  const isNew = claim !== selected;
  unpress();
  [selected, step] = [claim, at];
  for (const element of sentences.get(claim) ?? []) {
    element.classList.add("chosen");
    element.setAttribute("aria-pressed", "true");
  }
  const [first] = sentences.get(claim) ?? [];
  if (first) {
    rove(first.closest(".prose, #summary").querySelectorAll(".sentence[tabindex='0']"), first);
    first.scrollIntoView({ block: "nearest" });
  }
  if (isNew) drawEvidence(claim);
  showStep();
}

/** Show the passage that is `by` after the one that is shown. */
function stepBy(by) {
  const count = selected === null ? 0 : placesOf(selected).length;
  if (count) select(selected, (step + by + count) % count);
}

function showStep() {
  const places = placesOf(selected);
  light(places, places[step]);
  spot(places);
  for (const [at, element] of [...evidence.querySelectorAll(".place")].entries()) {
    if (at === step) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
  }
  const counter = evidence.querySelector(".counter");
  if (counter) counter.textContent = `${step + 1} of ${places.length}`;
  if (places.length) reveal(places[step].start);
}

function drawEvidence(claim) {
  const { verdict, citations } = data.claims[claim];
  const places = placesOf(claim);
  let number = 0;
  const items = citations.map((citation) =>
    make("li", {}, ...citationParts(citation, citations.length > 1, () => number++)),
  );
  openEvidence(
    [badge(verdict), make("span", { class: "meaning" }, data.verdicts[verdict].meaning)],
    places.length > 1 && [
      button({ "aria-label": "The passage before", "aria-keyshortcuts": "p" }, () => stepBy(-1), "‹"),
      make("span", { class: "counter" }),
      button({ "aria-label": "The next passage", "aria-keyshortcuts": "n" }, () => stepBy(1), "›"),
    ],
    make("ol", { class: "citations" }, ...items),
  );
}

/** The parts of a citation: its verdict, the quote, and the words of the source where they differ. */
function citationParts({ quote, verdict, score, places }, isOneOfMany, count) {
  const cited = places.map((number) => citedText(data.places[number])).join(" … ");
  const isSame = isAlike(quote, cited);
  return [
    make("div", { class: "line" }, isOneOfMany ? badge(verdict) : null, make("span", { class: "score" }, `${score} of 100 alike`)),
    quote && !isSame ? make("figure", {}, make("figcaption", {}, "Quote"), make("blockquote", { dir: "auto", lang: "" }, visible(quote))) : null,
    cited ? make("figure", {}, make("figcaption", {}, isSame ? "Quoted" : "Source"), make("blockquote", { dir: "auto", lang: "" }, cited)) : null,
    ...places.map((number) => {
      const at = count();
      return button({ class: "place link" }, () => select(selected, at), placeName(data.places[number]));
    }),
  ];
}

/** Fill the panel. */
function openEvidence(head, steps, body) {
  evidence.replaceChildren(
    make(
      "div",
      { class: "line head" },
      ...head,
      make("span", { class: "steps" }, ...(steps || [])),
      button({ class: "to-source" }, () => byId("beside").scrollIntoView(), "To the source"),
      button({ class: "close", "aria-label": "Close", "aria-keyshortcuts": "Escape" }, clear, "×"),
    ),
    body,
  );
  evidence.classList.add("open");
  evidence.scrollTop = 0;
}

/** Show which sentences rest on a stretch of the source. */
function showRests({ start, end }) {
  const touches = (place) => place.start < end && place.end > start;
  const claims = [...data.claims.keys()].filter((claim) => placesOf(claim).some(touches));
  unpress();
  selected = null;
  light(data.places.slice(0, data.cited).filter(touches), null);
  spot([{ start, end }]);
  for (const claim of claims) {
    for (const element of sentences.get(claim) ?? []) element.classList.add("chosen");
  }
  sentences.get(claims[0])?.[0].scrollIntoView({ block: "nearest" });
  openEvidence(
    [make("span", { class: "meaning" }, restsLine(claims))],
    null,
    make("ul", { class: "rests" }, ...claims.map((claim) => make("li", {}, restsLink(claim, touches)))),
  );
}

function restsLine(claims) {
  const own = claims.filter((claim) => claim < data.ownClaims).length;
  const others = claims.length - own;
  const line = `${plural(own, "sentence")} of the summary ${own === 1 ? "rests" : "rest"} on this passage`;
  return others ? `${line}, and ${others.toLocaleString("en")} of its parts.` : `${line}.`;
}

function restsLink(claim, touches) {
  const { verdict, start, end } = data.claims[claim];
  const part = partOf(claim);
  const text = (part ? part.text : data.text).slice(start, end);
  const from = part ? make("span", { class: "kind" }, `${part.name}: `) : null;
  return button(
    { class: "link", "data-claim": claim },
    () => {
      select(claim, placesOf(claim).findIndex(touches));
      sentences.get(claim)?.[0].focus();
    },
    badge(verdict), " ", from, visible(text),
  );
}

/** Show a place without a claim: a gap, or what a part stands for. */
function showPlace(place) {
  clear();
  band(place);
  reveal(place.start);
}

function unpress() {
  for (const element of document.querySelectorAll(".sentence.chosen")) {
    element.classList.remove("chosen");
    element.setAttribute("aria-pressed", "false");
  }
}

/** Show nothing in particular. */
function clear() {
  unpress();
  selected = null;
  light([], null);
  spot([]);
  evidence.classList.remove("open");
  evidence.replaceChildren(hint);
}
