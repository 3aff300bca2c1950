package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/cache"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/folder"
	"mixmatch/merge/open"
	"mixmatch/similarity/fingerprint"
)

// A fingerprinter makes fingerprints of files.
type fingerprinter struct {
	c       *cli.Context
	like    *merge.Model // of --base, nil without
	kept    *cache.Cache
	hash    bool
	threads int
	card    fingerprint.Card // what the flags say of the models
}

// fingerprinterFlags are those of all commands that make fingerprints.
func fingerprinterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "hash", Usage: "with the files' SHA-256, by which model sites know them (without it, where it is known from before)"},
		&cli.StringFlag{Name: "base", Usage: "a `MODEL` that LoRAs are for, if its tensors have unusual shapes"},
		&cli.IntFlag{Name: "threads", Usage: "number of threads", DefaultText: "one a processor"},
		noCacheFlag(),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
	}
}

// newFingerprinter returns one as the flags have it. It must be closed.
func newFingerprinter(c *cli.Context) (*fingerprinter, error) {
	if err := checkThreads(c, c.Int("threads")); err != nil {
		return nil, err
	}
	p := &fingerprinter{c: c, kept: openCache(c), hash: c.Bool("hash"), threads: threads(c)}
	if base := c.String("base"); base != "" {
		var err error
		if p.like, err = openSingle(c, "base", base); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *fingerprinter) close() {
	if p.like != nil {
		p.like.Close()
	}
}

// make makes the fingerprint of the model that arg names, or reads it if it is one
// already. Done is told of a part of 1.
func (p *fingerprinter) make(arg string, done func(part float64)) (*fingerprint.Fingerprint, error) {
	name, path := nameAndPath(arg)
	if is, err := isFingerprint(path); err != nil || is {
		if err != nil {
			return nil, absent("", err)
		}
		f, err := readFingerprint(path)
		if err == nil && name != "" {
			f.Name = name
		}
		return f, err
	}
	key := fileKey(path)
	m, err := openSource(p.c, arg)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	file := m.File // of a LoRA there is another behind it later
	hash := p.startHash(file)
	defer func() { <-hash.done }()
	f, err := fingerprint.Of(p.c.Context, m, fingerprint.Options{
		Threads: p.threads, Like: p.like,
		Progress: func(n, total int64) { done(float64(n) / float64(max(1, total))) },
	})
	if err != nil {
		return nil, err
	}
	if <-hash.done; hash.err != nil {
		return nil, hash.err
	}
	f.Name, f.SHA256, f.Licence, f.Page = m.Name, hash.sha256, p.card.Licence, p.card.Page
	f.Describe(file.Metadata())
	if key != "" && fileKey(path) == key {
		p.kept.Put(contentKind, key, []byte(f.Content))
	}
	return f, nil
}

// A fileHash is the SHA-256 of a file, "" if it is not known, once done is closed.
type fileHash struct {
	done   chan struct{}
	sha256 string
	err    error
}

// startHash finds the hash of a file that is read at the same time.
func (p *fingerprinter) startHash(file *checkpoint.File) *fileHash {
	h := &fileHash{done: make(chan struct{})}
	if known, ok := merge.KnownHash(file, p.kept); ok || !p.hash {
		h.sha256 = known.SHA256
		close(h.done)
		return h
	}
	go func() {
		defer close(h.done)
		hash, err := merge.HashKnown(p.c.Context, file, p.kept, nil)
		if errors.Is(err, merge.ErrSeveral) { // those have none
			return
		}
		h.sha256, h.err = hash.SHA256, err
	}()
	return h
}

// contentKind is what the contents of files are kept under in a cache.
const contentKind = "content"

// known returns the content of the model at path, if it is known from before.
func (p *fingerprinter) known(path string) (string, bool) {
	key := fileKey(path)
	if key == "" {
		return "", false
	}
	content, ok := p.kept.Get(contentKind, key)
	return string(content), ok
}

// fileKey tells the content of the model at path from that of any other, or is "": see
// [cache.FileKey]. Files that are of others are opened, single ones are not.
func fileKey(path string) string {
	keys := []string{"1"} // of the names of tensors that are understood now
	var files []string
	for _, part := range open.Paths(path) {
		info, err := os.Stat(part)
		if err != nil {
			return ""
		}
		if !info.IsDir() && !folder.IsIndex(part) {
			files = append(files, part)
			continue
		}
		f, err := open.File(part)
		if err != nil {
			return ""
		}
		files = append(files, f.Files()...)
		f.Close()
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return ""
		}
		key, ok := cache.FileKey(name, info)
		if !ok {
			return ""
		}
		keys = append(keys, key)
	}
	return strings.Join(keys, "\n")
}

// isFingerprint reports whether the file at path is a fingerprint. Of what is no file
// it is none.
func isFingerprint(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, nil // whoever opens it says so
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := f.ReadAt(head, 0)
	return fingerprint.Is(head[:n]), nil
}

// readFingerprint reads the fingerprint at path, and says what to do about a damaged one.
func readFingerprint(path string) (*fingerprint.Fingerprint, error) {
	f, err := fingerprint.Open(path)
	if errors.Is(err, fingerprint.ErrDamaged) {
		return nil, fmt.Errorf("%w: make it again with mixmatch fingerprint, or get it again", err)
	}
	return f, err
}

// sizeOf returns the size of the model at path in bytes, 0 if it cannot be told without
// opening it.
func sizeOf(path string) (size int64) {
	for _, part := range open.Paths(path) {
		if info, err := os.Stat(part); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size
}

// kindOf says in words what a fingerprint is of.
func kindOf(arch, variant string, difference bool) string {
	kind := strings.TrimSpace(arch + " " + variant)
	if difference {
		return "a change to " + kind
	}
	return kind
}

// countOf returns a number of things in words.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
