package pickle

import (
	"errors"
	"strings"
	"testing"
)

func FuzzRead(f *testing.F) {
	for _, tt := range malformed {
		if len(tt.pickle) < 4096 {
			f.Add(tt.pickle)
		}
	}
	f.Add("\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00aq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x02tq\x08QK\x00K\x02\x85q\x09K\x01\x85q\x0a\x89h\x00)Rq\x0btq\x0cRq\x0du}b.")
	f.Add("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94]\x94(\x8c\x02os\x8c\x06system\x93\x94\x8c\x01x\x94\x85\x94\x81\x94eu.")
	f.Add("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readText(text)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		if p.End < 1 || p.End > int64(len(text)) || text[p.End-1] != '.' {
			t.Errorf("ends at %d of %d", p.End, len(text))
		}
		// What follows does not matter.
		if q, err := readText(text[:p.End]); err != nil || q.End != p.End || len(q.Globals) != len(p.Globals) {
			t.Errorf("alone: %v", err)
		}
	})
}
