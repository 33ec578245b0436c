/* How bodies are drawn: the triangles of their surfaces into a picture with a depth for each pixel.
z is up, lengths are in metres.

That needs no GPU and no sorting, and looks the same everywhere. Triangles that share vertices meet
smoothly; an edge that one triangle alone has is sharp, and drawn. */

const FIELD_OF_VIEW = 0.6; // of the shorter side of the picture [rad]
const LIGHT = unit([0.35, -0.5, 0.85]); // towards it
const BUDGET = 2e6; // most points of a picture; if it would take more, edges are not smoothed
const SUNK = 90; // opacity of what is below the ground, of 255
const ROUND = [[0.96, 0.6, 0.24], [0.99, 0.9, 0.76]]; // of what the robot says no colours of
const EDGED = [[0.44, 0.6, 0.84]];
const EDGE = 0.72; // brightness of a sharp edge, as a share
const PLANE = [[0.8, 0.8, 0.78]];

function dot(a, b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
function sum(a, b, scale = 1) { return a.map((x, k) => x + scale * b[k]); }
function unit(a) { return a.map((x) => x / Math.hypot(...a)); }

/** The columns of the rotation matrix of a unit quaternion (w, x, y, z): the body's axes. */
function axesOf([w, x, y, z]) {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
    [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
    [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
  ];
}

/** A mesh with a normal at each vertex, its sharp edges, and how far it reaches from its centre. */
function meshOf({ vertices, triangles, second }) {
  const normals = new Float64Array(vertices.length);
  const sides = new Map(); // of each edge, how many triangles have it
  for (let k = 0; k < triangles.length; k += 3) {
    const corners = triangles.slice(k, k + 3);
    const [a, b, c] = corners.map((n) => vertices.slice(3 * n, 3 * n + 3));
    const [u, v] = [sum(b, a, -1), sum(c, a, -1)];
    const normal = cross(u, v);
    corners.forEach((n, side) => {
      normal.forEach((x, axis) => { normals[3 * n + axis] += x; }); // larger ones count for more
      const edge = [n, corners[(side + 1) % 3]].sort((p, q) => p - q).join();
      sides.set(edge, (sides.get(edge) || 0) + 1);
    });
  }
  let reach = 0;
  for (let k = 0; k < vertices.length; k += 3) {
    const length = Math.hypot(normals[k], normals[k + 1], normals[k + 2]) || 1;
    for (let axis = 0; axis < 3; axis++) normals[k + axis] /= length;
    reach = Math.max(reach, Math.hypot(vertices[k], vertices[k + 1], vertices[k + 2]));
  }
  const sharp = [...sides].filter(([, count]) => count === 1);
  const edges = sharp.map(([edge]) => edge.split(",").map(Number));
  const colored = new Uint8Array(triangles.length / 3);
  second.forEach((triangle) => { colored[triangle] = 1; });
  return { vertices, triangles, normals, edges, colored, reach };
}

/** A surface as it is drawn: its mesh and two colours. */
function surfaceOf(mesh, colors, usual) {
  const first = (colors || usual)[0];
  const other = (c) => (Math.max(...first) > 0.5 ? 0.7 * c : c + 0.25); // darker, or lighter
  return { ...mesh, colors: [first, (colors || usual)[1] || first.map(other)] };
}

/** Points of a surface in the world. */
function pointsOf(item, pose) {
  const points = [];
  for (let k = 0; k < item.vertices.length; k += 3) {
    let point = pose.position;
    pose.axes.forEach((axis, n) => { point = sum(point, axis, item.vertices[k + n]); });
    points.push(point);
  }
  return points;
}

/** A pinhole camera that looks at a target from an azimuth, an elevation and a distance. */
class Camera {
  constructor(view, width, height) {
    const [ca, sa] = [Math.cos(view.azimuth), Math.sin(view.azimuth)];
    const [ce, se] = [Math.cos(view.elevation), Math.sin(view.elevation)];
    const towards = [ce * ca, ce * sa, se];
    this.eye = sum(view.target, towards, view.distance);
    this.eye[2] = Math.max(this.eye[2], 0.02 * view.distance); // never below the ground
    this.forward = towards.map((x) => -x);
    this.right = [-sa, ca, 0];
    this.up = [-se * ca, -se * sa, ce];
    this.near = 0.02 * view.distance;
    this.focal = (0.5 * Math.min(width, height)) / Math.tan(0.5 * FIELD_OF_VIEW);
    this.width = width;
    this.height = height;
    this.horizon = 0.5 * height - this.focal * Math.tan(view.elevation);
  }

  /** To the right, up and forwards from the eye. */
  local(point) {
    const from = sum(point, this.eye, -1);
    return [dot(from, this.right), dot(from, this.up), dot(from, this.forward)];
  }

  /** Pixel of a point in the camera's frame. */
  pixel([x, y, z]) {
    return [0.5 * this.width + (this.focal * x) / z, 0.5 * this.height - (this.focal * y) / z];
  }

  /** Pixels of a convex polygon or line, cut off where it comes too near; none if it is behind. */
  project(points, closed = true) {
    const local = points.map((point) => this.local(point));
    const kept = [];
    for (let k = 0; k < local.length; k++) {
      const [a, b] = [local[k], local[(k + 1) % local.length]];
      if (a[2] > this.near) kept.push(a);
      const crosses = (a[2] > this.near) !== (b[2] > this.near);
      if (crosses && (closed || k + 1 < local.length)) {
        const share = (this.near - a[2]) / (b[2] - a[2]);
        kept.push(a.map((x, axis) => x + share * (b[axis] - x)));
      }
    }
    return kept.map((point) => this.pixel(point));
  }
}

/** How bright a surface is whose normal has these cosines with the light and with up. */
function shadeOf(lit, upwards) {
  return 0.66 + 0.1 * upwards + 0.36 * Math.max(0, lit);
}

/** Colour of 32 bits as in image data: opacity, blue, green, red. */
function packed(color, shade, opacity) {
  const bright = 255 * shade;
  const [r, g, b] = color;
  return ((opacity << 24) | (Math.min(255, bright * b) << 16) | (Math.min(255, bright * g) << 8)
    | Math.min(255, bright * r)) >>> 0;
}

/** Surfaces as an image: triangles into a rectangle of the picture. */
class Rasterizer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.nearness = new Float32Array(0); // of what is seen at each point: 1 / depth [1/m]
  }

  /** Draw surfaces with their poses onto a context. */
  draw(context, camera, items, poses) {
    const seen = items
      .map((item, k) => this.place(camera, item, poses[k]))
      .filter(({ box }) => box[0] < box[2] && box[1] < box[3]);
    if (!seen.length) return;
    const area = seen.reduce((a, { box }) => a + (box[2] - box[0]) * (box[3] - box[1]), 0);
    const fine = 4 * area <= BUDGET ? 2 : 1; // points across a pixel
    const low = [0, 1].map((axis) => Math.min(...seen.map(({ box }) => box[axis])));
    const high = [2, 3].map((axis) => Math.max(...seen.map(({ box }) => box[axis])));
    this.open(camera, low, fine, fine * (high[0] - low[0]), fine * (high[1] - low[1]));
    for (const { item, corners } of seen) this.fillSurface(camera, item, corners);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.putImageData(this.image, 0, 0);
    const [w, h] = [this.image.width, this.image.height];
    context.imageSmoothingQuality = "high"; // the mean of all points of a pixel
    context.drawImage(this.canvas, 0, 0, w, h, low[0], low[1], w / fine, h / fine);
  }

  /** An empty image of a size whose upper left corner is a pixel of the picture. */
  open(camera, low, fine, width, height) {
    if (width * height > this.nearness.length) {
      this.nearness = new Float32Array(width * height);
      this.bytes = new ArrayBuffer(4 * width * height);
    }
    this.colors = new Uint32Array(this.bytes, 0, width * height);
    this.colors.fill(0);
    this.nearness.fill(0, 0, width * height);
    this.image = new ImageData(new Uint8ClampedArray(this.bytes, 0, 4 * width * height), width);
    if (this.canvas.width < width) this.canvas.width = width;
    if (this.canvas.height < height) this.canvas.height = height;
    this.low = low;
    this.fine = fine;
    // The ground at each row: what is farther away is below it.
    this.ground = new Float32Array(height);
    for (let row = 0; row < height; row++) {
      const v = (0.5 * camera.height - low[1] - (row + 0.5) / fine) / camera.focal;
      const falls = camera.forward[2] + v * camera.up[2];
      this.ground[row] = falls < 0 ? -falls / (1.0002 * camera.eye[2]) : 0;
    }
  }

  /** Where a surface is seen: its corners to the right, up, forwards, with the brightness of each,
      and the pixels that it can cover: left, top, right, bottom. */
  place(camera, item, pose) {
    const { vertices, normals } = item;
    const rows = [camera.right, camera.up, camera.forward].map((direction) =>
      pose.axes.map((axis) => dot(axis, direction)));
    const from = camera.local(pose.position);
    const lit = pose.axes.map((axis) => dot(axis, LIGHT));
    const upwards = pose.axes.map((axis) => axis[2]);
    const corners = new Float64Array((4 * vertices.length) / 3);
    const [w, h] = [camera.width, camera.height];
    let [left, top, right, bottom] = [w, h, 0, 0];
    let [behind, close] = [true, false];
    for (let k = 0, n = 0; k < vertices.length; k += 3, n += 4) {
      const [x, y, z] = [vertices[k], vertices[k + 1], vertices[k + 2]];
      for (let axis = 0; axis < 3; axis++) {
        const row = rows[axis];
        corners[n + axis] = from[axis] + row[0] * x + row[1] * y + row[2] * z;
      }
      const [a, b, c] = [normals[k], normals[k + 1], normals[k + 2]];
      corners[n + 3] = shadeOf(lit[0] * a + lit[1] * b + lit[2] * c,
        upwards[0] * a + upwards[1] * b + upwards[2] * c);
      const depth = corners[n + 2];
      if (depth <= camera.near) {
        close = true;
        continue;
      }
      behind = false;
      const [px, py] = camera.pixel([corners[n], corners[n + 1], depth]);
      left = Math.min(left, px);
      right = Math.max(right, px);
      top = Math.min(top, py);
      bottom = Math.max(bottom, py);
    }
    if (behind) return { item, corners, box: [0, 0, 0, 0] };
    const ends = close ? [0, 0, w, h] : [left, top, right, bottom];
    const box = ends.map((end, k) =>
      Math.min(Math.max(k < 2 ? Math.floor(end) : Math.ceil(end), 0), k % 2 ? h : w));
    return { item, corners, box };
  }

  /** Point of the image, nearness and brightness of a corner in front of the camera. */
  point(camera, [x, y, z, shade]) {
    const [px, py] = camera.pixel([x, y, z]);
    return [this.fine * (px - this.low[0]), this.fine * (py - this.low[1]), 1 / z, shade];
  }

  fillSurface(camera, item, corners) {
    const cornerAt = (n) => [0, 1, 2, 3].map((k) => corners[4 * n + k]);
    const points = Array.from({ length: corners.length / 4 }, (_, n) =>
      (corners[4 * n + 2] > camera.near ? this.point(camera, cornerAt(n)) : null));
    const { triangles } = item;
    for (let k = 0; k < triangles.length; k += 3) {
      const [a, b, c] = [triangles[k], triangles[k + 1], triangles[k + 2]];
      const color = item.colors[item.colored[k / 3]];
      if (points[a] && points[b] && points[c]) {
        this.fillTriangle(points[a], points[b], points[c], color);
      } else if (points[a] || points[b] || points[c]) {
        const cut = this.cut(camera, [a, b, c].map(cornerAt));
        for (let n = 2; n < cut.length; n++) this.fillTriangle(cut[0], cut[n - 1], cut[n], color);
      }
    }
    const inked = new Set();
    for (const [a, b] of item.edges) {
      if (points[a] && points[b]) this.drawEdge(points[a], points[b], inked);
    }
  }

  /** A triangle without what comes too near, as points of the image. */
  cut(camera, corners) {
    const kept = [];
    corners.forEach((corner, k) => {
      const next = corners[(k + 1) % 3];
      if (corner[2] > camera.near) kept.push(corner);
      if ((corner[2] > camera.near) !== (next[2] > camera.near)) {
        const share = (1.0001 * camera.near - corner[2]) / (next[2] - corner[2]);
        kept.push(corner.map((x, axis) => x + share * (next[axis] - x)));
      }
    });
    return kept.map((corner) => this.point(camera, corner));
  }

  fillTriangle([ax, ay, an, as], [bx, by, bn, bs], [cx, cy, cn, cs], color) {
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (!(area < 0)) return; // seen from behind: the picture's y goes down
    const { width, height } = this.image;
    const first = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
    const last = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const upper = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
    const lower = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    // Shares of the corners a and b in a point: linear in the picture, as nearness is.
    const [stepA, stepB] = [(by - cy) / area, (cy - ay) / area];
    const { nearness, colors, ground } = this;
    for (let row = upper; row <= lower; row++) {
      const [x, y] = [first + 0.5, row + 0.5];
      let a = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area;
      let b = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area;
      for (let k = row * width + first; k <= row * width + last; k++, a += stepA, b += stepB) {
        const c = 1 - a - b;
        if (a < -1e-9 || b < -1e-9 || c < -1e-9) continue;
        const near = a * an + b * bn + c * cn;
        if (near > 1.00001 * nearness[k]) {
          nearness[k] = near;
          colors[k] = packed(color, a * as + b * bs + c * cs, near < ground[row] ? SUNK : 255);
        }
      }
    }
  }

  /** Darken a sharp edge where it is seen, each point once. */
  drawEdge([ax, ay, an], [bx, by, bn], inked) {
    const { width, height } = this.image;
    const count = Math.ceil(Math.max(Math.abs(bx - ax), Math.abs(by - ay))) || 1;
    if (count > 4 * (width + height)) return; // it comes from far outside the picture
    for (let step = 0; step <= count; step++) {
      const share = step / count;
      const near = an + share * (bn - an);
      const [x, y] = [ax + share * (bx - ax), ay + share * (by - ay)];
      for (let n = 0; n < this.fine * this.fine; n++) {
        const column = Math.floor(x - 0.5 * this.fine + 0.5) + (n % this.fine);
        const row = Math.floor(y - 0.5 * this.fine + 0.5) + Math.floor(n / this.fine);
        if (column < 0 || row < 0 || column >= width || row >= height) continue;
        const k = row * width + column;
        const there = this.nearness[k];
        if (there > 1.003 * near || there < 0.99 * near || inked.has(k)) continue;
        inked.add(k);
        const [color, opacity] = [this.colors[k], this.colors[k] & 0xff000000];
        const dark = (shift) => (EDGE * ((color >>> shift) & 255)) << shift & (255 << shift);
        this.colors[k] = (opacity | dark(16) | dark(8) | dark(0)) >>> 0;
      }
    }
  }
}
