// The source: blocks that the browser lays out only where they come into view, and in them an
// element for each stretch that is cited.

const BLOCK = 4000; // characters; small enough to lay out at once, large enough to be few
const LINE_PX = 27;
const LETTER_PX = 8;

const pane = byId("pane");
const blocks = []; // { start, end, element }, in order
let shownText = ""; // the source as it is shown, of the same length
const pieces = []; // { start, end, element, isCited }: what is cited, in order; they do not overlap
let lit = []; // elements that are highlighted
let journey = 0; // the last `reveal`; an older one that is still under way gives up

/** Draw the source anew. */
function drawSource(joinsLines) {
  const text = (shownText = readable(joinsLines));
  const changes = citedChanges();
  const cuts = new Set(blockCuts(text));
  const offsets = [...new Set([...cuts, ...changes.keys()])].sort((a, b) => a - b);
  const gapAt = new Map(data.gaps.map((gap) => [gap.start, gap]));
  const gapEnds = new Set(data.gaps.map((gap) => gap.end));
  const drawn = document.createDocumentFragment();
  blocks.length = pieces.length = 0;
  let gap = null;
  let [own, all] = [0, 0];
  offsets.forEach((start, at) => {
    const end = offsets[at + 1] ?? text.length;
    const change = changes.get(start) ?? [0, 0];
    own += change[0];
    all += change[1];
    if (gapEnds.has(start)) gap = null;
    if (start === end) return;
    if (gapAt.has(start)) {
      gap = gapAt.get(start);
      drawn.append(gapLabel(gap));
    }
    if (cuts.has(start)) {
      const element = make("div", { class: gap ? "block gap" : "block" });
      blocks.push({ start, end, element });
      drawn.append(element);
    }
    const block = blocks.at(-1);
    block.end = end;
    block.element.append(piece(text.slice(start, end), start, end, own > 0, all > 0));
  });
  pane.replaceChildren(drawn);
  guessHeights(text);
  rove([], pieces.find((each) => each.isCited)?.element);
}

/** The source with its control characters visible; if wanted, with broken lines joined and of many
 * blank lines two left. The length stays. */
function readable(joinsLines) {
  const text = visible(data.source);
  if (!joinsLines) return text;
  return text
    .replace(/(?<=[^\n]{50})\n(?=[^\s\d*+•#>|=_-])/g, " ")
    .replace(/(?<=\n\r?\n\r?\n)\r?\n/g, (end) => "\u200b".repeat(end.length));
}

/** How many passages of the summary, and of it and its parts, begin or end at each offset. */
function citedChanges() {
  const changes = new Map();
  const count = (offset, own, by) => {
    const change = changes.get(offset) ?? [0, 0];
    changes.set(offset, [change[0] + (own ? by : 0), change[1] + by]);
  };
  data.places.forEach(({ start, end }, number) => {
    count(start, number < data.cited, 1);
    count(end, number < data.cited, -1);
  });
  return changes;
}

/** Where blocks begin: at gaps and their ends, else at a good place about every BLOCK characters. */
function blockCuts(text) {
  const edges = data.gaps.flatMap((gap) => [gap.start, gap.end]);
  const fixed = [...new Set([0, ...edges, text.length])].sort((a, b) => a - b);
  return fixed.slice(0, -1).flatMap((start, at) => {
    const cuts = [];
    for (let cut = start; cut < fixed[at + 1]; cut = nextCut(text, cut, fixed[at + 1])) cuts.push(cut);
    return cuts;
  });
}

/** After a paragraph, else a line, else a word, else wherever no character is cut in two. */
function nextCut(text, start, end) {
  if (end - start <= BLOCK * 1.5) return end;
  const from = start + BLOCK / 2;
  const window = text.slice(from, start + BLOCK);
  for (const sign of ["\n\n", "\n", " "]) {
    const found = window.lastIndexOf(sign);
    if (found >= 0) return from + found + sign.length;
  }
  let cut = start + BLOCK;
  while (cut < start + BLOCK * 1.5 && /[\p{M}\p{Cf}\udc00-\udfff]/u.test(text[cut])) cut += 1;
  return cut;
}

function piece(text, start, end, isCited, isQuoted) {
  if (!isQuoted) return document.createTextNode(text);
  const element = isCited
    ? make("mark", { role: "button", tabindex: "-1", "aria-description": "cited" }, text)
    : make("span", { class: "quoted" }, text);
  pieces.push({ start, end, element, isCited });
  return element;
}

function gapLabel(gap) {
  return make("p", { class: "gap-label" }, `Not read: ${gap.reason} (${gap.offsets})`);
}

/** Tell how high a block will be about, so that the scroll bar is right before it is laid out. */
function guessHeights(text) {
  const letters = Math.max(20, pane.clientWidth / LETTER_PX);
  for (const { start, end, element } of blocks) {
    const lines = text.slice(start, end).split("\n").length + (end - start) / letters / 1.2;
    element.style.containIntrinsicHeight = `auto ${Math.round(lines * LINE_PX)}px`;
  }
}

/** The pieces within a place, in order. */
function piecesOf({ start, end }) {
  const first = firstIndex(pieces.length, (at) => pieces[at].end > start);
  const after = firstIndex(pieces.length, (at) => pieces[at].start >= end);
  return pieces.slice(first, after).map((each) => each.element);
}

/** Highlight places, one of them most. */
function light(places, current) {
  for (const element of lit) element.classList.remove("lit", "current");
  lit = places.flatMap(piecesOf);
  for (const element of lit) element.classList.add("lit");
  if (!current) return;
  const elements = piecesOf(current);
  for (const element of elements) element.classList.add("current");
  const target = elements.find((element) => element.localName === "mark");
  if (target) rove(pane.querySelectorAll("mark[tabindex='0']"), target);
}

/** The block that holds an offset. */
function blockAt(offset) {
  return blocks[Math.max(0, firstIndex(blocks.length, (at) => blocks[at].start > offset) - 1)];
}

/** The box of the character at an offset. Asking for it makes the browser lay out its block. */
function boxAt(offset) {
  const { element, start } = blockAt(offset);
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let rest = offset - start;
  let node = walker.nextNode();
  while (node && rest >= node.length) {
    rest -= node.length;
    node = walker.nextNode() ?? null;
  }
  if (!node) return element.getBoundingClientRect();
  const range = document.createRange();
  range.setStart(node, rest);
  range.setEnd(node, rest + 1);
  return range.getBoundingClientRect();
}

/** Scroll the source to an offset, near the upper third of the pane. */
async function reveal(offset) {
  journey += 1;
  const mine = journey;
  // Blocks that come into view turn out higher or lower than guessed, and move what is below.
  for (let round = 0; round < 8 && mine === journey && blocks.length; round += 1) {
    const before = pane.scrollTop;
    const view = pane.getBoundingClientRect();
    pane.scrollTop += boxAt(offset).top - view.top - view.height / 4;
    if (round > 1 && Math.abs(pane.scrollTop - before) < 2) break;
    await nextFrame();
  }
}

/** The offset about at a height of the window. */
function offsetAt(y) {
  const at = firstIndex(blocks.length, (index) => blocks[index].element.getBoundingClientRect().bottom > y);
  const block = blocks[at];
  if (!block) return data.source.length;
  const box = block.element.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (y - box.top) / (box.height || 1)));
  return Math.round(block.start + share * (block.end - block.start));
}

/** Show what rests on a piece that was chosen. */
function choosePiece(element) {
  const chosen = pieces.find((each) => each.element === element);
  if (chosen) showRests(chosen);
}

pane.addEventListener("click", (event) => {
  const mark = event.target.closest("mark");
  if (mark && getSelection().isCollapsed) choosePiece(mark);
});

pane.addEventListener("keydown", (event) => {
  if (event.target.localName !== "mark") return;
  if (event.key === "Enter" || event.key === " ") choosePiece(event.target);
  else if (event.key === "ArrowRight") moveMark(event.target, 1);
  else if (event.key === "ArrowLeft") moveMark(event.target, -1);
  else return;
  event.preventDefault();
});

function moveMark(from, by) {
  const marks = pieces.filter((each) => each.isCited);
  const next = marks[marks.findIndex((each) => each.element === from) + by];
  if (next) focusMark(next);
}

function focusMark({ element, start }) {
  rove(pane.querySelectorAll("mark[tabindex='0']"), element);
  element.focus({ preventScroll: true });
  reveal(start);
}
