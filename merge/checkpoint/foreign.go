package checkpoint

import "bytes"

// The first bytes of what people have in place of a model, and what to do.
var foreign = [...]struct{ magic, what string }{
	{"version https://git-lfs", "a git-lfs pointer, not the model itself: run `git lfs pull`, or download the file from its page"},
	{"PK\x05\x06", "an empty zip archive: download it again"},
	{"PK\x03\x04", "a zip archive, most likely a PyTorch checkpoint"},
	{"GGUF", "a GGUF file, made for running, not for merging: use the model's safetensors file"},
	{"\x89HDF\r\n", "an HDF5 file, most likely of Keras: use the model's safetensors file"},
	{"\x1f\x8b", "a gzip archive: unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{"Rar!\x1a\x07", "a RAR archive: unpack it first"},
	{"\x28\xb5\x2f\xfd", "a zstd archive: unpack it first"},
	{"\xfd7zXZ\x00", "an xz archive: unpack it first"},
	{"MMPRINT1", "a fingerprint of a model, not the model itself"},
	{"mixmatch library", "a file of a library of fingerprints, not a model"},
	{"%PDF-", "a PDF document, not a model"},
}

// Foreign returns what a file that begins with head is in place of a model, and
// what to do, or "" if that cannot be told.
func Foreign(head []byte) string {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.what
		}
	}
	if len(head) >= 262 && string(head[257:262]) == "ustar" {
		return "a tar archive: unpack it first; if PyTorch wrote it, before 2017, load it with torch and save it anew"
	}
	// A pickle of protocol 2 to 5 and its first instruction: PyTorch's old
	// files, from torch.save without zip.
	if len(head) >= 3 && head[0] == 0x80 && 2 <= head[1] && head[1] <= 5 {
		return "a Python pickle, most likely an old PyTorch checkpoint"
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
