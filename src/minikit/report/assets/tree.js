// The tree of calls: what the summary was made of, with what each part took.

const tree = byId("tree");
const partNames = nameParts();

/** "Part 3", by kind and in the order of the source. */
function nameParts() {
  const counts = {};
  const words = { summary: "Summary", section: "Section", partial: "Part", chunk: "Chunk", gap: "Gap" };
  return data.nodes.map(({ kind }, at) => {
    counts[kind] = (counts[kind] ?? 0) + 1;
    return at === 0 ? words[kind] : `${words[kind]} ${counts[kind]}`;
  });
}

/** The part that makes a claim; null for a claim of the summary. */
function partOf(claim) {
  if (claim < data.ownClaims) return null;
  const at = data.nodes.findIndex(({ claims }) => claims.length && claims[0] <= claim && claim <= claims.at(-1));
  return { name: partNames[at], text: data.nodes[at].text };
}

function treeItem(at, level) {
  const node = data.nodes[at];
  const item = make(
    "li",
    { role: "treeitem", tabindex: "-1", "aria-level": level, "data-node": at, class: node.kind, "aria-labelledby": `row-${at}` },
    treeRow(at),
  );
  if (node.children.length) item.setAttribute("aria-expanded", "false");
  return item;
}

const share = (offset) => Math.round((100 * offset) / Math.max(1, data.source.length));

function placeOf(at) {
  const { start, end, headings } = data.nodes[at];
  const stretch = `${share(start)}–${share(end)} %`;
  return headings.length ? `${stretch} · ${visible(headings.at(-1))}` : stretch;
}

function treeRow(at) {
  const { children, reason, totals } = data.nodes[at];
  const figure = (name, unit = "") => make("span", {}, totals ? totals[name] : "", totals ? make("span", { class: "unseen" }, unit) : null);
  return make(
    "div",
    { class: "row", id: `row-${at}` },
    make(
      "span",
      { class: "name" },
      make("span", { class: children.length ? "twisty" : "leaf", "aria-hidden": "true" }),
      make("span", { class: "title" }, partNames[at]),
      reason ? make("span", { class: "reason" }, ` ${visible(reason)}`) : null,
      " ",
      make("span", { class: "where" }, placeOf(at)),
    ),
    figure("in", " tokens in"),
    figure("out", " out"),
    figure("time"),
    figure("cost"),
  );
}

/** Open or close what is below an item; it is made when it is first opened. */
function expand(item, isOpen) {
  if (!item.hasAttribute("aria-expanded")) return;
  item.setAttribute("aria-expanded", String(isOpen));
  let group = item.querySelector(":scope > ul");
  if (!group && isOpen) {
    const level = Number(item.getAttribute("aria-level")) + 1;
    const { children } = data.nodes[item.dataset.node];
    group = make("ul", { role: "group" }, ...children.map((child) => treeItem(child, level)));
    item.append(group);
  }
  if (group) group.hidden = !isOpen;
}

/** Show a part: its place in the source, and what was written of it. */
function openPart(item) {
  const at = Number(item.dataset.node);
  focusItem(item);
  if (at > 0) showPlace(data.nodes[at]);
  let details = item.querySelector(":scope > .details");
  if (!details) {
    details = partDetails(at);
    item.querySelector(":scope > .row").after(details);
  } else details.hidden = !details.hidden;
}

function partDetails(at) {
  const { text, claims, calls, offsets, headings } = data.nodes[at];
  const details = make("div", { class: "details" }, make("p", { class: "where" }, placeName({ headings, offsets })));
  for (const number of calls) details.append(callLine(data.calls[number]));
  if (text) {
    const prose = make("div", { class: "prose", lang: "" });
    drawProse(prose, text, claims);
    details.append(prose);
  }
  return details;
}

function callLine({ details, in: input, out, time, cost }) {
  return make("p", { class: "call" }, `${visible(details)}: ${input} tokens in, ${out} out, ${time}, ${cost}`);
}

function focusItem(item) {
  rove(tree.querySelectorAll("[role=treeitem][tabindex='0']"), item);
  item.focus();
}

/** The items that can be seen, from above. */
const openItems = () => [...tree.querySelectorAll("[role=treeitem]")].filter((item) => !item.closest("ul[hidden]"));

tree.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row) return;
  const item = row.parentElement;
  if (event.target.closest(".twisty")) {
    expand(item, item.getAttribute("aria-expanded") !== "true");
    focusItem(item);
  } else openPart(item);
});

tree.addEventListener("keydown", (event) => {
  const item = event.target;
  if (item.getAttribute("role") !== "treeitem") return;
  const isOpen = item.getAttribute("aria-expanded") === "true";
  const items = openItems();
  const move = (to) => to && focusItem(to);
  const moves = {
    ArrowDown: () => move(items[items.indexOf(item) + 1]),
    ArrowUp: () => move(items[items.indexOf(item) - 1]),
    ArrowRight: () => (isOpen ? move(item.querySelector("[role=treeitem]")) : expand(item, true)),
    ArrowLeft: () => (isOpen ? expand(item, false) : move(item.parentElement.closest("[role=treeitem]"))),
    Home: () => move(items[0]),
    End: () => move(items.at(-1)),
    Enter: () => openPart(item),
    " ": () => openPart(item),
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  moves[event.key]();
});

function drawTree() {
  const root = treeItem(0, 1);
  root.tabIndex = 0;
  tree.append(root);
  expand(root, true);
  const placed = new Set(data.nodes.flatMap(({ calls }) => calls));
  const others = data.calls.filter((_, at) => !placed.has(at));
  if (others.length) byId("elsewhere").append(make("p", {}, "Calls that no part came of"), ...others.map(callLine));
}
