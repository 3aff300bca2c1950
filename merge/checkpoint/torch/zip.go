package torch

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"regexp"
	"strings"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/archive"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// A zip archive of torch.save is one folder, called as the file was. In it are
// data.pkl, a file in data/ for each storage, and short ones of few uses.
const pickleName = "/data.pkl"

// member matches what may be in the folder; what is found is a storage's key.
var member = regexp.MustCompile(`^/(?:data\.pkl|data/([0-9]{1,20})|version|byteorder|\.data/serialization_id|\.format_version|\.storage_alignment)$`)

// openZip reads the zip archive.
func (c *container) openZip(size int64, sum hash.Hash) (*contents, error) {
	entries, err := archive.Read(c.fill, size)
	if bad, ok := errors.AsType[archive.Error](err); ok {
		return nil, checkpoint.Malformed("%v", bad)
	}
	if err != nil {
		return nil, err
	}
	folder, err := folderOf(entries)
	if err != nil {
		return nil, err
	}
	in := &contents{storages: map[string]*storage{}}
	seen := map[string]bool{}
	var data archive.Entry
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name, folder)
		found := member.FindStringSubmatch(name)
		switch {
		case !ok || found == nil:
			return nil, checkpoint.Malformed("malformed torch file: %s has no place in a file that torch.save writes", checkpoint.Short(e.Name))
		case seen[name]:
			return nil, checkpoint.Malformed("malformed torch file: %s occurs twice", checkpoint.Short(e.Name))
		case e.Link:
			return nil, checkpoint.Malformed("malformed torch file: %s is a link", checkpoint.Short(e.Name))
		case !e.Stored:
			return nil, checkpoint.Malformed("%s is compressed, as torch.save never does: another program packed it; get the original file", checkpoint.Short(e.Name))
		}
		seen[name] = true
		switch key := found[1]; {
		case key != "":
			s := &storage{key: key, at: e.Offset, size: e.Size}
			if e.CRC != 0 { // else it was not noted
				s.sum = &checksum{key: key, size: e.Size, want: checkpoint.Sum(e.CRC)}
			}
			in.storages[key] = s
		case name == pickleName:
			data = e
		case name == "/byteorder":
			if err := c.checkByteOrder(e); err != nil {
				return nil, err
			}
		}
	}
	if data.Size > pickle.MaxSize {
		return nil, checkpoint.Malformed("malformed torch file: %s has %d bytes; at most %d are read", checkpoint.Short(data.Name), data.Size, pickle.MaxSize)
	}
	crc := crc32.NewIEEE()
	if err := c.hash(io.MultiWriter(sum, crc), data.Offset, data.Size); err != nil {
		return nil, err
	}
	p, err := c.unpickle(data.Offset, data.Offset+data.Size, func() error {
		if data.CRC != 0 && crc.Sum32() != data.CRC {
			return checkpoint.Malformed("%s does not match its checksum: the file is damaged: download it again", checkpoint.Short(data.Name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p.End != data.Offset+data.Size {
		return nil, checkpoint.Malformed("malformed torch file: %d bytes after the pickle in %s", data.Offset+data.Size-p.End, checkpoint.Short(data.Name))
	}
	in.root = p.Value
	return in, in.checkSizes(p.Persistents)
}

// folderOf returns the name of the folder in an archive that torch.save wrote; for
// another it says what that is.
func folderOf(entries []archive.Entry) (string, error) {
	folder, found := "", 0
	for _, e := range entries {
		name, rest, _ := strings.Cut(e.Name, "/")
		switch {
		case e.Encrypted:
			return "", checkpoint.Malformed("an encrypted zip archive: unpack it with its password first")
		case rest == "constants.pkl", strings.HasPrefix(rest, "code/"):
			return "", checkpoint.Malformed("a TorchScript archive, which is a program: get the model as safetensors, or save its state_dict()")
		case "/"+rest == pickleName:
			folder, found = name, found+1
		}
	}
	switch {
	case len(entries) == 0:
		return "", checkpoint.Malformed("an empty zip archive: download it again")
	case found == 0:
		names := ""
		for i, e := range entries[:min(len(entries), 3)] {
			if i > 0 {
				names += ", "
			}
			names += checkpoint.Short(e.Name)
		}
		if n := len(entries) - 3; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		return "", checkpoint.Malformed("a zip archive, but none that torch.save wrote: it holds %s: if the model is in it, unpack it first", names)
	case found > 1:
		return "", checkpoint.Malformed("malformed torch file: %d files called data.pkl", found)
	case folder == "" || folder == "." || folder == ".." || strings.Contains(folder, `\`):
		return "", checkpoint.Malformed("malformed torch file: its folder is called %s", checkpoint.Short(folder))
	}
	return folder, nil
}

// checkByteOrder reads which byte of a number comes first.
func (c *container) checkByteOrder(e archive.Entry) error {
	b := make([]byte, min(e.Size, 16))
	if err := c.fill(b, e.Offset); err != nil {
		return err
	}
	switch string(b) {
	case "little":
		return nil
	case "big":
		return checkpoint.Malformed("written by a machine that stores the highest byte first, which is not read: load it and save it with torch on a common one")
	}
	return checkpoint.Malformed("malformed torch file: its byte order is %s", checkpoint.Short(string(b)))
}

// checkSizes compares what the pickle says of the storages with what is there.
func (in *contents) checkSizes(storages []*pickle.Persistent) error {
	for _, p := range storages {
		ref, err := refer(p)
		if err != nil {
			return err
		}
		s := in.storages[ref.key]
		switch {
		case s == nil:
			return checkpoint.Malformed("malformed torch file: storage %s is missing", checkpoint.Short(ref.key))
		case s.size != ref.size:
			return checkpoint.Malformed("malformed torch file: storage %s has %d bytes, and should have %d", checkpoint.Short(ref.key), s.size, ref.size)
		}
	}
	return nil
}
