// Puts the page together, and what its keys do.

const WEAK = ["attributed", "spliced", "unsupported", "fabricated"];
const scheme = matchMedia("(prefers-color-scheme: dark)");
let joinsLines = data.isWrapped;

const isDark = () => (document.documentElement.dataset.theme ?? (scheme.matches ? "dark" : "light")) === "dark";

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
}

function nameTheme() {
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}

function toggleLines() {
  if (!data.isWrapped) return;
  const offset = offsetAt(pane.getBoundingClientRect().top + pane.clientHeight / 4);
  joinsLines = !joinsLines;
  byId("lines").setAttribute("aria-pressed", String(joinsLines));
  drawSource(joinsLines);
  const places = selected === null ? [] : placesOf(selected);
  light(places, places[step]);
  reveal(offset);
}

function focusSummary() {
  const target = byId("summary").querySelector(".sentence[tabindex='0']");
  target?.focus();
  if (target && selected === null) select(Number(target.dataset.claim));
  (target ?? byId("reading")).scrollIntoView({ block: "nearest" });
}

function focusSource() {
  const target = pieces.find(({ element }) => element.tabIndex === 0);
  if (target) focusMark(target);
  else pane.focus();
}

const KEYS = {
  s: focusSummary,
  n: () => stepBy(1),
  p: () => stepBy(-1),
  v: () => seek(WEAK),
  d: focusSource,
  c: () => tree.querySelector("[tabindex='0']").focus(),
  w: toggleLines,
  m: toggleTheme,
  "?": () => byId("keys").showModal(),
  Escape: clear,
};

document.addEventListener("keydown", (event) => {
  const isMeant = !event.ctrlKey && !event.metaKey && !event.altKey && !byId("keys").open;
  if (!isMeant || event.defaultPrevented || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

byId("theme").addEventListener("click", toggleTheme);
byId("lines").addEventListener("click", toggleLines);
byId("help").addEventListener("click", KEYS["?"]);
byId("close").addEventListener("click", () => byId("keys").close());
byId("back").addEventListener("click", focusSummary);
scheme.addEventListener("change", nameTheme);

drawHead();
drawProse(
  byId("summary"),
  data.text,
  [...Array(data.ownClaims).keys()],
  data.warnings.map((warning, number) => ({ ...warning, number })).sort((one, other) => one.start - other.start),
);
drawLists();
drawTree();
nameTheme();
byId("lines").hidden = !data.isWrapped;
drawSource(joinsLines);
drawStrip();
tellView();
drawFootnotes();
document.documentElement.dataset.ready = "";
