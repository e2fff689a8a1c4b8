"use strict";
// Numbers and names as people read them; the same rules as in the package's tables.

const UNKNOWN = "–";

function threeDigits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

function countText(value) {
  if (Math.abs(value) < 999.5) return Number.isInteger(value) ? String(value) : threeDigits(value);
  const prefixes = ["", "k", "M", "G", "T"];
  let step = 0;
  while (Math.abs(value) >= 999.5 && step < prefixes.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${threeDigits(value)} ${prefixes[step]}`;
}

function millisecondsText(value) {
  if (value >= 999.5) return `${threeDigits(value / 1000)} s`;
  return value >= 0.1 ? `${threeDigits(value)} ms` : `${threeDigits(value * 1000)} µs`;
}

/** A value of an axis, with its unit. */
function valueText(axis, value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (axis.role === "proxy") return String(Number(value.toPrecision(4)));
  if (axis.name === "score") return value.toFixed(3);
  if (axis.unit === "ms") return millisecondsText(value);
  const whole = Number.isInteger(value) || Math.abs(value) >= 999.5;
  return `${whole ? countText(value) : Number(value.toPrecision(4))} ${axis.unit}`.trimEnd();
}

/** Text for a plot, which reads some markup: everything that could be markup stands for itself. */
function plain(text) {
  return String(text).replace(/[&<>]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[mark]);
}

/** A genotype in lines, broken after its separators. */
function lines(text, width) {
  const found = [""];
  for (const part of text.split(/(?<=[/,+|])/)) {
    if (found.at(-1).length + part.length > width && found.at(-1)) found.push("");
    let rest = part;
    while (rest.length > width) {
      found[found.length - 1] += rest.slice(0, width);
      found.push("");
      rest = rest.slice(width);
    }
    found[found.length - 1] += rest;
  }
  return found.filter((line) => line);
}

function percent(share) {
  return share === 0 ? "0 %" : share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${(100 * share).toFixed(0)} %`;
}

/** An element with properties and children; strings become text, never markup. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
