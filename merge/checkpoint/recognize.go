package checkpoint

import (
	"bytes"
	"encoding/binary"
)

// The first bytes of what people have in place of a model, and what to do.
var foreign = [...]struct{ magic, what string }{
	{"version https://git-lfs", "a git-lfs pointer, not the model itself: run `git lfs pull`, or download the file from its page"},
	{"PK\x03\x04", "a zip archive, most likely a PyTorch .ckpt: convert it to safetensors first"},
	{"PK\x05\x06", "an empty zip archive: download it again"},
	{"GGUF", "a GGUF file, made for running, not for merging: use the model's safetensors file"},
	{"\x89HDF\r\n", "an HDF5 file, most likely of Keras: use the model's safetensors file"},
	{"\x1f\x8b", "a gzip archive: unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{"Rar!\x1a\x07", "a RAR archive: unpack it first"},
	{"\x28\xb5\x2f\xfd", "a zstd archive: unpack it first"},
	{"\xfd7zXZ\x00", "an xz archive: unpack it first"},
	{"%PDF-", "a PDF document, not a model"},
}

// recognize returns nil if head, the first bytes of a size-byte file, may
// begin a safetensors file; otherwise an error that says what it is.
func recognize(head []byte, size int64) error {
	if size <= 0 {
		return malformed("empty: download it again")
	}
	// The first 8 bytes of a safetensors file may by chance be the magic number
	// of something else, so what they say as a length comes first.
	var n uint64
	begins := false
	if len(head) >= 8 {
		n = binary.LittleEndian.Uint64(head)
		begins = bytes.HasPrefix(bytes.TrimLeft(head[8:], " \t\r\n"), []byte("{"))
		blank := len(bytes.TrimLeft(head[8:], " \t\r\n")) == 0 && len(head) > 8
		if n <= maxHeader && (begins || blank) && n <= uint64(size-8) {
			return nil
		}
	}
	if what := other(head); what != "" {
		return malformed("%s", what)
	}
	switch {
	case size < 8:
		return malformed("too small for a model: %d bytes: download it again", size)
	case len(bytes.Trim(head, "\x00")) == 0:
		return malformed("begins with %d zero bytes, as an unfinished download does: download it again", len(head))
	case n > maxHeader:
		return malformed("not a safetensors file: its header would be %d bytes long; at most %d are allowed", n, maxHeader)
	case n > uint64(size-8) && (begins || size == 8):
		return malformed("cut off within the header: at least %d of %d bytes are missing: download it again", n-uint64(size-8), n+8)
	}
	return malformed("not a safetensors file: at byte 8 stands %q where { belongs", head[8])
}

// other returns what a file that begins with head is, or "".
func other(head []byte) string {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.what
		}
	}
	if len(head) >= 262 && string(head[257:262]) == "ustar" {
		return "a tar archive: unpack it first, and convert a PyTorch .ckpt to safetensors"
	}
	// A pickle of protocol 2 to 5 and its first instruction: PyTorch's old
	// files, from torch.save without zip.
	if len(head) >= 3 && head[0] == 0x80 && 2 <= head[1] && head[1] <= 5 {
		return "a Python pickle, most likely an old PyTorch .ckpt: convert it to safetensors first"
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, tag := range []string{"<!doctype", "<html", "<head", "<?xml", "<!--"} {
		if bytes.HasPrefix(text, []byte(tag)) {
			return "a web page, not a model: the download needs a login or another link"
		}
	}
	if bytes.HasPrefix(text, []byte("{")) {
		return "a JSON text, not a model: an index, or the error message of a failed download"
	}
	return ""
}
