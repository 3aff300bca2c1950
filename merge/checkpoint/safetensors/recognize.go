package safetensors

import (
	"bytes"
	"encoding/binary"

	"mixmatch/merge/checkpoint"
)

// recognize returns nil if head, the first bytes of a size-byte file, may
// begin a safetensors file; otherwise an error that says what it is.
func recognize(head []byte, size int64) error {
	if size <= 0 {
		return checkpoint.Malformed("empty: download it again")
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
	if what := checkpoint.Foreign(head); what != "" {
		return checkpoint.Malformed("%s", what)
	}
	switch {
	case size < 8:
		return checkpoint.Malformed("too small for a model: %d bytes: download it again", size)
	case len(bytes.Trim(head, "\x00")) == 0:
		return checkpoint.Malformed("begins with %d zero bytes, as an unfinished download does: download it again", len(head))
	case n > maxHeader:
		return checkpoint.Malformed("not a safetensors file: its header would be %d bytes long; at most %d are allowed", n, maxHeader)
	case n > uint64(size-8) && (begins || size == 8):
		return checkpoint.Malformed("cut off within the header: at least %d of %d bytes are missing: download it again", n-uint64(size-8), n+8)
	}
	return checkpoint.Malformed("not a safetensors file: at byte 8 stands %q where { belongs", head[8])
}
