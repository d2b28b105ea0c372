"use strict";
// From a trial to rows of bars: which request stands in which row, and what its phases are. No drawing here.

/** A request's phases as [phase number, start, end], in the order of time and without overlap. */
lab.phasesOf = (trial, at) => {
  trial.phases ??= [];
  return (trial.phases[at] ??= lab.madePhases(trial, at));
};

lab.madePhases = (trial, at) => {
  const rows = trial.requests;
  const end = rows.end[at] ?? Math.max(trial.makespan ?? 0, rows.start[at], rows.left[at] ?? 0);
  const found = [];
  let from = rows.start[at];
  const until = (phase, moment) => {
    const to = Math.min(Math.max(moment, from), end);
    if (to > from) found.push([phase, from, to]);
    from = to;
  };
  const sent = rows.sent[at] ?? rows.connected[at];
  if (rows.served[at] !== null) {
    if (sent !== null) until(0, sent);
    until(1, rows.served[at]);
    until(2, rows.left[at]);
    until(rows.end[at] === null ? 3 : 4, end);
  } else {
    if (sent !== null) until(0, sent);
    until(3, rows.first[at] ?? end);
    until(rows.end[at] === null ? 3 : 4, end);
  }
  return found;
};

/** Where a request's bar ends, also if its answer never did. */
lab.endOf = (trial, at) => trial.requests.end[at] ?? Math.max(trial.makespan ?? 0, trial.requests.start[at]);

/** Spread bars over as few rows as hold them without overlap; each row's bars are in the order of time. */
lab.stacked = (bars) => {
  const rows = [];
  for (const bar of bars) {
    const row = rows.find((other) => other[other.length - 1].end <= bar.start);
    if (row) row.push(bar);
    else rows.push([bar]);
  }
  return rows;
};

/**
 * The groups of a trial from top to bottom: [{server, label, top, rows: [[bar]], spans, from}], and the number of rows.
 * A bar is {at, start, end}: `at` is its request, or null for one that only the server knows. `top` counts rows.
 */
lab.layout = (trial, mode) => {
  const rows = trial.requests;
  const order = d3.range(rows.id.length).sort((one, other) => rows.start[one] - rows.start[other]);
  const lanes = trial.lanes.map(() => []);
  const workers = new Map();
  const serve = (worker, bar) => {
    if (!workers.has(worker)) workers.set(worker, []);
    workers.get(worker).push(bar);
  };
  for (const at of order) {
    lanes[rows.lane[at]].push({ at, start: rows.start[at], end: lab.endOf(trial, at) });
    if (rows.worker[at] !== null) {
      serve(rows.worker[at], { at, start: rows.served[at], end: rows.left[at] });
    }
  }
  const groups = [];
  const traced = new Set();
  lanes.forEach((bars, lane) => {
    const [name, pid] = trial.lanes[lane];
    const watched = trial.trace?.lanes.find((other) => other.lane === lane);
    if (watched) traced.add(watched);
    const steps = mode === "requests" && !watched ? bars.map((bar) => [bar]) : lab.stacked(bars);
    groups.push({ server: false, label: name, said: `${name}, process ${pid}`, rows: steps, watched, from: bars[0].start });
  });
  for (const watched of trial.trace?.lanes ?? []) {
    if (traced.has(watched)) continue;
    const said = `${watched.name}, ${watched.kind} ${watched.tid} of process ${watched.pid}`;
    groups.push({ server: false, label: watched.name, said, rows: [[]], watched, from: null });
  }
  for (const [worker, start, end, id, status, did] of trial.unmatched) {
    serve(worker, { at: null, start, end, id, status, did });
  }
  for (const worker of [...workers.keys()].sort((one, other) => one - other)) {
    const bars = workers.get(worker).sort((one, other) => one.start - other.start);
    groups.push({ server: true, label: `worker ${worker}`, said: `server worker ${worker}`, rows: lab.stacked(bars), from: null });
  }
  // Lanes in the order in which the server took them up: rounds then stand below each other.
  const taken = (group) => {
    const first = group.rows[0][0];
    return first ? [rows.served[first.at] ?? first.start, first.start] : [Infinity, Infinity];
  };
  const clients = groups.filter((group) => !group.server);
  clients.sort((one, other) => taken(one)[0] - taken(other)[0] || taken(one)[1] - taken(other)[1] || 0);
  groups.splice(0, clients.length, ...clients);
  let count = 0;
  for (const group of groups) {
    group.top = count;
    count += group.rows.length;
  }
  return { groups, count };
};
