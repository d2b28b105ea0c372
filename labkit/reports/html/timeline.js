"use strict";
// The timeline of one trial, drawn on a canvas context. It draws visible bars only, and at most one per pixel.

lab.GUTTER = 150; // for the names of the lanes
lab.RIGHT = 10;
const SPLIT = 9; // between the client's lanes and the server's
const PITCH = 14; // the readable height of a row
const TRACED_PITCH = 22; // of a lane with its states above its requests
const TALLEST = 420; // rows are squeezed, or scrolled, in a timeline that would be higher
const WORKERS_TALLEST = 112; // the largest share of the server in it

lab.Timeline = class {
  constructor(trial, mode) {
    this.trial = trial;
    this.layout = lab.layout(trial, mode);
    this.marked = null; // the request that the user points at or has selected
    this.clientRows = d3.sum(this.layout.groups, (group) => (group.server ? 0 : group.rows.length));
    this.serverRows = this.layout.count - this.clientRows;
    this.tops = this.layout.groups.map((group) => group.top);
    this.expand(false);
  }

  /** Whether the rows must be squeezed to be visible at once. */
  get crowded() {
    const { client, server } = this.readable;
    return this.clientRows * client + this.serverRows * server > TALLEST;
  }

  get readable() {
    return { client: this.trial.trace ? TRACED_PITCH : PITCH, server: PITCH };
  }

  /** If `expanded`, every row has its readable height; otherwise all rows are visible at once. */
  expand(expanded) {
    this.expanded = expanded;
    this.pitches = expanded || !this.crowded ? this.readable : this.squeezed();
  }

  /** The heights of a client row and of a server row with which all rows fit. */
  squeezed() {
    const { client, server } = this.readable;
    const below = Math.min(this.serverRows * server, WORKERS_TALLEST);
    const above = Math.min(this.clientRows * client, TALLEST - SPLIT - below);
    return { client: above / Math.max(this.clientRows, 1), server: (TALLEST - SPLIT - above) / Math.max(this.serverRows, 1) };
  }

  pitchOf(group) {
    return group.server ? this.pitches.server : this.pitches.client;
  }

  get height() {
    return Math.ceil(this.top(this.layout.count)) + 1;
  }

  get shownHeight() {
    return Math.min(this.height, TALLEST + 2);
  }

  top(row) {
    const { client, server } = this.pitches;
    return row < this.clientRows ? 1 + row * client : 1 + this.clientRows * client + SPLIT + (row - this.clientRows) * server;
  }

  /** The group and the row at a height of the whole timeline; null between rows. */
  rowAt(y) {
    const { client, server } = this.pitches;
    let row = Math.floor((y - 1) / client);
    if (row >= this.clientRows) {
      const below = y - this.top(this.clientRows);
      row = below < 0 ? -1 : this.clientRows + Math.floor(below / server);
    }
    if (row < 0 || row >= this.layout.count) return null;
    const group = this.layout.groups[d3.bisectRight(this.tops, row) - 1];
    return { group, bars: group.rows[row - group.top] };
  }

  /** The objects at a point of the timeline: {group, bar, span}. `bar` and `span` may be null. */
  hit(x, px, y) {
    const row = this.rowAt(y);
    if (!row) return null;
    const [moment, near] = [x.invert(px), x.invert(px + 3) - x.invert(px)];
    const first = d3.bisector((bar) => bar.end).left(row.bars, moment - near);
    const bar = row.bars[first] && row.bars[first].start <= moment + near ? row.bars[first] : null;
    return { group: row.group, bar, span: row.group.watched ? this.spanAt(row.group.watched.spans, moment) : null };
  }

  spanAt(spans, moment) {
    const at = lab.spanFrom(spans, moment);
    return at < spans.length && spans[at + 1] <= moment ? spans.slice(at, at + 4) : null;
  }

  /** Draw on a context of `width` × `shownHeight`, of the screen or of a file; `x` maps time to pixels. */
  draw(context, x, width, scrolled) {
    Object.assign(this, { context, x, scrolled });
    const [from, to] = [this.top(0), this.top(this.clientRows) - SPLIT];
    context.save();
    context.translate(0, -scrolled);
    context.fillStyle = lab.colours.raised;
    context.fillRect(lab.GUTTER, this.top(this.clientRows) - 3, width - lab.GUTTER, this.height);
    context.beginPath();
    context.rect(lab.GUTTER, scrolled, width - lab.GUTTER - lab.RIGHT + 2, this.shownHeight);
    context.save();
    context.clip();
    this.drawTicks(width);
    this.drawColdStart(from, to);
    this.rectangles = new Map(lab.phases.map((phase) => [phase.name, []]));
    this.names = [];
    this.failures = [];
    this.drawn = -Infinity;
    for (const group of this.layout.groups) this.drawGroup(group);
    this.drawCollected();
    this.drawMoments(from, to);
    if (this.trial.trace) this.drawGaps(from, to);
    if (this.marked !== null) this.drawMark();
    context.restore();
    this.drawLabels();
    context.restore();
  }

  inSight(top, height) {
    return top + height >= this.scrolled && top <= this.scrolled + this.shownHeight;
  }

  drawTicks(width) {
    const { context, x } = this;
    context.fillStyle = lab.colours.faint;
    for (const tick of x.ticks(width / 110)) context.fillRect(Math.round(x(tick)), 0, 1, this.height);
  }

  drawColdStart(from, to) {
    const { context, x, trial } = this;
    if (trial.cold === null) return;
    const left = Math.max(x(-trial.cold), lab.GUTTER);
    const width = x(0) - left;
    if (width < 1) return;
    lab.hatch(context, left, from, width, to - from, lab.colours.cold, 7);
    const text = `cold start ${lab.text.short(trial.cold)}`;
    context.font = "13px system-ui, sans-serif";
    const wide = context.measureText(text).width;
    if (wide + 8 > width) return;
    const middle = (from + to) / 2;
    context.fillStyle = lab.colours.paper;
    context.fillRect(left + width / 2 - wide / 2 - 3, middle - 9, wide + 6, 18);
    context.fillStyle = lab.colours.soft;
    context.fillText(text, left + width / 2 - wide / 2, middle + 4.5);
  }

  /** The start signal, the end of the makespan, and the ideal. */
  drawMoments(from, to) {
    const { context, x, trial } = this;
    const line = (moment, colour, dashes) => {
      context.strokeStyle = colour;
      context.setLineDash(dashes);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x(moment), from - 1);
      context.lineTo(x(moment), dashes.length ? this.height : to);
      context.stroke();
    };
    line(0, lab.colours.soft, []);
    if (trial.ideal !== null) line(trial.ideal, lab.colours.soft, [4, 3]);
    if (trial.makespan !== null) line(trial.makespan, lab.colours.ink, []);
    context.setLineDash([]);
  }

  drawGaps(from, to) {
    const { context, x } = this;
    for (const [start, end] of this.trial.trace.gaps) {
      const [left, width] = [x(start), Math.max(1, x(end) - x(start))];
      context.fillStyle = lab.colours.paper;
      context.fillRect(left, from, width, to - from);
      lab.hatch(context, left, from, width, to - from, lab.colours.line, 4);
    }
  }

  drawGroup(group) {
    const { context, x } = this;
    const pitch = this.pitchOf(group);
    const top = this.top(group.top);
    const height = group.rows.length * pitch;
    // Where several rows share a pixel, only the first of them is drawn.
    if (!this.inSight(top, height) || top + height - this.drawn < 0.5) return;
    if (height >= 8) {
      context.fillStyle = lab.colours.faint;
      context.fillRect(lab.GUTTER, top - 0.5, x.range()[1], 1);
    }
    if (group.watched) this.drawSpans(group.watched.spans, top, height);
    const moment = (bar) => bar.end;
    const [first, last] = [x.invert(lab.GUTTER), x.invert(x.range()[1])];
    group.rows.forEach((bars, number) => {
      const y = top + number * pitch;
      if (y - this.drawn < 0.5 || !this.inSight(y, pitch)) return;
      this.drawn = y;
      if (number === 0 && group.from > 0 && !group.watched) this.drawWaiting(group.from, y, pitch);
      let edge = -Infinity;
      for (let at = d3.bisector(moment).left(bars, first); at < bars.length && bars[at].start <= last; at += 1) {
        const bar = bars[at];
        if (x(bar.end) - edge < 0.6) continue;
        edge = Math.max(x(bar.end), x(bar.start) + 1);
        if (group.watched) this.drawBar(bar, y + pitch * 0.68, pitch * 0.28, false);
        else this.drawBar(bar, y, pitch, group.server);
      }
    });
  }

  /** From the start signal to the first request of the lane: the request waits in the client. */
  drawWaiting(until, y, pitch) {
    const { context, x } = this;
    if (x(until) - x(0) < 4) return;
    context.strokeStyle = lab.colours.waiting;
    context.lineWidth = Math.min(2, pitch / 2);
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(x(0) + 2, y + pitch / 2);
    context.lineTo(x(until) - 1, y + pitch / 2);
    context.stroke();
    context.setLineDash([]);
  }

  drawBar(bar, y, height, server) {
    const { x, trial } = this;
    let phases = server ? [[bar.at === null ? 3 : 2, bar.start, bar.end]] : lab.phasesOf(trial, bar.at);
    if (x(bar.end) - x(bar.start) < 2) phases = [d3.greatest(phases, (phase) => phase[2] - phase[1]) ?? [2, bar.start, bar.end]];
    for (const [phase, start, end] of phases) {
      const { name, size } = lab.phases[phase];
      const high = Math.max(height >= 6 ? (height - 2) * size : height, 0.75);
      const wide = Math.max(x(end) - x(start), phases.length === 1 ? 1 : 0);
      if (wide < 0.3) continue;
      this.rectangles.get(name).push([x(start), y + (height - high) / 2, wide, high]);
      if (phase === 2 && height >= 11) this.names.push([bar, x(start), wide, y, height]);
    }
    if (!server && lab.isFailed(trial, bar.at)) this.failures.push([x(bar.start), x(bar.end), y, height]);
  }

  /** Draw bars by colour: thousands of colour changes would take longer than the drawing. */
  drawCollected() {
    for (const [name, rectangles] of this.rectangles) {
      this.context.fillStyle = lab.colours[name];
      for (const [x, y, width, height] of rectangles) this.context.fillRect(x, y, width, height);
    }
    for (const name of this.names) this.drawName(...name);
    for (const failure of this.failures) this.drawFailure(...failure);
  }

  drawName(bar, left, width, y, height) {
    const { context } = this;
    const name = String(bar.at === null ? bar.id : this.trial.requests.id[bar.at]);
    context.font = "600 11px system-ui, sans-serif";
    if (name.length * 7 + 6 > width) return;
    context.fillStyle = lab.colours["on-served"];
    context.fillText(name, Math.max(left, lab.GUTTER) + 4, y + height / 2 + 4);
  }

  drawFailure(left, right, y, height) {
    const { context } = this;
    context.strokeStyle = lab.colours.failed;
    context.lineWidth = 2;
    context.strokeRect(left, y + 1, Math.max(right - left, 1), Math.max(height - 2, 1));
    if (height < 9) return;
    context.beginPath();
    for (const [one, other] of [[-3.5, 3.5], [3.5, -3.5]]) {
      context.moveTo(right + 7 + one, y + height / 2 - 3.5);
      context.lineTo(right + 7 + other, y + height / 2 + 3.5);
    }
    context.stroke();
  }

  /** The states of a lane. Where several are narrower than a pixel, it shows the longest of them. */
  drawSpans(spans, top, height) {
    const { context, x } = this;
    const high = Math.max(height * 0.66, 1);
    const last = x.invert(x.range()[1]);
    let pixel = null;
    let shares = [];
    const flush = () => {
      if (pixel === null) return;
      context.fillStyle = lab.colours[lab.states[d3.maxIndex(shares)]];
      context.fillRect(pixel, top + 1, 1, high);
      [pixel, shares] = [null, []];
    };
    for (let at = lab.spanFrom(spans, x.invert(lab.GUTTER)); at < spans.length && spans[at + 1] <= last; at += 4) {
      const [state, start, end, derived] = [spans[at], spans[at + 1], spans[at + 2], spans[at + 3]];
      const [left, width] = [x(start), x(end) - x(start)];
      if (width < 1) {
        if (Math.floor(left) !== pixel) flush();
        pixel = Math.floor(left);
        shares = lab.states.map((_, number) => (shares[number] ?? 0) + (number === state ? width : 0));
        continue;
      }
      flush();
      context.globalAlpha = derived ? 0.55 : 1;
      context.fillStyle = lab.colours[lab.states[state]];
      context.fillRect(left, top + 1, width, high);
      context.globalAlpha = 1;
      if (derived) lab.hatch(context, left, top + 1, width, high, lab.colours.paper, 5);
    }
    flush();
  }

  /** Frames around the selected request in its lane and in its worker, and a line between them. */
  drawMark() {
    const { context, x, trial, marked } = this;
    context.strokeStyle = lab.colours.mark;
    context.lineWidth = 2.5;
    const places = [];
    for (const group of this.layout.groups) {
      group.rows.forEach((bars, number) => {
        const bar = bars.find((each) => each.at === marked);
        if (!bar) return;
        const y = this.top(group.top + number);
        const high = Math.max(this.pitchOf(group), 3);
        context.strokeRect(x(bar.start) - 1, y, Math.max(x(bar.end) - x(bar.start), 1) + 2, high);
        places.push(group.server ? y : y + high);
      });
    }
    if (places.length < 2) return;
    const at = x(trial.requests.served[marked]);
    context.lineWidth = 1.5;
    context.setLineDash([3, 2]);
    context.beginPath();
    context.moveTo(at, places[0]);
    context.lineTo(at, places[1]);
    context.stroke();
    context.setLineDash([]);
  }

  drawLabels() {
    const { context } = this;
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "right";
    context.fillStyle = lab.colours.soft;
    const room = lab.GUTTER - 10;
    const shown = this.layout.groups.filter((group) => group.rows.length * this.pitchOf(group) >= 12);
    for (const group of shown) {
      const y = this.top(group.top);
      if (!this.inSight(y, PITCH)) continue;
      context.fillText(lab.fitted(context, group.label, room), room + 4, y + Math.min(this.pitchOf(group) * group.rows.length, 20) / 2 + 4.5);
    }
    for (const server of [false, true]) {
      const groups = this.layout.groups.filter((group) => group.server === server);
      if (!groups.length || shown.some((group) => group.server === server)) continue;
      const last = groups[groups.length - 1];
      const middle = (this.top(groups[0].top) + this.top(last.top + last.rows.length - 1) + this.pitchOf(last)) / 2;
      context.fillText(`${groups.length} ${server ? "workers" : "lanes"}`, room + 4, middle + 4.5);
    }
    context.textAlign = "left";
  }
};

/** The position of the first span that ends after `moment` in the flat column of spans. */
lab.spanFrom = (spans, moment) => {
  let [low, high] = [0, spans.length / 4];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle * 4 + 2] <= moment) low = middle + 1;
    else high = middle;
  }
  return low * 4;
};

/** Text that fits: the middle is cut, because names differ at their ends. */
lab.fitted = (context, text, room) => {
  if (context.measureText(text).width <= room) return text;
  for (let kept = text.length - 1; kept > 2; kept -= 1) {
    const tail = Math.ceil(kept / 2);
    const cut = `${text.slice(0, kept - tail)}…${text.slice(-tail)}`;
    if (context.measureText(cut).width <= room) return cut;
  }
  return "…";
};
