"use strict";
// Colours come from the style sheet, so that plots follow light and dark as everything else does.

const DASHES = ["solid", "dash", "dot"];
const SIGNS = { star: "★", diamond: "◆", "triangle-up": "▲", square: "■", circle: "●" };
const PICK_LOOKS = {
  best: ["vermillion", "star"],
  knee: ["green", "diamond"],
  fastest: ["purple", "triangle-up"],
  smallest: ["orange", "square"],
};

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const LINES = ["blue", "orange", "green", "vermillion", "purple", "sky", "faint", "ink", "brown"];

/** The style sheet's name for the colour of the n-th of several lines. */
function lineName(index) {
  return LINES[index % LINES.length];
}

/** Colour and dash of the n-th of several lines. */
function lineLook(index) {
  return { color: colour(lineName(index)), dash: DASHES[Math.floor(index / LINES.length) % DASHES.length] };
}

/** The same colour, see-through. */
function faded(hex, alpha) {
  const number = parseInt(hex.slice(1), 16);
  return `rgba(${(number >> 16) & 255}, ${(number >> 8) & 255}, ${number & 255}, ${alpha})`;
}

function sequentialScale() {
  return [[0, colour("scale-low")], [0.5, colour("scale-mid")], [1, colour("scale-high")]];
}

function onThemeChange(redraw) {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
