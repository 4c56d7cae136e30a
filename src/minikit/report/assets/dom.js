// What the other parts share: the data, and elements made of it. Text is only ever set as text.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

/** Make an element with attributes (null and false leave one out) and children; strings are text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Make a button that does something. */
function button(attributes, action, ...children) {
  const element = make("button", { type: "button", ...attributes }, ...children);
  element.addEventListener("click", action);
  return element;
}

/** Show control characters as their pictures, and what would turn the order of the letters as
 * U+FFFD; the length stays, so that offsets hold. */
function visible(text) {
  return text
    .replace(/\r(?!\n)/g, "\n")
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0)))
    .replace(/\x7f/g, "\u2421")
    .replace(/[\x80-\x9f\u202d\u202e]/g, "\ufffd");
}

/** Return the first index for which `isAfter` holds; the length of the list where there is none. */
function firstIndex(length, isAfter) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAfter(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Let one element of a group be reached by Tab; the arrows move between them. */
function rove(elements, target) {
  for (const element of elements) element.tabIndex = -1;
  if (target) target.tabIndex = 0;
}

/** The sign of a verdict, followed by its word where there is room for it. */
function badge(verdict, { word = true } = {}) {
  const { sign, meaning } = data.verdicts[verdict];
  return make(
    "span",
    { class: `badge ${verdict}`, title: `${verdict}: ${meaning}` },
    make("span", { class: "sign", "aria-hidden": "true" }, sign),
    make("span", { class: word ? "word" : "unseen" }, word ? verdict : ` (${verdict})`),
  );
}

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
