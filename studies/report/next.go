package report

import (
	"io"

	"mixmatch/studies"
)

// Next says what to do with the result of the study in folder dir, in commands
// to type.
func Next(w io.Writer, s *studies.Summary, dir string) error {
	p := &printer{w: w}
	dir = Quote(dir)
	p.f("\nNext:\n")
	p.f("  mixmatch export %s > recipe.txt\n", dir)
	p.f("  mixmatch merge %s -o %s\n", dir, Quote(s.Target+"-rebuilt.safetensors"))
	p.f("  mixmatch show %s --weights\n", dir)
	if s.Missing != nil {
		if s.LoRA != nil {
			p.f("  mixmatch missing %s -o %s --lora\n", dir, Quote(s.Target+"-lora.safetensors"))
		} else {
			p.f("  mixmatch missing %s -o %s\n", dir, Quote(s.Target+"-missing.safetensors"))
		}
		p.f("  and with a model that you suspect:  mixmatch optimize NEW-STUDY --from %s --source SUSPECT.safetensors\n", dir)
	}
	return p.err
}
