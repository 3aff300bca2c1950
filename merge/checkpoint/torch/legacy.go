package torch

import (
	"encoding/binary"
	"hash"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

const (
	magicNumber     = pickle.Big("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
	protocolVersion = int64(1001)
)

// openLegacy reads a file of before PyTorch 1.6, or of its
// _use_new_zipfile_serialization=False: pickles of a number, of a version, of what
// the machine was like, of the model and of the storages' keys, and then for each
// storage how many numbers it has, and the numbers.
func (c *container) openLegacy(size int64, sum hash.Hash) (*contents, error) {
	var p [5]*pickle.Pickle
	at := int64(0)
	for i := range p {
		var err error
		if p[i], err = c.unpickle(at, size, nil); err != nil {
			return nil, err
		}
		at = p[i].End
		switch {
		case i == 0 && p[i].Value != magicNumber:
			return nil, checkpoint.Malformed("a pickle, but none that torch.save wrote: get the model as safetensors")
		case i == 1 && p[i].Value != protocolVersion:
			return nil, checkpoint.Malformed("malformed torch file: version %s of the format, where %d is known", describe(p[i].Value), protocolVersion)
		case i == 2:
			if err := checkMachine(p[i].Value); err != nil {
				return nil, err
			}
		}
	}
	if err := c.hash(sum, 0, at); err != nil {
		return nil, err
	}
	in := &contents{root: p[3].Value}
	var err error
	if in.storages, err = c.findStorages(p[3].Persistents, p[4].Value, at, size); err != nil {
		return nil, err
	}
	return in, in.checkSizes(p[3].Persistents)
}

// checkMachine refuses what a machine wrote that has the highest byte first.
func checkMachine(v pickle.Value) error {
	d, ok := v.(*pickle.Dict)
	if !ok {
		return checkpoint.Malformed("malformed torch file: what it says of the machine that wrote it is %s", describe(v))
	}
	for _, p := range d.Pairs {
		if p.Key == "little_endian" && p.Value != true {
			return checkpoint.Malformed("written by a machine that stores the highest byte first, which is not read: load it and save it with torch on a common one")
		}
	}
	return nil
}

// findStorages returns the storages, which lie from byte at to the end of the
// file in the order of keys. Of what they are only those who refer to them know.
func (c *container) findStorages(refs []*pickle.Persistent, keys pickle.Value, at, size int64) (map[string]*storage, error) {
	byKey := map[string]reference{}
	for _, p := range refs {
		ref, err := refer(p)
		if err != nil {
			return nil, err
		}
		byKey[ref.key] = ref
	}
	list, ok := keys.(*pickle.List)
	if !ok {
		return nil, checkpoint.Malformed("malformed torch file: its list of storages is %s", describe(keys))
	}
	storages := map[string]*storage{}
	for _, v := range list.Items {
		key, ok := v.(string)
		ref, known := byKey[key]
		switch {
		case !ok || !known:
			return nil, checkpoint.Malformed("malformed torch file: storage %s is of no tensor", describe(v))
		case storages[key] != nil:
			return nil, checkpoint.Malformed("malformed torch file: storage %s occurs twice", checkpoint.Short(key))
		case size-at < 8:
			return nil, checkpoint.Malformed("cut off before storage %s: download it again", checkpoint.Short(key))
		}
		var count [8]byte
		if err := c.fill(count[:], at); err != nil {
			return nil, err
		}
		if n := int64(binary.LittleEndian.Uint64(count[:])); n != ref.size/ref.of.bytes {
			return nil, checkpoint.Malformed("malformed torch file: storage %s has %d numbers, and should have %d", checkpoint.Short(key), n, ref.size/ref.of.bytes)
		}
		at += 8
		if ref.size > size-at {
			return nil, checkpoint.Malformed("cut off within storage %s: at least %d bytes are missing: download it again", checkpoint.Short(key), ref.size-(size-at))
		}
		storages[key] = &storage{key: key, at: at, size: ref.size}
		at += ref.size
	}
	if at != size {
		return nil, checkpoint.Malformed("malformed torch file: %d bytes after the last storage", size-at)
	}
	return storages, nil
}
