package torchtest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
)

// A Member is a file in a zip archive.
type Member struct {
	Name   string
	Data   []byte
	Method uint16 // zip.Store, as all that torch.save writes, or zip.Deflate
}

// Archive returns a zip archive.
func Archive(members ...Member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m.Name, Method: m.Method})
		if err == nil && len(m.Data) > 0 {
			_, err = f.Write(m.Data)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Zip returns v as torch.save writes it since 1.6, to a file called top.
func Zip(top string, v any) []byte { return Archive(Members(top, v)...) }

// Members returns what is in the archive of [Zip].
func Members(top string, v any) []Member {
	b, storages := pickle(v, 2, false)
	members := []Member{{Name: top + "/data.pkl", Data: b}, {Name: top + "/byteorder", Data: []byte("little")}}
	for _, s := range storages {
		members = append(members, Member{Name: top + "/data/" + s.Key, Data: s.Data})
	}
	return append(members,
		Member{Name: top + "/version", Data: []byte("3\n")},
		Member{Name: top + "/.data/serialization_id", Data: bytes.Repeat([]byte("0"), 40)})
}

// Legacy returns v as torch.save wrote it before 1.6, in a protocol from 2 to 5.
func Legacy(v any, protocol int) []byte {
	var b []byte
	plain := func(v any) {
		part, _ := pickle(v, protocol, true)
		b = append(b, part...)
	}
	plain(Bits("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))
	plain(1001)
	plain(Dict{{"protocol_version", 1001}, {"little_endian", true}, {"type_sizes", Dict{{"short", 2}, {"int", 4}, {"long", 4}}}})
	object, storages := pickle(v, protocol, true)
	b = append(b, object...)
	keys := List{}
	for _, s := range storages {
		keys = append(keys, s.Key)
	}
	plain(keys)
	for _, s := range storages {
		b = binary.LittleEndian.AppendUint64(b, uint64(s.count()))
		b = append(b, s.Data...)
	}
	return b
}
