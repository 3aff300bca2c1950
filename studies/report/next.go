package report

import (
	"io"

	"mixmatch/studies"
)

// Next says what to do with the result of the study in folder dir, in commands
// to type, and once more what it proves.
func Next(w io.Writer, s *studies.Summary, dir string, page Page) error {
	p := &printer{w: w, page: page}
	dir = Quote(dir)
	p.f("\nNext:\n")
	p.f("  mixmatch export %s > recipe.txt\n", dir)
	if len(s.Fingerprints) > 0 {
		nextOfFingerprints(p, s, dir)
		return p.err
	}
	p.f("  mixmatch merge %s -o %s\n", dir, Quote(s.Target+"-rebuilt.safetensors"))
	p.f("  mixmatch show %s --weights\n", dir)
	p.f("  mixmatch report %s\n", dir)
	if s.Missing != nil {
		if s.LoRA != nil {
			p.f("  mixmatch missing %s -o %s --lora\n", dir, Quote(s.Target+"-lora.safetensors"))
		} else {
			p.f("  mixmatch missing %s -o %s\n", dir, Quote(s.Target+"-missing.safetensors"))
		}
		p.f("  mixmatch optimize NEW --from %s --source A-MODEL-THAT-YOU-SUSPECT\n", dir)
	}
	p.raw("\n")
	p.headline(s)
	return p.err
}

// nextOfFingerprints is Next where files are wanted for most of it.
func nextOfFingerprints(p *printer, s *studies.Summary, dir string) {
	p.f("  mixmatch show %s --weights\n", dir)
	p.f("  mixmatch report %s\n", dir)
	args := ""
	for i, name := range s.Fingerprints {
		flag := "--source " + Quote(name) + "=FILE"
		if i == len(s.Fingerprints)-1 && name == s.Target {
			flag = "--target FILE"
		}
		if i < 3 {
			args += " " + flag
		} else if i == 3 {
			args += " and so on"
		}
	}
	if s.Missing != nil {
		p.f("  and with a model that you suspect:  mixmatch optimize NEW-STUDY --from %s --source SUSPECT.mmf\n", dir)
	}
	p.f("  and with the files, to be exact and to merge:  mixmatch resume %s%s\n", dir, args)
}
