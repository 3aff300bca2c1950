package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
)

// readBytes reads the archive in b.
func readBytes(b []byte) ([]Entry, error) {
	return Read(func(p []byte, at int64) error {
		_, err := io.ReadFull(io.NewSectionReader(bytes.NewReader(b), at, int64(len(p))), p)
		return err
	}, int64(len(b)))
}

type file struct {
	name, data string
	method     uint16
	mode       fs.FileMode
}

// written is an archive as Go's archive/zip writes it.
func written(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: f.method}
		if f.mode != 0 {
			h.SetMode(f.mode)
		}
		fw, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(fw, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func small(t testing.TB) []byte {
	return written(t, file{name: "m/data.pkl", data: "pickle"}, file{name: "m/data/0", data: "0123"}, file{name: "m/data/1", data: "4567"})
}

// TestRead compares what is read with what archive/zip reads.
func TestRead(t *testing.T) {
	for name, files := range map[string][]file{
		"none":  {},
		"small": {{name: "m/data.pkl", data: "pickle"}, {name: "m/data/0", data: "0123"}},
		"empty": {{name: "m/data/0"}, {name: "m/data/1"}},
		"kinds": {{name: "é", data: strings.Repeat("x", 1000), method: zip.Deflate}, {name: "l", data: "m", mode: fs.ModeSymlink | 0o777}, {name: "d/"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := written(t, files...)
			got, err := readBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(r.File) {
				t.Fatalf("%d entries; want %d", len(got), len(r.File))
			}
			for i, f := range r.File {
				at, err := f.DataOffset()
				if err != nil {
					t.Fatal(err)
				}
				want := Entry{
					Name: f.Name, Offset: at, Packed: int64(f.CompressedSize64), Size: int64(f.UncompressedSize64), CRC: f.CRC32,
					Stored: f.Method == zip.Store, Link: f.Mode()&fs.ModeSymlink != 0, header: got[i].header,
				}
				if got[i] != want {
					t.Errorf("got %+v; want %+v", got[i], want)
				}
			}
		})
	}
}

// with returns b with the bytes from at on replaced.
func with(b []byte, at int, text string) []byte {
	b = slices.Clone(b)
	copy(b[at:], text)
	return b
}

// wide is a small archive in which every number that can stands in 64 bits.
func wide(change func(directory, record, locator, end []byte)) []byte {
	put := binary.LittleEndian
	b := []byte("PK\x03\x04" + strings.Repeat("\x00", 26) + "a" + "0123")
	put.PutUint32(b[18:], math.MaxUint32)
	put.PutUint32(b[22:], math.MaxUint32)
	put.PutUint16(b[26:], 1)
	begin := len(b)

	dir := []byte("PK\x01\x02" + strings.Repeat("\x00", 42) + "a" + "\x99\x00\x01\x00x" + "\x01\x00\x18\x00" + strings.Repeat("\x00", 24))
	put.PutUint32(dir[20:], math.MaxUint32)
	put.PutUint32(dir[24:], math.MaxUint32)
	put.PutUint16(dir[28:], 1)
	put.PutUint16(dir[30:], 5+28)
	put.PutUint32(dir[42:], math.MaxUint32)
	put.PutUint64(dir[len(dir)-24:], 4)
	put.PutUint64(dir[len(dir)-16:], 4)

	record := []byte("PK\x06\x06" + strings.Repeat("\x00", 52))
	put.PutUint64(record[4:], 44)
	put.PutUint64(record[24:], 1)
	put.PutUint64(record[32:], 1)
	put.PutUint64(record[40:], uint64(len(dir)))
	put.PutUint64(record[48:], uint64(begin))
	locator := []byte("PK\x06\x07" + strings.Repeat("\x00", 16))
	put.PutUint64(locator[8:], uint64(begin+len(dir)))
	put.PutUint32(locator[16:], 1)
	end := []byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00")
	if change != nil {
		change(dir, record, locator, end)
	}
	return slices.Concat(b, dir, record, locator, end)
}

func TestWide(t *testing.T) {
	got, err := readBytes(wide(nil))
	if err != nil || len(got) != 1 || got[0] != (Entry{Name: "a", Offset: 31, Packed: 4, Size: 4, Stored: true}) {
		t.Errorf("got %+v, %v", got, err)
	}
	put := binary.LittleEndian
	if _, err := readBytes(wide(func(_, _, _, end []byte) { put.PutUint16(end[10:], 1) })); err != nil {
		t.Errorf("a number that fits: %v", err)
	}
	for name, tt := range map[string]struct {
		change func(directory, record, locator, end []byte)
		say    string
	}{
		"record beyond the end":   {func(_, _, l, _ []byte) { put.PutUint64(l[8:], 1<<40) }, "place is missing"},
		"record at a huge place":  {func(_, _, l, _ []byte) { put.PutUint64(l[8:], math.MaxUint64) }, "place is missing"},
		"record elsewhere":        {func(_, _, l, _ []byte) { put.PutUint64(l[8:], 31) }, "malformed"},
		"record of another kind":  {func(_, r, _, _ []byte) { r[3] = 9 }, "place is malformed"},
		"record too long":         {func(_, r, _, _ []byte) { put.PutUint64(r[4:], 1<<63) }, "place is malformed"},
		"numbers beyond 63 bits":  {func(_, r, _, _ []byte) { put.PutUint64(r[48:], 1<<63) }, "place is malformed"},
		"another number of files": {func(_, r, _, _ []byte) { put.PutUint64(r[24:], 2) }, "one part of an archive of several"},
		"second disk":             {func(_, r, _, _ []byte) { r[16] = 1 }, "one part of an archive of several"},
		"several disks":           {func(_, _, l, _ []byte) { l[17] = 1 }, "one part of an archive of several"},
		"record on another disk":  {func(_, _, l, _ []byte) { l[4] = 1 }, "one part of an archive of several"},
		"many files":              {func(_, r, _, _ []byte) { put.PutUint64(r[24:], 1<<40); put.PutUint64(r[32:], 1<<40) }, "more than any model has"},
		"long directory":          {func(_, r, _, _ []byte) { put.PutUint64(r[40:], 1<<40) }, "more than any model has"},
		"two numbers of files":    {func(_, _, _, end []byte) { put.PutUint16(end[10:], 2) }, "one thing here and another there"},
		"two places":              {func(_, _, _, end []byte) { put.PutUint32(end[16:], 2) }, "one thing here and another there"},
		"no wide numbers":         {func(d, _, _, _ []byte) { d[52] = 2 }, "lacks the numbers"},
		"too few wide numbers":    {func(d, _, _, _ []byte) { d[54] = 16 }, "lacks the numbers"},
		"too long wide numbers":   {func(d, _, _, _ []byte) { d[54] = 200 }, "lacks the numbers"},
		"impossible wide numbers": {func(d, _, _, _ []byte) { d[len(d)-1] = 0xff }, "numbers that cannot be"},
		"huge length":             {func(d, _, _, _ []byte) { d[len(d)-10], d[len(d)-18] = 0x70, 0x70 }, "reaches into the directory"},
		"huge place":              {func(d, _, _, _ []byte) { d[len(d)-1] = 0x70 }, "begins beyond the directory"},
	} {
		if _, err := readBytes(wide(tt.change)); err == nil || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: got %v; want %s", name, err, tt.say)
		}
	}
	b := wide(nil)
	b = slices.Delete(b, len(b)-endLen-locatorLen, len(b)-endLen)
	if _, err := readBytes(b); err == nil || !strings.Contains(err.Error(), "the numbers of its directory are missing") {
		t.Errorf("without locator: %v", err)
	}
}

// bad are malformed archives by name, with what is said of them.
func bad(t testing.TB) map[string]struct {
	b   []byte
	say string
} {
	b := small(t)
	end := len(b) - endLen
	dir := int(binary.LittleEndian.Uint32(b[end+16:]))
	entry := func(i, at int) int { // byte at of entry i of the directory
		p := dir
		for range i {
			p += entryLen + int(binary.LittleEndian.Uint16(b[p+28:])) + int(binary.LittleEndian.Uint16(b[p+30:]))
		}
		return p + at
	}
	local := func(i int) int { return int(binary.LittleEndian.Uint32(b[entry(i, 42):])) }
	return map[string]struct {
		b   []byte
		say string
	}{
		"nothing":                {nil, "cut off"},
		"short":                  {[]byte("PK\x03\x04"), "cut off"},
		"cut off":                {b[:len(b)-1], "cut off"},
		"cut off before the end": {b[:end], "cut off: the directory at its end is missing: download it again"},
		"bytes after the end":    {append(slices.Clone(b), "xyz"...), "3 bytes after its end"},
		"bytes before":           {append([]byte("xyz"), b...), "its directory is not where it says"},
		"bytes inserted":         {slices.Insert(slices.Clone(b), end, 'x'), "its directory is not where it says"},
		"second disk":            {with(b, end+4, "\x01"), "one part of an archive of several"},
		"entries elsewhere":      {with(b, end+8, "\x02"), "one part of an archive of several"},
		"an entry too many":      {with(b, end+8, "\x04\x00\x04"), "4 files in a directory of 164 bytes"},
		"entries without end":    {with(b, end+8, "\xfe\xff\xfe\xff"), "65534 files in a directory of"},
		"an entry too few":       {with(b, end+8, "\x02\x00\x02"), "bytes after the last file in its directory"},
		"directory elsewhere":    {with(b, end+16, "\x05"), "its directory is not where it says"},
		"directory beyond":       {with(b, end+16, "\x05\x00\x00\x7f"), "its directory is not where it says"},
		"no entry":               {with(b, entry(1, 0), "x"), "its directory lists 1 of 3 files"},
		"long name":              {with(b, entry(1, 28), "\xff\xff"), "name of a file has 65535 bytes"},
		"long extra":             {with(b, entry(1, 30), "\xff\xff"), "its directory is cut off"},
		"long comment":           {with(b, entry(2, 32), "\xff\xff"), "its directory is cut off"},
		"stored with two sizes":  {with(b, entry(1, 24), "\x05"), `"m/data/0" has 4 bytes where it should have 5`},
		"another size there":     {with(b, local(1)+22, "\x05"), `"m/data/0" has another length where it lies`},
		"another name there":     {with(b, local(1)+localLen, "e"), `"m/data/0" has another name where it lies`},
		"longer name there":      {with(b, local(1)+26, "\x05"), "has another name"},
		"packed there":           {with(b, local(1)+8, "\x08"), "is packed otherwise where it lies"},
		"encrypted there":        {with(b, local(1)+6, "\x01"), "is packed otherwise where it lies"},
		"nothing there":          {with(b, local(1), "x"), `"m/data/0" is not where the directory has it`},
		"far away":               {with(b, entry(1, 42), "\xff\xff\xff\x7f"), "begins beyond the directory"},
		"in the directory":       {with(b, entry(1, 20), "\xff\xff\xff\x7f\xff\xff\xff\x7f"), "reaches into the directory"},
		"long extra there":       {with(b, local(2)+28, "\xff\xff"), "reaches into the directory"},
		"overlap":                {with(b, entry(0, 20), "\x50\x00\x00\x00\x50"), `"m/data/0" overlaps "m/data.pkl"`},
	}
}

func TestMalformed(t *testing.T) {
	for name, tt := range bad(t) {
		t.Run(name, func(t *testing.T) {
			_, err := readBytes(tt.b)
			if _, ok := errors.AsType[Error](err); !ok || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("got %v; want %s", err, tt.say)
			}
		})
	}
}

// TestManyEntries checks that the entries that an archive says to have cost no memory.
func TestManyEntries(t *testing.T) {
	b := written(t)
	for range 3 {
		b = append(make([]byte, 60<<20), b...)
	}
	end := len(b) - endLen
	binary.LittleEndian.PutUint32(b[end+12:], uint32(end))
	binary.LittleEndian.PutUint32(b[end+16:], 0)
	if _, err := readBytes(b); err == nil || !strings.Contains(err.Error(), "more than any model has") {
		t.Errorf("got %v", err)
	}
}

func TestReadFails(t *testing.T) {
	b := small(t)
	eio := errors.New("input/output error")
	for fail := range 5 { // the end, the directory, three entries
		n := 0
		_, err := Read(func(p []byte, at int64) error {
			if n++; n > fail {
				return eio
			}
			copy(p, b[at:])
			return nil
		}, int64(len(b)))
		if !errors.Is(err, eio) {
			t.Errorf("read %d: got %v", fail, err)
		}
	}
}
