package difference

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"mixmatch/merge/checkpoint"
)

// metadata is what a file says of its changes beside their tensors: the settings
// that PEFT keeps in adapter_config.json, beside the file, and diffusers in the
// file itself, by network.
type metadata struct {
	settings map[network]*settings
	config   []byte // adapter_config.json; nil if that was not read
}

// settings are those that PEFT keeps of the LoRAs of one network.
type settings struct {
	Type         string             `json:"peft_type"`
	Alpha        *float64           `json:"lora_alpha"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
	RankStable   bool               `json:"use_rslora"`
	DoRA         bool               `json:"use_dora"`
	Transposed   bool               `json:"fan_in_fan_out"`
}

const (
	adapterFile   = "adapter_model.safetensors"
	adapterConfig = "adapter_config.json"
	ownConfig     = "lora_adapter_metadata" // in the metadata
	mostConfig    = 1 << 20                 // bytes: more than any has
)

// read reads the settings. Note is what was assumed, or "".
func (m *metadata) read(f *checkpoint.File) (note string, err error) {
	m.settings = map[network]*settings{}
	if text := f.Metadata()[ownConfig]; text != "" {
		return "", m.parse("the metadata's "+ownConfig, []byte(text))
	}
	if m.config, err = readConfig(f); err != nil {
		return "", err
	}
	switch {
	case m.config != nil:
		return "", m.parse(adapterConfig+" beside it", m.config)
	case filepath.Base(f.Path()) == adapterFile:
		return "no " + adapterConfig + " is beside it: alpha is taken for the rank where the file has none", nil
	}
	return "", nil
}

// readConfig returns the adapter_config.json beside f, nil if there is none or it
// is not for f.
func readConfig(f *checkpoint.File) ([]byte, error) {
	if f.Metadata()[ownConfig] != "" || filepath.Base(f.Path()) != adapterFile {
		return nil, nil
	}
	file, err := os.Open(filepath.Join(filepath.Dir(f.Path()), adapterConfig))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostConfig+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostConfig {
		return nil, checkpoint.Malformed("%s beside it is too long", adapterConfig)
	}
	return text, nil // not nil, even if it is empty
}

// parse reads settings from JSON: those of one network, or of several, whose names
// begin with that of a network, as in "unet.lora_alpha". What is what it is
// called in messages.
func (m *metadata) parse(what string, text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return checkpoint.Malformed("%s cannot be read: %v", what, err)
	}
	for _, p := range []struct {
		prefix string
		of     []network
	}{
		{"", []network{unet, textAny, text1, text2}},
		{"unet.", []network{unet}},
		{"transformer.", []network{unet}},
		{"text_encoder.", []network{textAny}},
		{"text_encoder_2.", []network{text2}},
	} {
		own := map[string]json.RawMessage{}
		for k, v := range all {
			if name, in := strings.CutPrefix(k, p.prefix); in && !strings.Contains(name, ".") {
				own[name] = v
			}
		}
		if len(own) == 0 {
			continue
		}
		b, err := json.Marshal(own)
		if err != nil {
			return err
		}
		s := &settings{}
		if err := json.Unmarshal(b, s); err != nil {
			return checkpoint.Malformed("%s cannot be read: %v", what, err)
		}
		if err := s.check(); err != nil {
			return checkpoint.Malformed("%s: %v", what, err)
		}
		for _, n := range p.of {
			m.settings[n] = s
		}
	}
	if len(m.settings) == 0 {
		return checkpoint.Malformed("%s: no lora_alpha", what)
	}
	return nil
}

// check returns an error if LoRAs of these settings are not what is read here.
func (s *settings) check() error {
	switch {
	case s.Type != "" && s.Type != "LORA":
		return fmt.Errorf("an adapter of the kind %s, which is not read", checkpoint.Short(s.Type))
	case s.DoRA:
		return errors.New("a DoRA (use_dora): what it adds depends on the model")
	case s.Transposed:
		return errors.New("a LoRA of transposed weights (fan_in_fan_out), which no Stable Diffusion has")
	case s.Alpha == nil:
		return errors.New("no lora_alpha")
	}
	return nil
}

// scale returns alpha / rank of a change that has no alpha of its own: by the
// settings, and otherwise 1.
func (m *metadata) scale(c *change) (float64, error) {
	s := m.settings[c.path.network]
	if s == nil {
		return 1, nil
	}
	a, own := *s.Alpha, ""
	for pattern, v := range s.AlphaPattern {
		r, err := regexp.Compile(`^(.*\.)?(` + pattern + `)$`)
		if err != nil {
			return 0, checkpoint.Malformed("PEFT's settings have an alpha for %s, which is no pattern that can be read", checkpoint.Short(pattern))
		}
		if !r.MatchString(c.path.name) {
			continue
		}
		if own != "" && a != v {
			return 0, checkpoint.Malformed("PEFT's settings have two alphas for module %s, %v and %v", checkpoint.Short(c.module), a, v)
		}
		a, own = v, pattern
	}
	if s.RankStable {
		return a / math.Sqrt(float64(c.rank)), nil
	}
	return a / float64(c.rank), nil
}
