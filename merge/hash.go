package merge

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"mixmatch/merge/cache"
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
	path, err := onlyFile(f)
	if err != nil {
		return Hash{}, err
	}
	return HashFile(ctx, path, progress)
}

func onlyFile(f *checkpoint.File) (string, error) {
	files := f.Files()
	if len(files) != 1 {
		return "", fmt.Errorf("%s: %w", f.Path(), ErrSeveral)
	}
	return files[0], nil
}

// HashKnown is HashModel without Content, by which no recipe names a model, and reads
// nothing where known has the digests of the file as it is. It adds them where it has
// not; nil knows none.
func HashKnown(ctx context.Context, f *checkpoint.File, known *cache.Cache, progress func(done int64)) (Hash, error) {
	path, err := onlyFile(f)
	if err != nil {
		return Hash{}, err
	}
	key, ok, err := fileKey(f, path)
	if err != nil {
		return Hash{}, err
	}
	if h, is := knownHash(known, key); ok && is {
		return h, nil
	}
	h, err := hashFile(ctx, path, false, progress)
	if err != nil {
		return h, err
	}
	after, _, err := fileKey(f, path)
	if err != nil {
		return Hash{}, err
	}
	if ok && after == key {
		if b, err := json.Marshal(h); err == nil {
			known.Put(hashKind, key, b)
		}
	}
	return h, nil
}

// KnownHash returns what [HashKnown] would return without reading f, and false if it
// would have to.
func KnownHash(f *checkpoint.File, known *cache.Cache) (Hash, bool) {
	path, err := onlyFile(f)
	if err != nil {
		return Hash{}, false
	}
	key, ok, err := fileKey(f, path)
	if !ok || err != nil {
		return Hash{}, false
	}
	return knownHash(known, key)
}

// hashKind is what hashes are kept under in a cache.
const hashKind = "hash"

// knownHash returns what known has of the file that key tells.
func knownHash(known *cache.Cache, key string) (h Hash, ok bool) {
	b, ok := known.Get(hashKind, key)
	if !ok || json.Unmarshal(b, &h) != nil || len(h.SHA256) != 2*sha256.Size || len(h.Legacy) != 8 {
		return Hash{}, false
	}
	return h, true
}

// fileKey is [cache.FileKey] of the file at path, with its header. The error wraps
// [checkpoint.ErrChanged] if that is no longer the file that is open as f.
func fileKey(f *checkpoint.File, path string) (key string, ok bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false, err
	}
	was := f.Stamp()
	if info.Size() != was.Size || !info.ModTime().Equal(was.ModTime) {
		return "", false, fmt.Errorf("%s: %w: another file is in its place", path, checkpoint.ErrChanged)
	}
	key, ok = cache.FileKey(path, info)
	return key + " " + was.Header, ok, nil
}

// HashFile reads the model file at path once and returns its digests.
func HashFile(ctx context.Context, path string, progress func(done int64)) (Hash, error) {
	return hashFile(ctx, path, true, progress)
}

// hashFile is HashFile; without content it takes half the time.
func hashFile(ctx context.Context, path string, withContent bool, progress func(done int64)) (Hash, error) {
	f, err := os.Open(path)
	if err != nil {
		return Hash{}, err
	}
	defer f.Close()
	whole, content, legacy := sha256.New(), sha256.New(), sha256.New()
	if _, err := io.Copy(legacy, io.NewSectionReader(f, 0x100000, 0x10000)); err != nil {
		return Hash{}, err
	}
	body := int64(0)
	if withContent {
		if body, err = bodyOf(f); err != nil {
			return Hash{}, err
		}
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
