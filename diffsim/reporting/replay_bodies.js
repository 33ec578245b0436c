/* How bodies are drawn: rays from a camera through the pixels of a picture. z is up, lengths are in
metres.

For each pixel near a body, the ray through it meets the sphere or box in the body's own frame, and
the nearest body is seen. That needs no GPU, no triangles and no sorting, and looks the same
everywhere. */

const FIELD_OF_VIEW = 0.6; // of the shorter side of the picture [rad]
const LIGHT = unit([0.35, -0.5, 0.85]); // towards it
const BUDGET = 2e6; // most rays of a picture; if it would take more, edges are not smoothed
const SUNK = 90; // opacity of what is below the ground, of 255
const DEFAULTS = { sphere: [[0.96, 0.6, 0.24], [0.99, 0.9, 0.76]], box: [[0.44, 0.6, 0.84]] };
const PLANE = [[0.8, 0.8, 0.78]];

function dot(a, b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
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

/** A body or plane as it is drawn: half extents, colours, how far it reaches from its centre. */
function solid(shape, half, colors) {
  return { shape, half, colors, reach: shape === "sphere" ? half[0] : Math.hypot(...half) };
}

function bodySolid(body) {
  const half = body.shape === "sphere" ? [0, 0, 0].fill(body.size[0]) : body.size.map((s) => s / 2);
  return solid(body.shape, half, body.colors || DEFAULTS[body.shape]);
}

/** Planes are thin boxes. */
function planeSolid(plane) {
  const half = [plane.size[0] / 2, plane.size[1] / 2, 1e-3 * Math.min(...plane.size)];
  return solid("box", half, plane.colors || PLANE);
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

/** Bodies as an image: rays from the eye through the pixels of a rectangle of the picture. */
class RayCaster {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.depth = new Float32Array(0);
  }

  /** Draw solids with their poses onto a context. */
  draw(context, camera, solids, poses) {
    const seen = solids
      .map((item, k) => ({ item, pose: poses[k], box: this.rectangle(camera, item, poses[k]) }))
      .filter(({ box }) => box[0] < box[2] && box[1] < box[3]);
    if (!seen.length) return;
    const area = seen.reduce((a, { box }) => a + (box[2] - box[0]) * (box[3] - box[1]), 0);
    const fine = 4 * area <= BUDGET ? 2 : 1; // rays across a pixel
    const low = [0, 1].map((axis) => Math.min(...seen.map(({ box }) => box[axis])));
    const high = [2, 3].map((axis) => Math.max(...seen.map(({ box }) => box[axis])));
    this.open(fine * (high[0] - low[0]), fine * (high[1] - low[1]));
    for (const { item, pose, box } of seen) this.cast(camera, item, pose, box, low, fine);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.putImageData(this.image, 0, 0);
    const [w, h] = [this.image.width, this.image.height];
    context.imageSmoothingQuality = "high"; // the mean of all rays of a pixel
    context.drawImage(this.canvas, 0, 0, w, h, low[0], low[1], w / fine, h / fine);
  }

  /** An empty image of a size. */
  open(width, height) {
    if (width * height > this.depth.length) {
      this.depth = new Float32Array(width * height);
      this.bytes = new ArrayBuffer(4 * width * height);
    }
    this.colors = new Uint32Array(this.bytes, 0, width * height);
    this.colors.fill(0);
    this.depth.fill(Infinity, 0, width * height);
    this.image = new ImageData(new Uint8ClampedArray(this.bytes, 0, 4 * width * height), width);
    if (this.canvas.width < width) this.canvas.width = width;
    if (this.canvas.height < height) this.canvas.height = height;
  }

  /** Pixels that a solid can cover: left, top, right, bottom. */
  rectangle(camera, item, pose) {
    const place = camera.local(pose.position);
    if (place[2] < -item.reach) return [0, 0, 0, 0];
    const whole = [0, 0, camera.width, camera.height];
    let ends = whole;
    if (item.shape === "sphere") {
      // The two tangents from the eye, seen from above and from the side.
      const spans = [0, 1].map((axis) => {
        const far = Math.hypot(place[axis], place[2]);
        if (far <= item.reach) return null;
        const angle = Math.atan2(place[axis], place[2]);
        const half = Math.asin(item.reach / far);
        if (Math.abs(angle) + half > 1.5) return null;
        return [Math.tan(angle - half), Math.tan(angle + half)].map((t) => camera.focal * t);
      });
      if (!spans[0] || !spans[1]) return whole;
      const [x, y] = spans;
      const [w, h] = [0.5 * camera.width, 0.5 * camera.height];
      ends = [w + x[0], h - y[1], w + x[1], h - y[0]];
    } else {
      const corners = cornersOf(item, pose).map((corner) => camera.local(corner));
      if (corners.some((corner) => corner[2] < camera.near)) return whole;
      const pixels = corners.map((corner) => camera.pixel(corner));
      const [x, y] = [0, 1].map((axis) => pixels.map((pixel) => pixel[axis]));
      ends = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
    }
    return ends.map((end, k) => {
      const limit = k % 2 ? camera.height : camera.width;
      return Math.min(Math.max(k < 2 ? Math.floor(end) : Math.ceil(end), 0), limit);
    });
  }

  cast(camera, item, pose, box, low, fine) {
    const inBody = (vector) => pose.axes.map((axis) => dot(axis, vector));
    const [r, u, f] = [camera.right, camera.up, camera.forward].map(inBody);
    const origin = inBody(sum(camera.eye, pose.position, -1));
    const meet = item.shape === "sphere"
      ? sphereMeeting(item, origin, inBody(LIGHT), inBody([0, 0, 1]))
      : boxMeeting(item, origin, inBody(LIGHT), inBody([0, 0, 1]), 1.1 / camera.focal);
    const { colors, depth } = this;
    const width = this.image.width;
    const step = 1 / (fine * camera.focal);
    for (let row = fine * (box[1] - low[1]); row < fine * (box[3] - low[1]); row++) {
      const v = (0.5 * camera.height - low[1]) / camera.focal - (row + 0.5) * step;
      const [x, y, z] = [f[0] + v * u[0], f[1] + v * u[1], f[2] + v * u[2]];
      const falls = camera.forward[2] + v * camera.up[2];
      const ground = falls < 0 ? (-1.0002 * camera.eye[2]) / falls : Infinity;
      const first = fine * (box[0] - low[0]);
      const end = fine * (box[2] - low[0]);
      let across = (low[0] - 0.5 * camera.width) / camera.focal + (first + 0.5) * step;
      for (let k = row * width + first; k < row * width + end; k++, across += step) {
        const t = meet.depth(x + across * r[0], y + across * r[1], z + across * r[2]);
        if (t > camera.near && 1.00001 * t < depth[k]) {
          depth[k] = t;
          colors[k] = meet.color(t > ground ? SUNK : 255);
        }
      }
    }
  }
}

/** How rays meet a sphere: the depth along a direction, and the colour where the last one met it.
    Its eighths have two colours, so that it is seen to turn. */
function sphereMeeting(item, [ox, oy, oz], light, up) {
  const radius = item.half[0];
  const constant = ox * ox + oy * oy + oz * oz - radius * radius;
  const [lx, ly, lz] = light.map((c) => c / radius);
  const [ux, uy, uz] = up.map((c) => c / radius);
  const first = item.colors[0];
  const other = (c) => (Math.max(...first) > 0.5 ? 0.7 * c : c + 0.25); // darker, or lighter
  const second = item.colors[1] || first.map(other);
  let [x, y, z] = [0, 0, 0];
  return {
    depth(dx, dy, dz) {
      const a = dx * dx + dy * dy + dz * dz;
      const b = ox * dx + oy * dy + oz * dz;
      const root = b * b - a * constant;
      if (root < 0) return -1;
      const t = -(b + Math.sqrt(root)) / a;
      x = ox + t * dx;
      y = oy + t * dy;
      z = oz + t * dz;
      return t;
    },
    color(opacity) {
      const odd = ((x > 0) !== (y > 0)) !== (z > 0);
      const shade = shadeOf(lx * x + ly * y + lz * z, ux * x + uy * y + uz * z);
      return packed(odd ? first : second, shade, opacity);
    },
  };
}

/** The same of a box, whose edges are darker, ``edge`` wide at a depth of 1. */
function boxMeeting(item, [ox, oy, oz], light, up, edge) {
  const [hx, hy, hz] = item.half;
  const shades = [0, 1, 2, 3, 4, 5].map((face) => {
    const [axis, sign] = [face >> 1, face & 1 ? -1 : 1];
    return shadeOf(sign * light[axis], sign * up[axis]);
  });
  let [face, t, dx, dy, dz] = [0, 0, 0, 0, 0];
  return {
    depth(x, y, z) {
      dx = x;
      dy = y;
      dz = z;
      const [ax, ay, az] = [Math.abs(hx / x), Math.abs(hy / y), Math.abs(hz / z)];
      const [mx, my, mz] = [-ox / x, -oy / y, -oz / z];
      t = Math.max(mx - ax, my - ay, mz - az);
      if (!(t <= Math.min(mx + ax, my + ay, mz + az))) return -1;
      if (t === mx - ax) face = x > 0 ? 1 : 0;
      else if (t === my - ay) face = y > 0 ? 3 : 2;
      else face = z > 0 ? 5 : 4;
      return t;
    },
    color(opacity) {
      const width = edge * t;
      const axis = face >> 1;
      const atEdge = (axis !== 0 && hx - Math.abs(ox + t * dx) < width)
        || (axis !== 1 && hy - Math.abs(oy + t * dy) < width)
        || (axis !== 2 && hz - Math.abs(oz + t * dz) < width);
      return packed(item.colors[0], atEdge ? 0.72 * shades[face] : shades[face], opacity);
    },
  };
}

function cornersOf(item, pose) {
  const corners = [];
  for (const x of [-1, 1]) for (const y of [-1, 1]) for (const z of [-1, 1]) {
    let corner = pose.position;
    [x, y, z].forEach((sign, k) => { corner = sum(corner, pose.axes[k], sign * item.half[k]); });
    corners.push(corner);
  }
  return corners;
}
