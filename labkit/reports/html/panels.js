"use strict";
// The timelines under one axis: the choice of trials, zooming, pointing, and stepping with the keys.

const MOST_ROWS = 60; // with more requests, one row per lane is easier to read than one per request
const ROW_GAP = 18; // between two timelines of a saved picture

lab.panels = {
  shown: [], // {trial, timeline, element, canvas, scroller, room, inSight}
  transform: d3.zoomIdentity,
  held: null,

  /** The trials that the toolbar selects: one per approach, in the order of the summary. */
  chosen() {
    const point = Number(document.getElementById("point").value);
    const choice = document.getElementById("trial").value;
    const approaches = lab.data.summary.filter((row) => row.point === point).map((row) => row.approach);
    return approaches.flatMap((approach) => {
      const all = lab.data.trials.filter((trial) => trial.point === point && trial.approach === approach);
      const untraced = all.filter((trial) => !trial.traced);
      const found = choice === "traced" ? all.find((trial) => trial.traced) : untraced.find((trial) => String(trial.repeat) === choice);
      return found ?? untraced[0] ?? [];
    });
  },

  build() {
    this.release();
    const mode = document.getElementById("rows").value;
    this.shown = this.chosen().map((trial) => this.panel(trial, new lab.Timeline(trial, mode)));
    document.getElementById("panels").replaceChildren(...this.shown.map((panel) => panel.element));
    document.getElementById("rows-label").textContent = mode === "requests" ? " and one row per request" : "";
    const unseen = new Set(this.shown.flatMap((panel) => panel.trial.trace?.unseen ?? []));
    document.getElementById("unseen").replaceChildren(...[...unseen].map((text) => lab.element("p", `Not visible here: ${text}`)));
    this.watcher?.disconnect();
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) this.shown.find((panel) => panel.element === entry.target).inSight = entry.isIntersecting;
      this.redraw();
    }, { rootMargin: "200px" });
    for (const panel of this.shown) this.watcher.observe(panel.element);
    this.transform = d3.zoomIdentity;
    this.resize();
    this.drawNow();
    this.drawLegend();
  },

  panel(trial, timeline) {
    const element = lab.element("article", "", "panel");
    const about = lab.element("div");
    about.append(...lab.about(trial).map(({ tag, text, name }) => lab.element(tag, text, name)));
    const scroller = lab.element("div", "", "scroller");
    const canvas = document.createElement("canvas");
    const room = lab.element("div");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `Timeline of ${trial.approach}. ${trial.sentence} Left and right select its requests.`);
    scroller.append(canvas, room);
    element.append(about, scroller);
    const panel = { trial, timeline, element, canvas, scroller, room, inSight: true };
    if (timeline.crowded) about.append(this.expander(panel));
    about.append(lab.pictures.buttons(`${lab.text.name(trial)}: timeline`, () => this.picture([panel])));
    canvas.addEventListener("pointermove", (event) => this.point(panel, event));
    canvas.addEventListener("pointerleave", () => this.held ?? this.release());
    canvas.addEventListener("click", (event) => this.click(panel, event));
    canvas.addEventListener("dblclick", () => this.fill(panel));
    canvas.addEventListener("keydown", (event) => this.key(panel, event));
    scroller.addEventListener("scroll", () => this.redraw());
    return panel;
  },

  expander(panel) {
    const button = lab.button("full row height", () => {
      panel.timeline.expand(!panel.timeline.expanded);
      button.textContent = panel.timeline.expanded ? "all rows" : "full row height";
      this.resize();
    });
    return button;
  },

  resize() {
    if (!this.shown.length) return;
    for (const { timeline, canvas, scroller, room } of this.shown) {
      scroller.style.height = `${timeline.shownHeight}px`;
      canvas.style.height = `${timeline.shownHeight}px`;
      room.style.height = `${timeline.height - timeline.shownHeight}px`;
    }
    // The scroll bar of one timeline must not shift its axis against the others.
    this.width = d3.min(this.shown, (panel) => panel.scroller.clientWidth);
    for (const { canvas } of this.shown) canvas.style.width = `${this.width}px`;
    const trials = this.shown.map((panel) => panel.trial);
    const last = d3.max(trials, lab.lastOf) || 1;
    const cold = d3.max(trials, (trial) => trial.cold) ?? 0;
    // A long cold start must not squeeze the work: dragging shows the rest of it.
    const before = Math.min(cold, last * 0.12);
    const right = this.width - lab.RIGHT;
    this.base = d3.scaleLinear([-before, last * 1.015], [lab.GUTTER, right]);
    this.zoom = d3.zoom()
      .extent([[lab.GUTTER, 0], [right, 1]])
      .translateExtent([[this.base(-cold * 1.02) - 1, 0], [right, 1]])
      .scaleExtent([1, 100000])
      .filter((event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button && !event.ctrlKey))
      .wheelDelta((event) => -event.deltaY * (event.deltaMode ? 0.05 : 0.002))
      .on("zoom", (event) => this.move(event.transform));
    for (const { canvas } of this.shown) d3.select(canvas).call(this.zoom).on("dblclick.zoom", null);
    this.move(this.transform);
  },

  move(transform) {
    this.transform = transform;
    for (const { canvas } of this.shown) canvas.__zoom = transform;
    this.redraw();
  },

  get x() {
    return this.transform.rescaleX(this.base);
  },

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.drawNow((panel) => panel.inSight);
    });
  },

  drawNow(which = () => true) {
    if (!this.shown.length) return;
    for (const { timeline, canvas, scroller } of this.shown.filter(which)) {
      timeline.draw(lab.prepare(canvas, this.width, timeline.shownHeight), this.x, this.width, scroller.scrollTop);
    }
    this.drawAxis(d3.select("#axis"), this.offset);
  },

  /** The distance from the left edge of a panel to its timeline. */
  get offset() {
    const { element, canvas } = this.shown[0];
    return canvas.getBoundingClientRect().left - element.getBoundingClientRect().left;
  },

  drawAxis(holder, offset) {
    const { x, width } = this;
    const seconds = x.copy().domain(x.domain().map(lab.s)).range(x.range().map((at) => at + offset));
    const inner = holder.selectAll("g").data([null]).join("g").attr("transform", "translate(0,2)");
    inner.call(d3.axisBottom(seconds).ticks(width / 110).tickSize(5)).select(".domain").remove();
    inner.selectAll(".tick text").text((tick) => `${seconds.tickFormat(width / 110)(tick)} s`);
  },

  drawLegend() {
    this.legends = lab.timelineKeys(this.shown.map((panel) => panel.trial));
    lab.legend(document.getElementById("legend"), this.legends[0]);
    lab.legend(document.getElementById("states"), this.legends[1]);
  },

  /** These timelines as the page shows them, under their axis. */
  picture(panels = this.shown) {
    const [{ trial }] = panels;
    const alone = panels.length === 1;
    const number = lab.data.points.length > 1 ? ` (configuration ${trial.point + 1} of ${lab.data.points.length})` : "";
    return lab.pictures.compose({
      title: `${alone ? `${lab.text.name(trial)}: ` : ""}${lab.data.points[trial.point]}${number}`,
      subtitle: "Seconds from the start signal",
      legends: this.legends,
      width: this.offset + this.width,
      draw: (parent, context) => {
        parent.append(...lab.pictures.inlined(document.getElementById("axis")).childNodes);
        return panels.reduce((y, panel) => this.pictureOf(panel, context, y), 30);
      },
    });
  },

  /** Draw one timeline, its title and its sentence at the height `top`; returns the height below it. */
  pictureOf({ trial, timeline, scroller }, context, top) {
    const { offset, width } = this;
    let y = top;
    for (const line of lab.about(trial)) y = lab.pictures.write(context, line.text, { ...line, y, width: offset - 12 }) + 2;
    context.save();
    context.translate(offset, top);
    context.beginPath();
    context.rect(0, 0, width, timeline.shownHeight);
    context.clip();
    timeline.draw(context, this.x, width, scroller.scrollTop);
    context.restore();
    const bottom = Math.max(y, top + timeline.shownHeight) + ROW_GAP / 2;
    context.fillStyle = lab.colours.line;
    context.fillRect(0, bottom, offset + width, 1);
    return bottom + ROW_GAP / 2;
  },

  zoomBy(factor) {
    d3.select(this.shown[0]?.canvas).call(this.zoom.scaleBy, factor);
  },

  /** One trial over the whole width, or all of them again. */
  fill({ trial, canvas }) {
    if (this.transform.k > 1 || trial.makespan === null) {
      this.fit();
      return;
    }
    const from = Math.max(-(trial.cold ?? 0), -trial.makespan * 0.12);
    const [left, right] = [this.base(from), this.base(trial.makespan * 1.015)];
    const scale = (this.width - lab.RIGHT - lab.GUTTER) / (right - left);
    d3.select(canvas).call(this.zoom.transform, d3.zoomIdentity.translate(lab.GUTTER - left * scale, 0).scale(scale));
  },

  fit() {
    d3.select(this.shown[0]?.canvas).call(this.zoom.transform, d3.zoomIdentity);
  },

  point(panel, event) {
    if (this.held || event.buttons) return;
    const [px, py] = d3.pointer(event, panel.canvas);
    const hit = px > lab.GUTTER ? panel.timeline.hit(this.x, px, py + panel.scroller.scrollTop) : null;
    this.mark(panel, hit?.bar?.at ?? null);
    lab.details.show(hit && (hit.bar || hit.span) ? lab.details.of(panel.trial, hit) : null, event.clientX, event.clientY);
  },

  click(panel, event) {
    if (event.defaultPrevented) return;
    this.held = null;
    this.point(panel, event);
    this.held = panel.timeline.marked === null ? null : panel;
  },

  mark(panel, at) {
    for (const other of this.shown) other.timeline.marked = other === panel ? at : null;
    this.redraw();
  },

  release() {
    this.held = null;
    this.mark(null, null);
    lab.details.show(null);
  },

  key(panel, event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.release();
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.6);
    else if (event.key === "-") this.zoomBy(1 / 1.6);
    else if (event.key === "0") this.fit();
    else if (step) this.step(panel, step);
    else return;
    event.preventDefault();
  },

  /** Select the request that starts next, or the one before. */
  step(panel, by) {
    const { trial, timeline } = panel;
    panel.order ??= lab.inOrder(trial);
    if (!panel.order.length) return;
    const now = timeline.marked === null ? -1 : panel.order.indexOf(timeline.marked);
    const next = panel.order[Math.max(0, Math.min(panel.order.length - 1, now + by))];
    const group = timeline.layout.groups.find((each) => each.rows.some((bars) => bars.some((bar) => bar.at === next)));
    const number = group.rows.findIndex((bars) => bars.some((bar) => bar.at === next));
    const y = timeline.top(group.top + number);
    if (timeline.expanded && !timeline.inSight(y, 0)) panel.scroller.scrollTop = y - timeline.shownHeight / 2;
    const middle = (trial.requests.start[next] + lab.endOf(trial, next)) / 2;
    if (middle < this.x.domain()[0] || middle > this.x.domain()[1]) {
      d3.select(panel.canvas).call(this.zoom.translateTo, this.base(middle), 0);
    }
    this.held = panel;
    this.mark(panel, next);
    const place = panel.canvas.getBoundingClientRect();
    const left = place.left + Math.min(this.x(lab.endOf(trial, next)), this.width);
    const parts = lab.details.of(trial, { group, bar: { at: next }, span: null });
    lab.details.show(parts, left, place.top + y - panel.scroller.scrollTop);
  },
};

/** The lines beside a timeline: its name, its makespan, and a sentence. `size` and `colour` are those of page.css. */
lab.about = (trial) => {
  let time = trial.makespan === null ? trial.outcome : lab.text.short(trial.makespan);
  if (trial.traced) {
    const others = lab.data.trials.filter((other) => !other.traced && other.approach === trial.approach && other.point === trial.point);
    const makespans = others.filter((other) => other.makespan !== null).map((other) => lab.text.short(other.makespan));
    time += ` traced · ${makespans.join(", ") || "–"} untraced`;
  } else if (trial.makespan !== null) {
    time += ` · ideal ${lab.text.short(trial.ideal)}`;
  }
  const unranked = !trial.ranked && !trial.traced ? (trial.outcome === "ok" ? "not ranked" : trial.outcome) : null;
  return [
    { tag: "h3", text: lab.text.name(trial), size: 18, weight: 700, colour: "ink" },
    { tag: "div", name: "time", text: time, size: 17, colour: "ink" },
    ...(unranked ? [{ tag: "div", name: "unranked", text: unranked, size: 15, colour: "failed" }] : []),
    { tag: "p", name: "sentence", text: trial.trace ? lab.stateTotals(trial) : trial.sentence, size: 14, colour: "soft" },
  ];
};

/** The time that the lanes of a traced trial spent in each state, summed over all lanes. */
lab.stateTotals = (trial) => {
  const sums = lab.states.map(() => 0);
  for (const { spans } of trial.trace.lanes) {
    for (let at = 0; at < spans.length; at += 4) sums[spans[at]] += spans[at + 2] - spans[at + 1];
  }
  const totals = sums.map((sum, number) => [sum, lab.stateLabels[number]]).filter(([sum]) => sum > 0);
  return totals.map(([sum, label]) => `${label} ${lab.text.short(sum)}`).join(" · ");
};

/** The keys of two legends: phases and marks, and the states of traced lanes. */
lab.timelineKeys = (trials) => {
  const { fill, line, hatch } = lab.swatches;
  const unknown = trials.some(({ requests, unmatched }) => unmatched.length || requests.served.includes(null) || requests.end.includes(null));
  const phases = lab.phases.filter((phase) => phase.name !== "unknown" || unknown);
  const failed = trials.some((trial) => trial.requests.id.some((_, at) => lab.isFailed(trial, at)));
  const keys = [
    ...phases.map(({ name, label, size }) => [label, fill(name, size)]),
    ...(failed ? [["failed", lab.swatches.frame("failed")]] : []),
    ["waiting in the client", line("waiting", [2, 3], true)],
    ["cold start, before the start signal", hatch("soft", 6)],
    ["ideal", line("soft", [3, 2], false)],
    ["makespan", line("ink", [], false)],
  ];
  if (!trials.some((trial) => trial.trace)) return [keys, []];
  const derived = (context, width, height) => {
    fill("unknown")(context, width, height);
    hatch("paper", 5)(context, width, height);
  };
  const states = lab.stateLabels.map((label, number) => [label, fill(lab.states[number])]);
  return [keys, [...states, ["derived, not observed", derived], ["not sampled", hatch("line", 4)]]];
};
