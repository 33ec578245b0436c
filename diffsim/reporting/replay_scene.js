/* What is drawn: the ground with its grid, shadows, bodies and marks on one 2D canvas. */

const CELLS = 9; // of the grid, in the distance of the camera
const THEMES = {
  light: {
    sky: ["#dfe8f2", "#f9fafb"], ground: ["#f4f5f7", "#d9dee5"], grid: "84, 98, 116", shadow: 0.2,
    x: "206, 88, 80", y: "70, 150, 90", goal: "#dc3545", touch: "#0c9d6c", halo: "#ffffff",
  },
  dark: {
    sky: ["#0e1217", "#20272f"], ground: ["#28303a", "#1d242c"], grid: "160, 175, 195", shadow: 0.6,
    x: "222, 110, 100", y: "100, 190, 120", goal: "#ff6b78", touch: "#35c990", halo: "#14181d",
  },
};

/** Points around a circle on the ground. */
function circle(center, radius, count = 40) {
  return Array.from({ length: count }, (_, k) => {
    const angle = (2 * Math.PI * k) / count;
    return [center[0] + radius * Math.cos(angle), center[1] + radius * Math.sin(angle), 0];
  });
}

/** The convex hull of points in the plane, counter-clockwise (Andrew's monotone chain). */
function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (list) => {
    const kept = [];
    for (const p of list) {
      while (kept.length > 1) {
        const [a, b] = kept.slice(-2);
        if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
        kept.pop();
      }
      kept.push(p);
    }
    return kept.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.reverse())];
}

/** Outline of a surface's shadow on the ground, counter-clockwise. */
function shadowOf(item, pose) {
  return hull(pointsOf(item, pose).map((point) => sum(point, LIGHT, -point[2] / LIGHT[2])));
}

/** Everything on one canvas. */
class Scene {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.rasterizer = new Rasterizer();
    const meshes = data.meshes.map(meshOf);
    this.bodies = data.bodies.map(({ mesh, colors }) =>
      surfaceOf(meshes[mesh], colors, meshes[mesh].edges.length ? EDGED : ROUND));
    this.planes = data.scenery.map(({ mesh, colors }) => surfaceOf(meshes[mesh], colors, PLANE));
    this.planePoses = data.scenery.map((plane) => ({
      position: plane.position, axes: axesOf(plane.quaternion),
    }));
    this.goal = data.goal;
    this.extent = Math.max(...this.bodies.map((item) => item.reach));
  }

  /** Draw a moment: poses of the bodies, and where contacts touch. The grid's spacing [m]. */
  draw(view, poses, touching, theme) {
    const { canvas, context } = this;
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * scale));
    const height = Math.max(1, Math.round(canvas.clientHeight * scale));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.scale = scale;
    this.colors = THEMES[theme];
    this.camera = new Camera(view, width, height);
    this.drawBackground();
    const spacing = this.drawGrid(view);
    if (this.goal) this.drawGoalBelow();
    this.drawShadows(poses);
    const items = [...this.planes, ...this.bodies];
    this.rasterizer.draw(context, this.camera, items, [...this.planePoses, ...poses]);
    if (this.goal) this.drawGoal();
    for (const point of touching) this.drawTouch(point);
    return spacing;
  }

  drawBackground() {
    const { context, camera, colors } = this;
    const paint = (from, to, shades) => {
      const gradient = context.createLinearGradient(0, from, 0, to);
      shades.forEach((shade, k) => gradient.addColorStop(k, shade));
      context.fillStyle = gradient;
      context.fillRect(0, Math.max(0, Math.min(from, to)), camera.width, Math.abs(to - from) + 1);
    };
    paint(camera.horizon - camera.height, camera.horizon, colors.sky);
    context.fillStyle = colors.sky[0];
    context.fillRect(0, 0, camera.width, Math.max(0, camera.horizon - camera.height));
    paint(camera.horizon, camera.horizon + 1.2 * camera.height, colors.ground);
  }

  /** Path of polygons or lines in the world; whoever calls fills or strokes it. */
  trace(lines, closed) {
    const { context } = this;
    context.beginPath();
    for (const line of lines) {
      const pixels = this.camera.project(line, closed);
      pixels.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      if (closed && pixels.length) context.closePath();
    }
  }

  /** Lines on the ground around the target, fading with the distance from it. */
  drawGrid(view) {
    const { context, colors } = this;
    const rough = view.distance / CELLS;
    const power = 10 ** Math.floor(Math.log10(rough));
    const spacing = power * [1, 2, 5, 10].find((step) => step * power >= rough);
    const radius = 3.5 * view.distance;
    const pieces = 24;
    const levels = 12;
    const groups = new Map();
    for (const axis of [0, 1]) {
      const [along, middle] = [view.target[axis], view.target[1 - axis]];
      const first = Math.ceil((middle - radius) / spacing);
      const last = Math.floor((middle + radius) / spacing);
      for (let number = first; number <= last; number++) {
        const aside = number * spacing - middle;
        const half = Math.sqrt(Math.max(0, radius * radius - aside * aside));
        const color = number ? colors.grid : axis ? colors.y : colors.x;
        for (let piece = 0; piece < pieces; piece++) {
          const ends = [piece, piece + 1].map((k) => along + half * ((2 * k) / pieces - 1));
          const far = Math.hypot(aside, 0.5 * (ends[0] + ends[1]) - along) / radius;
          const level = Math.ceil(levels * (1 - far) ** 1.5);
          const key = `${color}|${level}`;
          if (!groups.has(key)) groups.set(key, { color, level, lines: [] });
          groups.get(key).lines.push(ends.map((end) =>
            axis ? [number * spacing, end, 0] : [end, number * spacing, 0]));
        }
      }
    }
    for (const { color, level, lines } of groups.values()) {
      const strong = color === colors.grid ? 0.42 : 0.9;
      context.strokeStyle = `rgba(${color}, ${(strong * level) / levels})`;
      context.lineWidth = this.scale * (color === colors.grid ? 1 : 1.4);
      this.trace(lines, false);
      context.stroke();
    }
    return spacing;
  }

  drawShadows(poses) {
    const outlines = this.bodies
      .map((item, k) => [item, poses[k]])
      .filter(([item, pose]) => pose.position[2] + item.reach > 0)
      .map(([item, pose]) => shadowOf(item, pose));
    this.trace(outlines, true);
    this.context.fillStyle = `rgba(10, 16, 26, ${this.colors.shadow})`;
    this.context.fill("nonzero");
  }

  /** Rings on the ground below the goal, and a line up to it. */
  drawGoalBelow() {
    const { context, goal, colors } = this;
    context.strokeStyle = colors.goal;
    context.lineWidth = 1.6 * this.scale;
    this.trace([circle(goal, 0.5 * this.extent), circle(goal, 0.25 * this.extent)], true);
    context.stroke();
    if (goal[2] > 0) {
      context.setLineDash([5 * this.scale, 4 * this.scale]);
      this.trace([[[goal[0], goal[1], 0], goal]], false);
      context.stroke();
      context.setLineDash([]);
    }
  }

  /** A cross at the goal, seen through everything. */
  drawGoal() {
    const { context, camera, colors, scale } = this;
    const local = camera.local(this.goal);
    if (local[2] < camera.near) return;
    const [x, y] = camera.pixel(local);
    const arm = 7 * scale;
    for (const [color, thick] of [[colors.halo, 4.5], [colors.goal, 2]]) {
      context.strokeStyle = color;
      context.lineWidth = thick * scale;
      context.beginPath();
      for (const sign of [-1, 1]) {
        context.moveTo(x - arm, y - sign * arm);
        context.lineTo(x + arm, y + sign * arm);
      }
      context.stroke();
    }
    context.font = `600 ${12 * scale}px system-ui, sans-serif`;
    context.lineWidth = 3 * scale;
    context.strokeStyle = colors.halo;
    context.strokeText("goal", x + 1.6 * arm, y + 0.5 * arm);
    context.fillStyle = colors.goal;
    context.fillText("goal", x + 1.6 * arm, y + 0.5 * arm);
  }

  /** A ring around a contact that touches, seen through everything. */
  drawTouch(point) {
    const { context, camera, colors, scale } = this;
    const local = camera.local(point);
    if (local[2] < camera.near) return;
    const [x, y] = camera.pixel(local);
    for (const [color, thick] of [[colors.halo, 4.5], [colors.touch, 2.2]]) {
      context.strokeStyle = color;
      context.lineWidth = thick * scale;
      context.beginPath();
      context.arc(x, y, 6 * scale, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = colors.touch;
    context.beginPath();
    context.arc(x, y, 2.2 * scale, 0, 2 * Math.PI);
    context.fill();
  }
}
