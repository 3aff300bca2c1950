// Package optimize finds the minimum of a function of a few numbers in a box.
//
// [Minimize] is the whole of it: a box, a function, and the name of a sampler
// that proposes points. A search is a goptuna study of a handful of dimensions
// (2 to 30 serve well, hundreds do not), and it always minimises; to maximise a
// similarity v, minimise 1 - v.
//
// A search is a function of its [Settings]: the same settings propose the same
// points, bit for bit, on every processor. No sampler keeps a state
// that could be lost, so a search that was killed goes on by being replayed:
// give the trials it had finished as Settings.Done, and the samplers are asked
// for those points again and told the values that were found.
//
// The study and its trials are goptuna's. The storage behind them and the samplers
// are ours, because version 0.9.0 is made for evaluations that take minutes and
// ours take microseconds, and because:
//
//   - what it computes differs in last digits from one processor to another,
//     which a search amplifies (see strategy.go);
//   - its CMA-ES sampler ignores the direction of the study, proposes NaN or
//     stops with "symmetric eigendecomposition failed" when the optimum lies
//     on a bound, and tells a restarted optimizer the trials of the old one;
//     its optimizer moves the mean by a constant in every generation;
//   - its TPE sampler scores every candidate NaN or Inf and draws from the
//     global random source, which no seed reaches (see tpe.go);
//   - its storages copy every trial, for every trial (see store.go);
//   - its Study.Optimize looks through all trials before each new one, and
//     retries for ever when the storage cannot create a trial; the steps it is
//     made of are public, so Minimize takes them itself.
package optimize
