package torch_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
	"mixmatch/merge/open"
)

// A badInput is a file that a list of bad inputs names, under its number there.
type badInput struct {
	number  int
	name    string
	file    []byte
	say     string // what its refusal must say; none where it is read
	differs string // why it is not as stated
}

func global(name string) torchtest.Global {
	i := strings.LastIndex(name, ".")
	return torchtest.Global{Module: name[:i], Name: name[i+1:]}
}

// float32s is a storage of n numbers.
func float32s(n int) *torchtest.Storage {
	return &torchtest.Storage{Class: global("torch.FloatStorage"), Data: make([]byte, 4*n)}
}

func tensor(n int) *torchtest.Tensor {
	return &torchtest.Tensor{Storage: float32s(n), Shape: []int{n}}
}

// one is a state dict of one tensor.
func one(x *torchtest.Tensor) torchtest.Dict { return torchtest.Dict{{"x", x}} }

// raw is an archive of a pickle alone.
func raw(text string) []byte {
	return torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte("\x80\x02" + text)})
}

// with returns a sound archive with other or more members.
func with(members ...torchtest.Member) []byte {
	all := torchtest.Members("m", one(tensor(2)))
	for _, m := range members {
		if i := slices.IndexFunc(all, func(n torchtest.Member) bool { return n.Name == m.Name }); i >= 0 && m.Data != nil {
			all[i] = m
		} else {
			all = append(all, m)
		}
	}
	return torchtest.Archive(all...)
}

// patch returns b with the byte at offset behind every mark changed by an or.
func patch(b []byte, mark string, offset int, or byte) []byte {
	b = slices.Clone(b)
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte(mark))
		if i < 0 {
			return b
		}
		at += i
		b[at+offset] |= or
	}
}

func badInputs() []badInput {
	var list []badInput
	number := 0
	bad := func(name string, file []byte, say string) {
		list = append(list, badInput{number, name, file, say, ""})
	}
	differs := func(name string, file []byte, say, why string) {
		list = append(list, badInput{number, name, file, say, why})
	}
	sound := torchtest.Zip("m", one(tensor(2)))
	legacy := torchtest.Legacy(one(tensor(2)), 2)

	number = 26
	for _, name := range []string{"os.system", "builtins.eval", "torch.hub.load", "webbrowser.open", "torch.load", "torch.nn.init.zeros_"} {
		call := torchtest.Call{Func: global(name), Args: torchtest.Tuple{"x"}}
		say := `unsafe: it asks Python for "` + name + `"`
		bad(name, torchtest.Zip("m", torchtest.Dict{{"x", tensor(2)}, {"y", call}}), say)
		bad(name+", old file", torchtest.Legacy(torchtest.List{call}, 4), say)
	}
	bad("several", raw("cos\nsystem\nctorch.nn.modules.linear\nLinear\ncbuiltins\neval\n0000."), `"os.system", "torch.nn.modules.linear.Linear", "builtins.eval"`)

	number = 27
	module := torchtest.Call{Func: global("torch.nn.modules.linear.Linear"), State: torchtest.Dict{{"weight", tensor(2)}}}
	bad("module of torch", torchtest.Zip("m", module), "not a state dict: save its state_dict() instead")
	module.Func = global("ldm.models.diffusion.ddpm.LatentDiffusion")
	differs("module of a program", torchtest.Zip("m", module), `it asks Python for "ldm.models.diffusion.ddpm.LatentDiffusion"`, "it cannot be told from what does harm")

	number = 28
	bad("unknown instruction", raw("\xff."), "instruction 0xff, which torch.save does not write")
	bad("protocol 9", torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte("\x80\x09N.")}), "pickle protocol 9")

	number = 29
	for name, text := range map[string]string{
		"BINUNICODE": "X\xff\xff\xff\x7fa.", "BINUNICODE8": "\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "BINBYTES8": "\x8e\xff\xff\xff\xff\xff\xff\xff\x7fa.",
		"FRAME": "\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",
	} {
		bad(name, raw(text), "malformed pickle: the file ends within it")
	}
	bad("LONG4", raw("\x8b\xff\xff\xff\x7f."), "malformed pickle: a number of more than 1 MiB")

	number = 30
	bad("remembered far away", raw("}r\xff\xff\xff\x7fX\x01\x00\x00\x00aNs."), "")

	number = 31
	bad("dictionary in itself", raw("}q\x00X\x01\x00\x00\x00ah\x00s."), "a dictionary within itself, or in two places")
	differs("list in itself", raw("}X\x01\x00\x00\x00a]q\x00h\x00as."), "", "nothing follows it")
	laughs := "}q\x000" + strings.Repeat("}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00uq\x000", 40) + "h\x00."
	bad("billion laughs", raw(laughs), "a dictionary within itself, or in two places")
	bad("too many instructions", raw(strings.Repeat("N0", 2_500_001)+"}."), "more than 5000000 instructions")

	number = 32
	for name, text := range map[string]string{"underflow": "a.", "no mark": "t.", "not remembered": "h\x07."} {
		bad(name, raw(text), "malformed pickle: ")
	}

	number = 33
	for _, n := range []int{-1, 1 << 40, 1 << 62, 1, 3} {
		s := float32s(2)
		s.Count = n
		bad(fmt.Sprintf("%d numbers", n), torchtest.Zip("m", one(&torchtest.Tensor{Storage: s, Shape: []int{1}})), "storage ")
		bad(fmt.Sprintf("%d numbers, old file", n), torchtest.Legacy(one(&torchtest.Tensor{Storage: s, Shape: []int{1}}), 2), "storage")
	}
	bad("no such storage", torchtest.Archive(slices.DeleteFunc(torchtest.Members("m", one(tensor(2))), func(m torchtest.Member) bool { return m.Name == "m/data/0" })...), `storage "0" is missing`)

	number = 34
	for _, tt := range []struct {
		offset         int
		shape, strides []int
	}{{1, []int{2}, nil}, {0, []int{3}, nil}, {0, []int{2}, []int{2}}, {-1, []int{1}, nil}, {1, []int{2}, []int{-1}}, {0, []int{-2}, nil}, {0, []int{1 << 40, 1 << 40}, nil}, {0, []int{1 << 40}, []int{0}}} {
		x := &torchtest.Tensor{Storage: float32s(2), Offset: tt.offset, Shape: tt.shape, Strides: tt.strides}
		bad(fmt.Sprintf("offset %d, shape %d, strides %d", tt.offset, tt.shape, tt.strides), torchtest.Zip("m", one(x)), `tensor "x": malformed: `)
	}

	number = 35
	x := &torchtest.Tensor{Storage: float32s(6), Shape: []int{3, 2}, Strides: []int{1, 3}}
	bad("transposed", torchtest.Zip("m", one(x)), "")
	bad("expanded", torchtest.Legacy(one(&torchtest.Tensor{Storage: float32s(6), Shape: []int{9, 6}, Strides: []int{0, 1}}), 2), "")

	number = 36
	for _, name := range []string{"../x", "/x", `C:\x`, "m/../x", "m/data/../../x", "evil/data/0", "evil/0", "m/data/x", "m/data/1/2", "m/x", "m/data/", "m/data/-1"} {
		bad("file "+name, with(torchtest.Member{Name: name}), "has no place in a file that torch.save writes")
	}
	bad("twice the same", with(torchtest.Member{Name: "m/data/0"}), `"m/data/0" occurs twice`)
	bad("two pickles", with(torchtest.Member{Name: "evil/data.pkl", Data: []byte("N.")}), "2 files called data.pkl")
	bad("folder ..", torchtest.Zip("..", one(tensor(2))), `its folder is called ".."`)
	bad("no folder", torchtest.Zip("", one(tensor(2))), `its folder is called ""`)
	bad("link", patch(patch(sound, "PK\x01\x02", 5, 3), "PK\x01\x02", 41, 0xa0), "is a link")

	number = 37
	zeros := make([]byte, 20<<20)
	bad("packed pickle", with(torchtest.Member{Name: "m/data.pkl", Data: zeros, Method: zip.Deflate}), "is compressed, as torch.save never does")
	bad("packed storage", with(torchtest.Member{Name: "m/data/0", Data: zeros, Method: zip.Deflate}), "is compressed")
	end := len(sound) - 22
	changed := func(at int, text string) []byte {
		b := slices.Clone(sound)
		copy(b[at:], text)
		return b
	}
	dir := int(binary.LittleEndian.Uint32(sound[end+16:]))
	longer := string([]byte{sound[dir+20] + 40, sound[dir+21], 0, 0})
	bad("overlap", changed(dir+20, longer+longer), `"m/byteorder" overlaps "m/data.pkl"`)
	bad("more files than there are", changed(end+8, "\xff\xfe\xff\xfe"), "malformed zip archive: 65279 files in a directory of")
	bad("directory elsewhere", changed(end+16, "\x00\x00\x00\x00"), "malformed zip archive: ")
	many := make([]torchtest.Member, 250_001)
	for i := range many {
		many[i].Name = fmt.Sprintf("m/data/%d", i)
	}
	bad("250,001 files", torchtest.Archive(many...), "more than any model has")

	number = 38
	bad("pickle damaged", patch(sound, "OrderedDict", -1, 1), "does not match its checksum: the file is damaged")
	unnoted := slices.Clone(sound)
	copy(unnoted[dir+16:], "\x00\x00\x00\x00")
	bad("not noted", unnoted, "")
	damaged := slices.Clone(sound)
	damaged[bytes.Index(sound, []byte("m/data/0"))+len("m/data/0")+5] ^= 1
	differs("storage damaged", damaged, `storage "0" does not match its checksum`, "found when all of it was read: opening does not read it")

	number = 39
	for _, n := range []int{1, 22, 300, len(sound) - 40} {
		bad(fmt.Sprintf("%d bytes short", n), sound[:len(sound)-n], "cut off: the directory at its end is missing: download it again")
	}

	number = 40
	bad("TorchScript", with(torchtest.Member{Name: "m/constants.pkl", Data: []byte("N.")}), "a TorchScript archive")
	bad("TorchScript's code", with(torchtest.Member{Name: "m/code/__torch__.py", Data: []byte("x"), Method: zip.Deflate}), "a TorchScript archive")
	bad("encrypted", patch(patch(sound, "PK\x03\x04", 6, 1), "PK\x01\x02", 8, 1), "an encrypted zip archive")
	bad("tar", []byte(strings.Repeat("n", 257)+"ustar\x00"+strings.Repeat("\x00", 300)), "a tar archive")
	bad("another zip", torchtest.Archive(torchtest.Member{Name: "model.safetensors"}, torchtest.Member{Name: "readme.txt"}), `it holds "model.safetensors", "readme.txt": if the model is in it, unpack it first`)

	number = 41
	bad("zip", with(torchtest.Member{Name: "m/byteorder", Data: []byte("big")}), "stores the highest byte first")
	bad("old file", bytes.Replace(legacy, []byte("little_endian\x88"), []byte("little_endian\x89"), 1), "stores the highest byte first")
	bad("neither", with(torchtest.Member{Name: "m/byteorder", Data: []byte("middle")}), `its byte order is "middle"`)

	number = 42
	bad("old file 1 byte short", legacy[:len(legacy)-1], "cut off within storage \"0\": at least 1 bytes are missing: download it again")
	bad("old file without its last storage", legacy[:len(legacy)-9], "cut off before storage \"0\": download it again")
	bad("old file without storages", legacy[:len(legacy)-20], "cut off within the pickle at byte ")
	bad("old file with more behind", append(slices.Clone(legacy), 0), "1 bytes after the last storage")
	return list
}

// TestBadInputs opens every file on the list and prints what came of it.
func TestBadInputs(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "no.\ttried\tas stated\tdiffers because\tsays")
	path := filepath.Join(t.TempDir(), "m.ckpt")
	for _, tt := range badInputs() {
		if err := os.WriteFile(path, tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := open.File(path)
		runtime.ReadMemStats(&after)
		says := "is read"
		if err == nil {
			for _, x := range f.Tensors() {
				err = cmp.Or(err, f.ReadBytes(make([]byte, x.Bytes()), x, 0))
			}
			f.Close()
		}
		if err != nil {
			says = strings.TrimPrefix(err.Error(), path+": ")
		}
		refused := errors.Is(err, checkpoint.ErrFormat) && strings.Contains(says, tt.say) && !strings.ContainsAny(says, "\n\x1b") && len(says) < 500
		ok := err == nil
		if tt.say != "" {
			ok = refused
		}
		if !ok {
			t.Errorf("%d %s: got %v; want %q", tt.number, tt.name, err, tt.say)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%d %s: %d KiB of memory for a file of %d", tt.number, tt.name, got>>10, len(tt.file)>>10)
		}
		stated := "yes"
		if tt.differs != "" {
			stated = "no"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", tt.number, tt.name, stated, tt.differs, says)
	}
	w.Flush()
	t.Log("\n" + table.String())
}
