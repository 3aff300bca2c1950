package report

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/open"
	"mixmatch/similarity/fingerprint"
	"mixmatch/studies"
)

// listFiles says what is known of the models' files. Those that are where they were are
// looked at, for the licence in their metadata. The keys returned are those of a model
// whose architecture does not tell them; see [exchange.Options].
func (p *View) listFiles(ctx context.Context, files *studies.Files, digests []string, o Options) (keys []string, err error) {
	plan := files.Plan()
	for i, in := range append(plan.Sources, plan.Target) {
		f := File{Name: in.Name, Role: "source", File: filepath.Base(in.Path), Size: in.Size}
		path := in.Path
		switch {
		case i == len(plan.Sources):
			f.Role = "target"
		case in.Difference:
			f.Role = "LoRA"
		case in.Name == plan.Base:
			f.Role = "base"
		}
		if f.Role != "target" {
			path = files.Path(in.Name)
		}
		if i < len(digests) {
			f.Content = digests[i]
		}
		if in.Fingerprint != "" {
			f.lookAtPrint(&in)
			p.Files = append(p.Files, f)
			continue
		}
		more, err := f.look(ctx, path, &in, o)
		if err != nil {
			return nil, err
		}
		if keys == nil && i < len(plan.Sources) {
			keys = more
		}
		p.Files = append(p.Files, f)
	}
	return keys, nil
}

// lookAtPrint fills in what the fingerprint says that the study has in place of a model.
func (f *File) lookAtPrint(in *studies.Input) {
	f.File, f.Size, f.Content = "", 0, in.Fingerprint
	f.Note = "the study has a fingerprint of it, not the file"
	p, err := fingerprint.Open(in.Path)
	if err != nil || p.Content != in.Fingerprint {
		return // nothing more is known of it than its content
	}
	f.Size, f.SHA256, f.Licence = p.Bytes, p.SHA256, p.Licence
	if p.Page != "" {
		f.Note += ", which can be had from " + p.Page
	}
}

// look opens the file at path, if it is what it was, for what it says of itself. It
// returns the keys of a model whose architecture does not tell them.
func (f *File) look(ctx context.Context, path string, in *studies.Input, o Options) (keys []string, err error) {
	m, err := merge.OpenSource(in.Name, path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		f.Note = "the file is not where it was"
		return nil, nil
	}
	if err != nil {
		f.Note = "the file cannot be read any more"
		return nil, nil
	}
	defer m.Close()
	stamp := m.File.Stamp()
	if stamp.Size != in.Size || stamp.Header != in.Header {
		f.Note = "another file is where it was"
		return nil, nil
	}
	f.File = filepath.Base(open.Paths(path)[0])
	says := m.File.Metadata()
	for _, key := range []string{"modelspec.license", "license", "modelspec.licence", "licence"} {
		if f.Licence == "" {
			f.Licence = says[key]
		}
	}
	f.Author = says["modelspec.author"]
	if !m.Difference && block.Keys(m.Kind.Arch) == nil {
		keys = m.Keys()
	}
	h, ok := merge.KnownHash(m.File, o.Cache)
	if !ok && o.Hash {
		h, err = merge.HashKnown(ctx, m.File, o.Cache, func(done int64) {
			if o.Progress != nil {
				o.Progress(in.Name, done, in.Size)
			}
		})
		if errors.Is(err, merge.ErrSeveral) {
			f.Note = "it is of several files, which have no hash together"
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
	}
	f.SHA256, f.Legacy = h.SHA256, h.Legacy
	return keys, nil
}
