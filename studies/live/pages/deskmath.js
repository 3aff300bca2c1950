// What a mix comes to, from the products of a block alone: the formulas of package
// similarity, each sum in its order, so that the numbers are the same to the last bit.

// unpack makes the full matrix of a triangle's rows.
export function unpack(p, rows) {
  const full = new Float64Array(rows * rows);
  let k = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = i; j < rows; j++) full[i * rows + j] = full[j * rows + i] = p[k++];
  }
  return full;
}

// weights brings a column down to one weight a source, as recipe.Program does: the
// result has weight 1, and each step hands its weight down to its operands.
export function weights(steps, column, n) {
  const w = new Float64Array(n + steps.length);
  w[w.length - 1] = 1;
  for (let k = steps.length - 1; k >= 0; k--) {
    const s = steps[k];
    const v = w[n + k];
    if (v === 0) continue;
    const alpha = column[s.at];
    switch (s.mode) {
      case "Weight sum":
        w[s.a] += v * (1 - alpha);
        w[s.b] += v * alpha;
        break;
      case "Add difference": {
        const d = v * alpha;
        w[s.a] += v;
        w[s.b] += d;
        w[s.c] -= d;
        break;
      }
      case "Add LoRA":
        w[s.a] += v;
        w[s.b] += v * alpha;
        break;
      case "Triple sum": {
        const beta = column[s.at + 1];
        w[s.a] += v * (1 - alpha - beta);
        w[s.b] += v * alpha;
        w[s.c] += v * beta;
        break;
      }
      case "sum Twice": {
        const beta = column[s.at + 1];
        const u = v * (1 - beta);
        w[s.a] += u * (1 - alpha);
        w[s.b] += u * alpha;
        w[s.c] += v * beta;
        break;
      }
    }
  }
  return w.subarray(0, n);
}

function total(w, models) {
  let sum = 0;
  for (let i = 0; i < models; i++) sum += w[i];
  return sum;
}

function moments(p, w, models) {
  const m = w.length + 1;
  const e = m - 1;
  const all = total(w, models);
  let mt = all * (p[0] + p[e]);
  let mm = all * all * p[0];
  let rest = all * ((1 - all) * p[0] + p[e]);
  for (let i = 1; i < w.length; i++) {
    if (w[i] === 0) continue;
    const row = i * m;
    mt += w[i] * (p[row] + p[row + e]);
    mm += 2 * all * w[i] * p[row];
    rest += w[i] * ((1 - 2 * all) * p[row] + p[row + e]);
    for (let j = 1; j < w.length; j++) {
      mm += w[i] * w[j] * p[row + j];
      rest -= w[i] * w[j] * p[row + j];
    }
  }
  return { mt, mm, tt: p[0] + 2 * p[e] + p[e * m + e], rest };
}

// score is the cosine of the mix with the target.
export function score(p, w, models) {
  const { mt, mm, tt } = moments(p, w, models);
  if (!(mm > 0 && tt > 0)) return mm === 0 && tt === 0 ? 1 : 0;
  return Math.min(1, mt / Math.sqrt(mm * tt));
}

// distance is |T-M|^2, the weights of models summing to 1.
export function distance(p, w) {
  const m = w.length + 1;
  const e = m - 1;
  let d = p[e * m + e];
  for (let i = 1; i < w.length; i++) {
    if (w[i] === 0) continue;
    d -= 2 * w[i] * p[i * m + e];
    for (let j = 1; j < w.length; j++) d += w[i] * w[j] * p[i * m + j];
  }
  return Math.max(0, d);
}

// loss is 1 - cosine, without what cancels where that is nearly 0.
export function loss(p, w, models) {
  const cosine = score(p, w, models);
  if (cosine < 0.9 || (cosine === 1 && p[0] === 0)) return 1 - cosine;
  const all = total(w, models);
  const x = w.map((v) => v / all);
  const { mt, mm, tt, rest } = moments(p, x, models);
  const s = mt / mm - 1;
  const d = distance(p, x) - 2 * s * rest + s * s * mm;
  return Math.max(0, d) / tt / (1 + cosine);
}

// explained is 1 - |T-M|^2 / |T-B|^2, B being source `from`.
export function explained(p, d, from, n) {
  const unit = new Float64Array(n);
  unit[from] = 1;
  const span = distance(p, unit);
  if (span === 0) return d === 0 ? 1 : 0;
  return 1 - d / span;
}

// look is all that a block's row shows of weights w, or null where they give a share
// to a source that has no such tensors.
export function look(block, w, models) {
  for (const i of block.lacks) if (Math.abs(w[i]) > 1e-9) return null;
  const d = distance(block.full, w);
  const l = loss(block.full, w, models);
  return {
    cosine: score(block.full, w, models),
    distance: d,
    loss: l,
    below: Math.max(0, l - block.ceiling.loss),
    explained: block.from < 0 ? null : explained(block.full, d, block.from, w.length),
  };
}
