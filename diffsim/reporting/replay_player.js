/* What is operated: time, view and read-outs. Names come in as text, never as markup. */

const START = { azimuth: -1.05, elevation: 0.3 }; // seen from the front right and a little above
const STEEPEST = 1.55; // [rad]
const MARGIN = 1.0; // of the sphere around what is to be seen at first
const data = JSON.parse(document.getElementById("data").textContent);
const count = data.bodies.length;
const last = data.times.length - 1;
const element = (id) => document.getElementById(id);
const canvas = element("view");
const scene = new Scene(canvas, data);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const state = { time: data.times[0], playing: false, speed: 1, shown: null };
let view = null;

/** Number of the last frame at or before a time. */
function frameAt(time) {
  let [low, high] = [0, last];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (data.times[middle] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

function positionOf(frame, body) {
  const at = 3 * (frame * count + body);
  return data.position.slice(at, at + 3);
}

/** Poses of all bodies, between two frames by the shorter way. */
function posesAt(time) {
  const frame = frameAt(time);
  const next = Math.min(frame + 1, last);
  const span = data.times[next] - data.times[frame];
  const share = span > 0 ? Math.min(1, (time - data.times[frame]) / span) : 0;
  return data.bodies.map((_, body) => {
    const [a, b] = [frame, next].map((k) => {
      const at = 4 * (k * count + body);
      return data.quaternion.slice(at, at + 4);
    });
    const turn = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] < 0 ? -share : share;
    const [from, to] = [positionOf(frame, body), positionOf(next, body)];
    return {
      position: from.map((x, k) => x + share * (to[k] - x)),
      axes: axesOf(unit(a.map((x, k) => (1 - share) * x + turn * b[k]))),
    };
  });
}

/** The middle of the bodies. */
function middleOf(positions) {
  return positions.reduce((total, p) => sum(total, p), [0, 0, 0]).map((x) => x / count);
}

/** The box around all bodies in some frames, from a place of each: lowest, highest point. */
function bounds(frames, placeOf, points) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const take = (point, reach) => point.forEach((x, k) => {
    low[k] = Math.min(low[k], x - reach);
    high[k] = Math.max(high[k], x + reach);
  });
  for (const frame of frames) {
    const place = placeOf(frame);
    for (let body = 0; body < count; body++) {
      take(sum(positionOf(frame, body), place, -1), scene.bodies[body].reach);
    }
  }
  points.forEach((point) => take(point, 0));
  return { low, high };
}

/** Where the robot is in a frame, on the ground. */
function whereabouts(frame) {
  const [x, y] = middleOf(data.bodies.map((_, body) => positionOf(frame, body)));
  return [x, y, 0];
}

/** How to look at it first: a robot that leaves its place is followed, one that stays is seen from
    one place, with its goal. */
function firstView() {
  const every = Math.max(1, Math.floor(last / 200));
  const frames = data.times.map((_, k) => k).filter((k) => k % every === 0 || k === last);
  const own = bounds(frames, whereabouts, []);
  const size = Math.hypot(...sum(own.high, own.low, -1));
  const home = whereabouts(0);
  const leaves = frames.some((frame) => Math.hypot(...sum(whereabouts(frame), home, -1)) > size);
  const goals = data.goal ? [data.goal] : [];
  const box = leaves ? own : bounds(frames, () => [0, 0, 0], goals);
  const radius = 0.5 * Math.hypot(...sum(box.high, box.low, -1));
  return {
    follow: leaves,
    // Of the camera's target: what the user has moved it by is in it, too.
    offset: box.low.map((x, k) => 0.5 * (x + box.high[k])),
    distance: (MARGIN * radius) / Math.sin(0.5 * FIELD_OF_VIEW),
    ...START,
  };
}

/** Where the robot is on the ground at a time, if it is followed. */
function followed(poses) {
  const [x, y] = middleOf(poses.map((pose) => pose.position));
  return view.follow ? [x, y, 0] : [0, 0, 0];
}

/** One line of a list of read-outs; gives what sets its content. */
function addRow(list, name, bar) {
  const item = document.createElement("li");
  const row = document.createElement("div");
  const label = document.createElement("span");
  const value = document.createElement("span");
  row.className = "row";
  label.className = "name";
  label.textContent = name;
  label.title = name;
  value.className = "value";
  if (!bar) {
    const dot = document.createElement("span");
    dot.className = "dot";
    row.append(dot);
  }
  row.append(label, value);
  item.append(row);
  const fill = document.createElement("i");
  if (bar) {
    const track = document.createElement("div");
    track.className = "bar";
    track.append(fill);
    item.append(track);
  }
  list.append(item);
  return { item, value, fill };
}

function rowsOf(id, part, bar) {
  if (!part) return [];
  element("readings").hidden = false;
  element(id).hidden = false;
  return part.names.map((name) => addRow(element(id).querySelector("ul"), name, bar));
}

const motorRows = rowsOf("motors", data.motors, true);
const contactRows = rowsOf("contacts", data.contacts, false);

function showReadings(frame) {
  motorRows.forEach(({ item, value, fill }, k) => {
    const [force, limit] = [data.motors.force[k][frame], data.motors.limits[k]];
    const share = Math.max(-1, Math.min(1, force / limit));
    const digits = Math.max(0, 3 - Math.floor(Math.log10(limit)));
    const shown = force.toFixed(digits).replace("-", "−");
    value.textContent = `${shown} / ${limit} ${data.motors.units[k]}`;
    fill.style.left = `${50 + 50 * Math.min(0, share)}%`;
    fill.style.width = `${50 * Math.abs(share)}%`;
    item.className = Math.abs(share) > 0.995 ? "full" : "";
  });
  if (!data.contacts) return;
  const depths = new Map(data.contacts.touching[frame].map(([k, depth]) => [k, depth]));
  contactRows.forEach(({ item, value }, k) => {
    item.className = depths.has(k) ? "touches" : "";
    value.textContent = depths.has(k) ? `${depths.get(k).toFixed(2)} mm` : "apart";
  });
}

function clock(time) {
  return time.toFixed(2);
}

let waiting = false;
let before = null;

/** Draw again soon. */
function refresh() {
  if (!waiting) requestAnimationFrame(paint);
  waiting = true;
}

function paint(now) {
  waiting = false;
  if (state.playing && before !== null) {
    state.time = Math.min(data.times[last], state.time + state.speed * 0.001 * (now - before));
    if (state.time === data.times[last]) play(false);
  }
  before = now;
  const frame = frameAt(state.time);
  const poses = posesAt(state.time);
  const target = sum(view.offset, followed(poses));
  const touching = data.contacts ? data.contacts.touching[frame].map((c) => c.slice(2)) : [];
  const spacing = scene.draw({ ...view, target }, poses, touching, dark.matches ? "dark" : "light");
  element("grid").textContent = `grid ${Number(spacing.toPrecision(1))} m`;
  element("slider").value = state.time;
  element("time").textContent = `${clock(state.time)} / ${clock(data.times[last])} s`;
  if (frame !== state.shown) showReadings(frame);
  state.shown = frame;
  if (state.playing) refresh();
}

function play(on) {
  if (on && state.time >= data.times[last]) state.time = data.times[0];
  state.playing = on;
  before = null;
  element("play").textContent = on ? "Pause" : "Play";
  refresh();
}

function seek(time) {
  state.time = Math.min(Math.max(time, data.times[0]), data.times[last]);
  before = null;
  refresh();
}

function resetView() {
  view = firstView();
  element("follow").checked = view.follow;
  refresh();
}

/** Follow the robot, which comes to the middle, or stop where it is. */
function follow(on) {
  const [x, y, z] = sum(view.offset, followed(posesAt(state.time)));
  view.offset = on ? [0, 0, z] : [x, y, z];
  view.follow = on;
  refresh();
}

/** Move what is looked at along the picture by pixels. */
function pan(dx, dy) {
  const scale = (2 * view.distance * Math.tan(0.5 * FIELD_OF_VIEW))
    / Math.min(canvas.clientWidth, canvas.clientHeight);
  const { right, up } = scene.camera;
  view.offset = sum(sum(view.offset, right, -dx * scale), up, dy * scale);
}

function orbit(dx, dy) {
  view.azimuth -= 0.007 * dx;
  view.elevation = Math.min(Math.max(view.elevation + 0.007 * dy, 0), STEEPEST);
}

canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  const moves = event.shiftKey || event.buttons & 2;
  (moves ? pan : orbit)(event.movementX, event.movementY);
  refresh();
});
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 30 : 1; // some browsers count lines, not pixels
  view.distance *= Math.exp(0.001 * lines * event.deltaY);
  view.distance = Math.min(Math.max(view.distance, 0.2 * scene.extent), 1e4 * scene.extent);
  refresh();
}, { passive: false });

element("play").addEventListener("click", () => play(!state.playing));
element("slider").addEventListener("input", (event) => seek(event.target.valueAsNumber));
element("speed").addEventListener("change", (event) => {
  state.speed = Number(event.target.value);
});
element("follow").addEventListener("change", (event) => follow(event.target.checked));
element("reset").addEventListener("click", resetView);
// After a click the keys are for the replay again, not for the button.
document.querySelector("footer").addEventListener("click", (event) => {
  if (event.detail && event.target.tagName !== "SELECT") canvas.focus();
});
document.addEventListener("keydown", (event) => {
  const frame = frameAt(state.time);
  const { target } = event;
  if (event.key === " " && !target.matches("button, select, [type=checkbox]")) {
    play(!state.playing);
  } else if (event.key === "ArrowLeft" && !target.matches("select")) {
    seek(data.times[Math.max(state.time > data.times[frame] ? frame : frame - 1, 0)]);
  } else if (event.key === "ArrowRight" && !target.matches("select")) {
    seek(data.times[Math.min(frame + 1, last)]);
  } else {
    return;
  }
  event.preventDefault();
});
dark.addEventListener("change", refresh);
new ResizeObserver(refresh).observe(canvas);

document.title = `${data.title} – replay`;
element("title").textContent = data.title;
element("about").textContent = data.about;
element("slider").min = data.times[0];
element("slider").max = data.times[last];
resetView();
