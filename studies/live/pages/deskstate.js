// Where the sliders stand, what is locked, muted and tied, and the way back.
import { weights } from "./deskmath.js";

const most = 300; // states to go back to

// A State has, for each block and ratio: x, the number; lock, whether it is held; mute,
// whether it counts as 0. tie is one number a block: blocks of one above 0 move together.
export class State {
  constructor(desk) {
    this.desk = desk;
    this.n = desk.ratios.length;
    this.now = {
      x: desk.blocks.map((b) => Float64Array.from(b.column)),
      lock: desk.blocks.map(() => new Uint8Array(this.n)),
      mute: desk.blocks.map(() => new Uint8Array(this.n)),
      tie: desk.blocks.map(() => 0),
    };
    this.past = [];
    this.future = [];
    this.gesture = null;
  }

  // keep makes the present state one to go back to. What belongs to one gesture, as
  // the many moves of one drag, is one step back.
  keep(gesture = null) {
    if (gesture !== null && gesture === this.gesture) return;
    this.gesture = gesture;
    this.past.push(copy(this.now));
    if (this.past.length > most) this.past.shift();
    this.future = [];
  }

  undo() { return this.turn(this.past, this.future); }
  redo() { return this.turn(this.future, this.past); }

  turn(from, to) {
    if (!from.length) return false;
    to.push(copy(this.now));
    this.now = from.pop();
    this.gesture = null;
    return true;
  }

  // tied returns the blocks that move with block b, itself among them.
  tied(b) {
    const t = this.now.tie[b];
    return t ? this.now.tie.flatMap((o, i) => (o === t ? [i] : [])) : [b];
  }

  // move sets ratio k of block b, and of those tied to it, and returns the blocks in
  // which it did; none where it is locked.
  move(b, k, v, gesture) {
    if (this.now.lock[b][k]) return [];
    this.keep(gesture);
    const moved = this.tied(b).filter((i) => !this.now.lock[i][k]);
    for (const i of moved) this.now.x[i][k] = v;
    return moved;
  }

  // toggle turns marks, lock or mute, of some places: all on, or off if all are on.
  toggle(what, places) {
    this.keep();
    const on = places.some(([b, k]) => !this.now[what][b][k]);
    for (const [b, k] of places) this.now[what][b][k] = on ? 1 : 0;
    return on;
  }

  tie(b, t) {
    this.keep();
    this.now.tie[b] = t;
  }

  tieAll(of) {
    this.keep();
    this.now.tie = this.desk.blocks.map(of);
  }

  reset() {
    this.keep();
    this.now.x = this.desk.blocks.map((b) => Float64Array.from(b.column));
  }

  take(columns) {
    this.keep();
    columns.forEach((c, b) => c.forEach((v, k) => {
      if (!this.now.mute[b][k]) this.now.x[b][k] = v;
    }));
  }

  // column is block b's as it counts.
  column(b) {
    return this.now.x[b].map((v, k) => (this.now.mute[b][k] ? 0 : v));
  }

  columns() {
    return this.desk.blocks.map((_, b) => [...this.column(b)]);
  }

  free() {
    return this.desk.blocks.map((_, b) => [...this.now.x[b]].map((_, k) => !this.now.lock[b][k] && !this.now.mute[b][k]));
  }

  weights(b) {
    return weights(this.desk.steps, this.column(b), this.desk.names.length);
  }
}

function copy(s) {
  return { x: s.x.map((a) => a.slice()), lock: s.lock.map((a) => a.slice()), mute: s.mute.map((a) => a.slice()), tie: s.tie.slice() };
}
