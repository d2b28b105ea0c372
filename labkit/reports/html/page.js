"use strict";
// What all drawings share: the data, colours, words for times, and small elements. D3 is the library; `lab` is ours.

const lab = { data: JSON.parse(document.getElementById("data").textContent) };

/** Seconds of a time in the data's units. */
lab.s = (units) => units * lab.data.unit_s;

const DID = {
  answer: "answered",
  drip: "answered byte by byte",
  hang: "never answered",
  unavailable: "said that it is unavailable",
  reset_before: "reset the connection before an answer",
  reset_within: "reset the connection within the body",
  refused: "refused: too many requests",
  banned: "refused: banned",
  crash: "its worker was killed",
  restart: "went away",
};

lab.text = {
  /** A moment: `1.00412 s`. */
  moment: (units) => `${lab.s(units).toFixed(5).replace(/0{1,2}$/, "")} s`,
  /** How long something took, in the unit that reads best. */
  lasted(units) {
    const seconds = lab.s(units);
    return seconds >= 0.9995 ? `${seconds.toFixed(3)} s` : `${(seconds * 1000).toFixed(2)} ms`;
  },
  /** What the server did to a request. */
  did: (kind) => DID[kind] ?? kind,
  short: (units) => `${lab.s(units).toFixed(lab.s(units) < 1 ? 3 : 2)} s`,
};

lab.states = Object.keys(lab.data.states);
lab.stateWords = Object.values(lab.data.states);
/** A request's phases in the order of time; `size` is the part of a row's height that the bar takes. */
lab.phases = [
  { name: "connecting", said: "connecting, sending", size: 0.4 },
  { name: "queued", said: "queued at the server", size: 0.5 },
  { name: "served", said: "being served", size: 1 },
  { name: "unknown", said: "in flight, the log does not say how", size: 0.7 },
  { name: "reading", said: "reading the answer", size: 0.7 },
];

lab.colours = {};
lab.readColours = () => {
  const style = getComputedStyle(document.documentElement);
  const names = [
    "paper", "raised", "ink", "soft", "line", "faint", "waiting", "cold", "failed", "on-served", "mark", "ideal",
    ...lab.phases.map((phase) => phase.name), ...lab.states,
  ];
  for (const name of names) lab.colours[name] = style.getPropertyValue(`--${name}`).trim();
};

/** An element with text; text is only ever set as text. */
lab.element = (tag, text = "", className = "") => {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
};

/** Size a canvas for sharp lines on this screen; returns its context, scaled to CSS pixels. */
lab.prepare = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
};

/** Diagonal strokes over a rectangle: what is derived, or lies outside the measurement. */
lab.hatch = (context, x, y, width, height, colour, step = 5) => {
  if (width < 2) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.4;
  context.beginPath();
  for (let at = x - height - ((x - height) % step); at < x + width; at += step) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
};

/** The legend's keys: [words, draw(context, width, height)]. */
lab.legend = (holder, keys) => {
  holder.replaceChildren(...keys.map(([said, draw]) => {
    const key = lab.element("span");
    const canvas = document.createElement("canvas");
    key.append(canvas, said);
    draw(lab.prepare(canvas, 26, 13), 26, 13);
    return key;
  }));
};
