package main

import "context"

// fingerprinting is the making of a fingerprint, which is reading a model once.
func (b *bencher) fingerprinting(context.Context) ([]row, error) {
	files := []string{b.model(familySources[0])}
	return []row{{
		work: "fingerprint of a model", files: files,
		ours: func(ctx context.Context) (sample, error) {
			if err := b.scratch.drop("cache"); err != nil {
				return sample{}, err
			}
			return b.run(ctx, command{args: []string{b.program, "fingerprint", files[0], "-o", b.scratch.path("print.mmf"), "--force", "-q"}})
		},
		rivals: []rival{b.cat(files).to(atMost(2)), b.reading(2, files)},
		goals:  []goal{inMemory},
	}}, nil
}
