"use strict";
// From a trial to rows of bars: the row of each request, and its phases. No drawing here.

/** The phases of a request as [phase number, start, end], in the order of time and without overlap. */
lab.phasesOf = (trial, at) => {
  trial.phases ??= [];
  return (trial.phases[at] ??= lab.computePhases(trial, at));
};

lab.computePhases = (trial, at) => {
  const rows = trial.requests;
  const end = rows.end[at] ?? Math.max(trial.makespan ?? 0, rows.start[at], rows.left[at] ?? 0);
  const phases = [];
  let from = rows.start[at];
  const until = (phase, moment) => {
    const to = Math.min(Math.max(moment, from), end);
    if (to > from) phases.push([phase, from, to]);
    from = to;
  };
  const sent = rows.sent[at] ?? rows.connected[at];
  if (sent !== null) until(0, sent);
  if (rows.served[at] !== null) {
    until(1, rows.served[at]);
    until(2, rows.left[at]);
  } else {
    until(3, rows.first[at] ?? end);
  }
  until(rows.end[at] === null ? 3 : 4, end);
  return phases;
};

/** The end of a request's bar, also if the request never ended. */
lab.endOf = (trial, at) => trial.requests.end[at] ?? Math.max(trial.makespan ?? 0, trial.requests.start[at]);

/** The last moment of a trial that a bar shows. */
lab.lastOf = (trial) => Math.max(trial.makespan ?? 0, d3.max(trial.requests.end) ?? 0, d3.max(trial.requests.left) ?? 0);

lab.isFailed = (trial, at) => {
  const { error, status, end } = trial.requests;
  return error[at] !== undefined || status[at] >= 400 || end[at] === null;
};

/** Spread bars over the fewest rows without overlap; the bars of each row are in the order of time. */
lab.withoutOverlap = (bars) => {
  const rows = [];
  for (const bar of bars) {
    const row = rows.find((other) => other[other.length - 1].end <= bar.start);
    if (row) row.push(bar);
    else rows.push([bar]);
  }
  return rows;
};

/**
 * The groups of a trial from top to bottom: [{server, label, title, top, rows: [[bar]], watched, from}], and the number
 * of rows. A bar is {at, start, end}: `at` is its request, or null for a row of the server's log without a request.
 * `top` counts rows; `watched` is the traced lane with its states.
 */
lab.layout = (trial, mode) => {
  const groups = [...lab.clientGroups(trial, mode), ...lab.serverGroups(trial)];
  let count = 0;
  for (const group of groups) {
    group.top = count;
    count += group.rows.length;
  }
  return { groups, count };
};

lab.inOrder = (trial) => d3.sort(d3.range(trial.requests.id.length), (at) => trial.requests.start[at]);

lab.clientGroups = (trial, mode) => {
  const rows = trial.requests;
  const lanes = trial.lanes.map(() => []);
  for (const at of lab.inOrder(trial)) lanes[rows.lane[at]].push({ at, start: rows.start[at], end: lab.endOf(trial, at) });
  const traced = trial.trace?.lanes ?? [];
  const groups = lanes.map((bars, lane) => {
    const [name, pid] = trial.lanes[lane];
    const watched = traced.find((other) => other.lane === lane);
    const steps = mode === "requests" && !watched ? bars.map((bar) => [bar]) : lab.withoutOverlap(bars);
    return { server: false, label: name, title: `${name}, process ${pid}`, rows: steps, watched, from: bars[0].start };
  });
  for (const watched of traced.filter((lane) => !groups.some((group) => group.watched === lane))) {
    const title = `${watched.name}, ${watched.kind} ${watched.tid} of process ${watched.pid}`;
    groups.push({ server: false, label: watched.name, title, rows: [[]], watched, from: null });
  }
  // Lanes in the order in which the server started their first requests: each round is then one block.
  const first = (group) => group.rows[0][0];
  return d3.sort(
    groups,
    (group) => (first(group) ? rows.served[first(group).at] ?? first(group).start : Infinity),
    (group) => first(group)?.start ?? Infinity,
  );
};

lab.serverGroups = (trial) => {
  const rows = trial.requests;
  const bars = d3.range(rows.id.length).filter((at) => rows.worker[at] !== null)
    .map((at) => [rows.worker[at], { at, start: rows.served[at], end: rows.left[at] }]);
  for (const [worker, start, end, id, status, did] of trial.unmatched) {
    bars.push([worker, { at: null, start, end, id, status, did }]);
  }
  const workers = d3.sort(d3.group(bars, ([worker]) => worker), ([worker]) => worker);
  return workers.map(([worker, of]) => ({
    server: true,
    label: `worker ${worker}`,
    title: `server worker ${worker}`,
    rows: lab.withoutOverlap(d3.sort(of.map(([, bar]) => bar), (bar) => bar.start)),
    from: null,
  }));
};
