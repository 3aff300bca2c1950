package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// kohyaScripts are kohya's scripts that add LoRAs to a model, and what for.
var kohyaScripts = map[string]block.Arch{"merge_lora.py": block.SD1, "sdxl_merge_lora.py": block.SDXL}

// isKohya reports whether a text is a command line of such a script.
func isKohya(text []byte) bool {
	return strings.Contains(string(text), "merge_lora.py") && strings.Contains(string(text), "--models")
}

// readKohya reads a command line of kohya's networks/merge_lora.py or
// sdxl_merge_lora.py that adds LoRAs to a model, one after the other:
//
//	python networks/merge_lora.py --sd_model A.safetensors --save_to OUT.safetensors --models x.safetensors y.safetensors --ratios 0.7 0.3
func readKohya(im *importer, text []byte) ([]recipe.Step, error) {
	words, err := shellWords(string(text))
	if err != nil {
		return nil, err
	}
	script := ""
	at := slices.IndexFunc(words, func(w string) bool {
		script = path.Base(strings.ReplaceAll(w, `\`, "/"))
		return strings.HasSuffix(script, ".py")
	})
	arch, ok := kohyaScripts[script]
	if !ok {
		return nil, cannot("%.60q does not add LoRAs to a model of SD1.x, SD2.x or SDXL", script)
	}
	args, err := kohyaArgs(words[at+1:])
	if err != nil {
		return nil, err
	}
	if args["v2"] != nil {
		arch = block.SD2
	}
	if err := im.stated(arch, im.era()); err != nil {
		return nil, err
	}
	one := func(name string) (string, error) {
		if len(args[name]) != 1 {
			return "", fmt.Errorf("--%s has %d values, not one", name, len(args[name]))
		}
		return args[name][0], nil
	}
	if args["sd_model"] == nil {
		return nil, cannot("there is no --sd_model: LoRAs are merged into a LoRA")
	}
	model, err := one("sd_model")
	if err != nil {
		return nil, err
	}
	out, err := one("save_to")
	if err != nil {
		return nil, err
	}
	loras, ratios, blocks := args["models"], args["ratios"], args["lbws"]
	if len(loras) == 0 || len(loras) != len(ratios) || len(blocks) != 0 && len(blocks) != len(loras) {
		return nil, fmt.Errorf("--models has %d values, --ratios has %d and --lbws has %d", len(loras), len(ratios), len(blocks))
	}
	used := map[string]bool{recipe.NameOf(model): true, recipe.NameOf(out): true}
	last := recipe.NameOf(model)
	var steps []recipe.Step
	for i, lora := range loras {
		v, ok := numberIn(ratios[i])
		if !ok {
			return nil, fmt.Errorf("the ratio %.60q is no number", ratios[i])
		}
		s := recipe.Step{Mode: recipe.AddLoRA, A: last, B: recipe.NameOf(lora), Alpha: recipe.Uniform(im.layout(), v)}
		if len(blocks) > 0 {
			if err := kohyaBlocks(im.layout(), s.Alpha, blocks[i]); err != nil {
				return nil, fmt.Errorf("--lbws: %w", err)
			}
		}
		if s.Out = recipe.NameOf(out); i < len(loras)-1 {
			s.Out = unused(used)
		}
		last = s.Out
		steps = append(steps, s)
	}
	return steps, nil
}

// era returns the block map of a document that states an architecture alone.
func (im *importer) era() block.Era {
	if im.given != nil {
		return im.given.Era()
	}
	return block.Eras()[0]
}

// kohyaArgs returns the values of each option, which it refuses if it does not
// know it.
func kohyaArgs(words []string) (map[string][]string, error) {
	known := map[string]bool{"sd_model": true, "save_to": true, "models": true, "ratios": true, "lbws": true, "v2": true}
	ignored := []string{"save_precision", "precision", "no_metadata", "concat", "shuffle"} // of the arithmetic, the file, or LoRAs merged into one
	args := map[string][]string{}
	last := ""
	for _, w := range words {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		switch {
		case !strings.HasPrefix(w, "--"):
			if last == "" {
				return nil, fmt.Errorf("%.60q belongs to no option", w)
			}
			args[last] = append(args[last], w)
			continue
		case !known[name] && !slices.Contains(ignored, name):
			return nil, fmt.Errorf("the option --%.60s is not known", name)
		case args[name] != nil:
			return nil, fmt.Errorf("--%s is given twice", name)
		}
		last = name
		args[name] = []string{}
		if hasValue {
			args[name] = append(args[name], value)
		}
	}
	return args, nil
}

// kohyaBlocks multiplies the ratios of the blocks that a list is for; the others
// keep theirs (sdxl_merge_lora.py:107).
func kohyaBlocks(l *block.Layout, row recipe.Row, text string) error {
	var list []float64
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return fmt.Errorf("%.60q is no list of numbers", text)
	}
	names := recipe.LoRABlocks(l, len(list))
	if names == nil && len(list) == l.Len() {
		names = l.Names()
	}
	if names == nil {
		return fmt.Errorf("a list of %d numbers is not for %s", len(list), l.Arch())
	}
	for i, name := range names {
		id, _ := l.Index(name)
		row[id].Value = float64(row[id].Value*list[i]) + 0
	}
	return nil
}

// shellWords cuts a command line at blanks outside of quotes. A backslash or ^
// at the end of a line continues it; elsewhere a backslash is one of a path.
func shellWords(text string) ([]string, error) {
	text = strings.NewReplacer("\\\r\n", " ", "\\\n", " ", "^\r\n", " ", "^\n", " ", "`\n", " ", "`\r\n", " ").Replace(strings.TrimSpace(text))
	if strings.ContainsAny(text, "\n;|&<>$") {
		return nil, errors.New("more than one command")
	}
	var words []string
	var w strings.Builder
	var quote rune
	begun := false
	for _, c := range text + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			w.WriteRune(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case c == ' ' || c == '\t' || c == '\r':
			if w.Len() > 0 || begun {
				words = append(words, w.String())
			}
			w.Reset()
			begun = false
		default:
			w.WriteRune(c)
		}
	}
	if quote != 0 {
		return nil, errors.New("a quotation has no end")
	}
	return words, nil
}
