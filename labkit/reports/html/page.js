"use strict";
// Shared by all drawings: data, colours, texts, small elements and legends. D3 is the library; `lab` holds our own code.

const lab = { data: JSON.parse(document.getElementById("data").textContent) };

/** Seconds from the units of the data. */
lab.s = (units) => units * lab.data.unit_s;

const SERVER_ACTIONS = {
  answer: "answered",
  drip: "answered byte by byte",
  hang: "never answered",
  unavailable: "answered: unavailable",
  reset_before: "reset the connection before the answer",
  reset_within: "reset the connection within the body",
  refused: "refused: too many requests",
  banned: "refused: banned",
  crash: "its worker was killed",
  restart: "restarted",
};

lab.text = {
  /** A moment: `1.00412 s`. */
  moment: (units) => `${lab.s(units).toFixed(5).replace(/0{1,2}$/, "")} s`,
  /** A duration in the unit that reads best. */
  duration(units) {
    const seconds = lab.s(units);
    return seconds >= 0.9995 ? `${seconds.toFixed(3)} s` : `${(seconds * 1000).toFixed(2)} ms`;
  },
  short: (units) => `${lab.s(units).toFixed(lab.s(units) < 1 ? 3 : 2)} s`,
  serverAction: (kind) => SERVER_ACTIONS[kind] ?? kind,
  /** The approach, marked if the trial is traced. */
  name: (trial) => trial.approach + (trial.traced ? " · traced" : ""),
};

lab.states = Object.keys(lab.data.states);
lab.stateLabels = Object.values(lab.data.states);
/** The phases of a request in the order of time. `size` is the share of a row's height that the bar takes. */
lab.phases = [
  { name: "connecting", label: "connecting, sending", size: 0.4 },
  { name: "queued", label: "queued at the server", size: 0.5 },
  { name: "served", label: "being served", size: 1 },
  { name: "unknown", label: "in flight, not in the server's log", size: 0.7 },
  { name: "reading", label: "reading the answer", size: 0.7 },
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

/** An element with text. Text is never set as HTML. */
lab.element = (tag, text = "", className = "") => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
};

/** A button that calls `act`. */
lab.button = (text, act) => {
  const button = lab.element("button", text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
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

/** Diagonal strokes over a rectangle, for time that is derived or lies outside the measurement. */
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

/** What a legend's key shows beside its text: functions that draw in a box of `width` × `height`. */
lab.swatches = {
  fill: (name, size = 1) => (context, width, height) => {
    context.fillStyle = lab.colours[name] ?? name;
    context.fillRect(0, (height * (1 - size)) / 2, width, height * size);
  },
  line: (name, dashes, across) => (context, width, height) => {
    context.strokeStyle = lab.colours[name];
    context.lineWidth = 2;
    context.setLineDash(dashes);
    context.beginPath();
    context.moveTo(across ? 0 : width / 2, across ? height / 2 : 0);
    context.lineTo(across ? width : width / 2, across ? height / 2 : height);
    context.stroke();
  },
  frame: (name) => (context, width, height) => {
    context.strokeStyle = lab.colours[name];
    context.lineWidth = 2;
    context.strokeRect(1, 1, width - 2, height - 2);
  },
  hatch: (name, step) => (context, width, height) => lab.hatch(context, 0, 0, width, height, lab.colours[name], step),
  /** `places` are shares of the width. */
  circles: (places, radius, fill, stroke) => (context, width, height) => {
    context.fillStyle = lab.colours[fill];
    context.strokeStyle = lab.colours[stroke];
    context.lineWidth = 1.5;
    for (const place of places) {
      context.beginPath();
      context.arc(width * place, height / 2, radius, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  },
};

lab.SWATCH = { width: 26, height: 13 };

/** Show the keys of a legend, each [text, swatch]. */
lab.legend = (holder, keys) => {
  const { width, height } = lab.SWATCH;
  holder.replaceChildren(...keys.map(([text, draw]) => {
    const key = lab.element("span");
    const canvas = document.createElement("canvas");
    key.append(canvas, text);
    draw(lab.prepare(canvas, width, height), width, height);
    return key;
  }));
};
