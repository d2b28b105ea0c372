"use strict";
// A drawing context that records SVG elements: the code that draws a timeline on the screen also makes the saved file.

const DRAWING_STATE = ["fillStyle", "strokeStyle", "lineWidth", "globalAlpha", "font", "textAlign", "dashes", "parent"];
const measuring = document.createElement("canvas").getContext("2d");

/** Has the methods of CanvasRenderingContext2D that this page uses. Styles become attributes; the font family is inherited. */
lab.SvgContext = class {
  static clips = 0;

  constructor(parent) {
    this.parent = parent;
    this.saved = [];
    Object.assign(this, { lineWidth: 1, globalAlpha: 1, textAlign: "left", dashes: [], font: "14px sans-serif" });
  }

  add(tag, attributes) {
    const element = d3.select(this.parent).append(tag);
    for (const [name, value] of Object.entries(attributes)) element.attr(name, value);
    return element;
  }

  save() {
    this.saved.push(DRAWING_STATE.map((name) => this[name]));
  }

  restore() {
    const values = this.saved.pop();
    DRAWING_STATE.forEach((name, number) => {
      this[name] = values[number];
    });
  }

  translate(x, y) {
    this.parent = this.add("g", { transform: `translate(${short(x)},${short(y)})` }).node();
  }

  clip() {
    const id = `clip-${(lab.SvgContext.clips += 1)}`;
    this.add("clipPath", { id }).append("path").attr("d", this.path);
    this.parent = this.add("g", { "clip-path": `url(#${id})` }).node();
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${short(x)},${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${short(x)},${short(y)}`;
  }

  rect(x, y, width, height) {
    this.path += `M${short(x)},${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  /** A whole circle. */
  arc(x, y, radius) {
    this.path += `M${short(x - radius)},${short(y)}a${radius},${radius} 0 1 0 ${2 * radius},0a${radius},${radius} 0 1 0 ${-2 * radius},0z`;
  }

  fill() {
    this.add("path", { d: this.path, ...this.filling });
  }

  stroke() {
    this.add("path", { d: this.path, ...this.stroking });
  }

  fillRect(x, y, width, height) {
    this.add("rect", { x: short(x), y: short(y), width: short(width), height: short(height), ...this.filling });
  }

  strokeRect(x, y, width, height) {
    this.add("rect", { x: short(x), y: short(y), width: short(width), height: short(height), ...this.stroking });
  }

  setLineDash(dashes) {
    this.dashes = dashes;
  }

  fillText(text, x, y) {
    const [, weight, size] = /^(?:(\d+) )?([\d.]+)px /.exec(this.font);
    const style = { "font-size": size, ...(weight && { "font-weight": weight }) };
    const anchor = { "text-anchor": this.textAlign === "right" ? "end" : "start" };
    this.add("text", { x: short(x), y: short(y), ...style, ...anchor, ...this.filling }).text(text);
  }

  measureText(text) {
    measuring.font = this.font;
    return measuring.measureText(text);
  }

  get filling() {
    return { fill: this.fillStyle, ...(this.globalAlpha < 1 && { opacity: this.globalAlpha }) };
  }

  get stroking() {
    const dashes = this.dashes.length ? { "stroke-dasharray": this.dashes.join(" ") } : {};
    return { fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth, ...dashes };
  }
};

/** A number with two decimals at most: no screen shows more. */
const short = (value) => Number(value.toFixed(2));
