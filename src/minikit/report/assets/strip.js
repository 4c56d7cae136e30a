// The strip: where along the source its passages and gaps lie, and what of it is in view.

const strip = byId("strip");
const STRIP_HEIGHT = 28;
const NS = "http://www.w3.org/2000/svg";
const view = svg("rect", { class: "view", height: STRIP_HEIGHT });
const bands = svg("g", { class: "bands" }); // behind the bars
const spots = svg("g", { class: "spots" }); // before them
let isTold = true; // whether the view has been drawn since the last scroll

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const along = (offset) => (offset / Math.max(1, data.source.length)) * data.strip.length;

function drawStrip() {
  const most = Math.max(...data.strip, 1);
  const bars = data.strip.map((count, at) => {
    const height = count && 5 + (STRIP_HEIGHT - 9) * (count / most);
    return count ? `M${at} ${STRIP_HEIGHT}h1v${-height.toFixed(2)}h-1z` : "";
  });
  const hatch = svg(
    "pattern",
    { id: "hatch", width: 4, height: 4, patternUnits: "userSpaceOnUse" },
    svg("path", { d: "M0 4L4 0", class: "hatch" }),
  );
  const gaps = data.gaps.map(({ start, end }) =>
    svg("rect", { class: "gap", x: along(start), width: Math.max(0.6, along(end) - along(start)), height: STRIP_HEIGHT, fill: "url(#hatch)" }),
  );
  strip.replaceChildren(
    svg(
      "svg",
      { viewBox: `0 0 ${data.strip.length} ${STRIP_HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      hatch, ...gaps, bands, svg("path", { class: "bars", d: bars.join("") }), spots, view,
    ),
  );
}

/** Mark places on the strip. */
function spot(places) {
  bands.replaceChildren();
  spots.replaceChildren(...places.map(mark));
}

/** Mark a long stretch on the strip, behind the bars. */
function band(place) {
  spots.replaceChildren();
  bands.replaceChildren(mark(place));
}

function mark({ start, end }) {
  return svg("rect", { x: along(start), width: Math.max(1, along(end) - along(start)), height: STRIP_HEIGHT });
}

/** Show on the strip what of the source is in view. */
function tellView() {
  isTold = true;
  const box = pane.getBoundingClientRect();
  const [from, to] = [offsetAt(box.top), offsetAt(box.bottom)];
  view.setAttribute("x", along(from));
  view.setAttribute("width", Math.max(1, along(to) - along(from)));
  const percent = Math.round((100 * from) / Math.max(1, data.source.length));
  const counts = data.strip.slice(Math.floor(along(from)), Math.floor(along(to)) + 1);
  const text = counts.some(Boolean) ? `${percent} %, with passages` : `${percent} %`;
  strip.setAttribute("aria-valuenow", percent);
  strip.setAttribute("aria-valuetext", text);
  byId("position").textContent = `${percent} %`;
}

/** Go to a share of the source, 0 to 1. */
function goTo(share) {
  const last = Math.max(0, data.source.length - 1);
  reveal(Math.round(Math.min(1, Math.max(0, share)) * last));
}

function goToPointer(event) {
  const box = strip.getBoundingClientRect();
  goTo((event.clientX - box.left) / box.width);
}

strip.addEventListener("pointerdown", (event) => {
  strip.setPointerCapture(event.pointerId);
  goToPointer(event);
});

strip.addEventListener("pointermove", (event) => {
  if (strip.hasPointerCapture(event.pointerId)) goToPointer(event);
});

strip.addEventListener("keydown", (event) => {
  const now = offsetAt(pane.getBoundingClientRect().top + pane.clientHeight / 4) / Math.max(1, data.source.length);
  const places = {
    ArrowRight: now + 0.01, ArrowUp: now + 0.01, ArrowLeft: now - 0.01, ArrowDown: now - 0.01,
    PageUp: now + 0.1, PageDown: now - 0.1, Home: 0, End: 1,
  };
  if (!(event.key in places)) return;
  event.preventDefault();
  goTo(places[event.key]);
});

function viewChanged() {
  if (!isTold) return;
  isTold = false;
  requestAnimationFrame(tellView);
}

pane.addEventListener("scroll", viewChanged);
addEventListener("resize", viewChanged);
