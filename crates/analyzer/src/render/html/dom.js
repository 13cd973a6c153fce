// Elements are made from names that stand here and from text. Nothing of the report is ever read
// as markup, so what a client wrote into a log stays text.

const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const number = (value) => value.toLocaleString("en");
const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/// How many are told apart, if there are more that are not.
const counted = (value, noun, more) => `${more ? "more than " : ""}${plural(value, noun)}`;

/// Seconds in the largest unit that they are whole in.
function duration(seconds) {
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const [unit, name] = units.find(([each]) => seconds % each === 0 && seconds >= each) ?? units[3];
  return seconds === unit ? `one ${name}` : plural(seconds / unit, name);
}

/// A moment in UTC, `2026-03-10 09:15`.
const moment = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const written = (text) => (text ? text.slice(0, 16).replace("T", " ") : "–");

/// From one moment to another, in UTC.
const span = (first, last) => (first && last ? `${written(first)} to ${written(last)} UTC` : "at times not told");

const NAME_MAX = 200;

/// A name as it is shown; who chose a very long one fills no page with it.
const cut = (name) => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);

/// A caller without what all ARNs have in common.
function briefly(caller) {
  const resource = caller.startsWith("arn:") ? caller.split(":").slice(5).join(":") : caller;
  return resource.replace(/^assumed-role\//, "");
}

/// The role of a session, as far as that tells it: it leaves the role's path out. Any other caller itself.
const principalOf = (caller) => caller.replace(/^([^:]*:[^:]*):sts:([^/]*):assumed-role\/(.*)\/[^/]*$/, "$1:iam:$2:role/$3");

/// A value that was grouped by, briefly.
const shortOf = (by, value) => (isCaller(by) ? shortCaller(value) : cut(value));
const isCaller = (by) => by === "caller" || by === "role";

/// `GET /repos/…` of a request ARN; anything else as it is.
function shortCall(resource) {
  const parts = resource.includes(":execute-api:") ? resource.split(":").slice(5).join(":").split("/") : [];
  return cut(parts.length > 2 ? `${parts[2]} /${parts.slice(3).join("/")}` : resource);
}
