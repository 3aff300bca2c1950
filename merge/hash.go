package merge

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// A Hash holds the digests by which model sites and other programs know a file.
type Hash struct {
	SHA256  string `json:"sha256"`                   // of the whole file; its first ten digits are the "AutoV2" hash
	Legacy  string `json:"legacy"`                   // "AutoV1": of 64 KiB at 1 MiB, eight digits
	Content string `json:"content_sha256,omitempty"` // "AutoV3": of what follows the header, so metadata may change; safetensors only
}

// Short returns the ten digits that programs show behind a model's name.
func (h Hash) Short() string { return h.SHA256[:10] }

// ErrSeveral is the error for the hash of a model of several files, which has none.
var ErrSeveral = errors.New("the model is of several files, and has no hash")

// HashModel is [HashFile] for an open model of one file.
func HashModel(ctx context.Context, f *checkpoint.File, progress func(done int64)) (Hash, error) {
	files := f.Files()
	if len(files) != 1 {
		return Hash{}, fmt.Errorf("%s: %w", f.Path(), ErrSeveral)
	}
	return HashFile(ctx, files[0], progress)
}

// HashFile reads the model file at path once and returns its digests.
func HashFile(ctx context.Context, path string, progress func(done int64)) (Hash, error) {
	f, err := os.Open(path)
	if err != nil {
		return Hash{}, err
	}
	defer f.Close()
	whole, content, legacy := sha256.New(), sha256.New(), sha256.New()
	if _, err := io.Copy(legacy, io.NewSectionReader(f, 0x100000, 0x10000)); err != nil {
		return Hash{}, err
	}
	body, err := bodyOf(f)
	if err != nil {
		return Hash{}, err
	}
	buf := make([]byte, 1<<20)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return Hash{}, err
		}
		n, err := f.ReadAt(buf, at)
		whole.Write(buf[:n])
		if skip := body - at; body > 0 && skip < int64(n) {
			content.Write(buf[max(0, skip):n])
		}
		at += int64(n)
		if progress != nil {
			progress(at)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Hash{}, err
		}
	}
	digits := func(b []byte) string { return hex.EncodeToString(b) }
	h := Hash{SHA256: digits(whole.Sum(nil)), Legacy: digits(legacy.Sum(nil))[:8]}
	if body > 0 {
		h.Content = digits(content.Sum(nil))
	}
	return h, nil
}

// bodyOf returns where the tensors begin in a safetensors file, or 0 for another.
func bodyOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	head := make([]byte, min(info.Size(), 1024))
	if _, err := f.ReadAt(head, 0); err != nil {
		return 0, err
	}
	if !safetensors.Recognizes(head, info.Size()) {
		return 0, nil
	}
	return 8 + int64(binary.LittleEndian.Uint64(head)), nil
}

// LegacyHash returns the "AutoV1" hash of the file at path: of 64 KiB at 1 MiB,
// eight digits. A shorter file's is that of nothing.
func LegacyHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0x100000, 0x10000)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:8], nil
}
