"use strict";
// Pictures to save: what the page shows, with a title and a legend, as an SVG file or as a PNG of twice its size.

const PADDING = 24;
const SCALE = 2;
const LARGEST = 16000; // pixels: browsers refuse larger canvases
const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const SHAPES = "rect, path, line, circle, text";
const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity"];
const TEXT_STYLES = ["font-size", "font-weight", "text-anchor"];

lab.pictures = {
  /**
   * A picture that is readable on its own. `draw(parent, context)` draws `width` pixels wide and returns the height;
   * `legends` are lists of keys, as `lab.legend` takes them.
   */
  compose({ title, subtitle, legends = [], width, draw }) {
    const svg = d3.create("svg");
    const ground = svg.append("rect").attr("fill", lab.colours.paper);
    const context = new lab.SvgContext(svg.append("g").attr("transform", `translate(${PADDING},${PADDING})`).node());
    let y = this.write(context, title, { y: 0, width, size: 20, weight: 600, colour: "ink" });
    y = this.write(context, `${subtitle} · ${lab.data.source}`, { y: y + 2, width, size: 14, colour: "soft" }) + 8;
    for (const keys of legends.filter((each) => each.length)) y = this.writeLegend(context, keys, y, width);
    context.save();
    context.translate(0, y + 6);
    const height = y + 6 + draw(context.parent, context);
    context.restore();
    const [whole, high] = [Math.ceil(width + 2 * PADDING), Math.ceil(height + 2 * PADDING)];
    for (const each of [svg, ground]) each.attr("width", whole).attr("height", high);
    return svg.attr("viewBox", `0 0 ${whole} ${high}`).attr("font-family", FONT).node();
  },

  /** Text in lines of at most `width` pixels; returns the height below them. */
  write(context, text, { x = 0, y, width, size, weight = 400, colour, spacing = 1.32 }) {
    context.font = `${weight} ${size}px ${FONT}`;
    context.fillStyle = lab.colours[colour];
    const lines = [];
    for (const word of text.split(/ (?!m?s\b)/)) { // a time keeps its unit
      const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
      if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
      else lines.push(lab.fitted(context, word, width));
    }
    lines.forEach((line, number) => context.fillText(line, x, y + size * (number * spacing + 1)));
    return y + size * spacing * lines.length;
  },

  writeLegend(context, keys, top, width) {
    let [x, y] = [0, top];
    context.font = `400 15px ${FONT}`;
    for (const [text, draw] of keys) {
      const wide = lab.SWATCH.width + 7 + context.measureText(text).width;
      if (x > 0 && x + wide > width) [x, y] = [0, y + 22];
      context.save();
      context.translate(x, y + 4);
      draw(context, lab.SWATCH.width, lab.SWATCH.height);
      context.restore();
      context.fillStyle = lab.colours.ink;
      context.fillText(text, x + lab.SWATCH.width + 7, y + 15.5);
      x += wide + 20;
    }
    return y + 22;
  },

  /** A picture of one of the page's SVG charts. */
  ofChart(svg, description) {
    const { width, height } = svg.viewBox.baseVal;
    return this.compose({ ...description, width, draw: (parent) => {
      parent.append(...this.inlined(svg).childNodes);
      return height;
    } });
  },

  /** A copy with its computed styles as attributes, which look the same in other programs. */
  inlined(svg) {
    const copy = svg.cloneNode(true);
    const originals = svg.querySelectorAll(SHAPES);
    copy.querySelectorAll(SHAPES).forEach((element, number) => {
      const style = getComputedStyle(originals[number]);
      const names = element.tagName === "text" ? [...STYLES, ...TEXT_STYLES] : STYLES;
      for (const name of names) element.setAttribute(name, style.getPropertyValue(name));
    });
    for (const element of copy.querySelectorAll("[style], [class]")) {
      element.removeAttribute("style");
      element.removeAttribute("class");
    }
    return copy;
  },

  serialized: (svg) => new XMLSerializer().serializeToString(svg),

  /** The picture on a canvas of twice its size. */
  async rastered(svg) {
    const image = new Image();
    await new Promise((done, failed) => {
      image.onload = done;
      image.onerror = () => failed(new Error("the browser cannot read its own picture"));
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(this.serialized(svg))}`;
    });
    const scale = Math.min(SCALE, LARGEST / image.width, LARGEST / image.height);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width * scale, image.height * scale];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  },

  /** Save a picture as the file `name`. */
  async save(svg, name, kind) {
    const blob = kind === "svg"
      ? new Blob([this.serialized(svg)], { type: "image/svg+xml" })
      : await this.rastered(svg).then((canvas) => new Promise((done) => canvas.toBlob(done, "image/png")));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name.replace(/[^\w.-]+/g, "-")}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  },

  /** Two buttons; `make` returns the picture as the page shows it at that moment. */
  buttons(name, make, what = "") {
    const holder = lab.element("div", "", "save");
    for (const kind of ["png", "svg"]) {
      const button = lab.button(`Save ${what}as ${kind.toUpperCase()}`, () => this.save(make(), name, kind));
      button.setAttribute("aria-label", `${button.textContent}: ${name}`);
      holder.append(button);
    }
    return holder;
  },

  /** Replace the page with the picture alone, for `lab.py report --format png`. */
  async replacePage(svg) {
    const canvas = await this.rastered(svg);
    const image = new Image();
    image.src = canvas.toDataURL("image/png");
    document.documentElement.replaceChildren(image);
  },
};
